"""The metrics page: the report's metrics, the agent's own parts, and the process (its memory and descriptors)."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPEN_METRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.registry import Collector

from calico_agent.api.latest import AgentHealth
from calico_agent.report.as_metrics import collect, stands_as
from calico_agent.report.detail_metrics import collect_details
from calico_agent.report.tally_metrics import collect_tally
from calico_agent.report.verdict import standing

# What generate_latest writes. The oldest prometheus_client that we allow has no name for it.
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"

__all__ = ["OPEN_METRICS", "PROMETHEUS_TEXT", "Metrics"]


class Metrics:
    """Renders the page. A registry of its own: the global one carries collectors that nobody asked for."""

    def __init__(self, latest: AgentHealth) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_LatestCollector(latest))
        ProcessCollector(registry=self._registry)

    def render(self, *, open_metrics: bool = False) -> bytes:
        """Return the page in Prometheus' text format, or in that of OpenMetrics 1.0."""
        return (generate_open_metrics if open_metrics else generate_latest)(self._registry)


class _LatestCollector(Collector):
    """Everything is made anew from the latest report, so nothing can be left over."""

    def __init__(self, latest: AgentHealth) -> None:
        self._latest = latest

    def collect(self) -> Iterator[Metric]:
        text = "Whether a part of the agent gave a sign of life within its limit."
        components = GaugeMetricFamily("calico_agent_component_healthy", text, labels=("component",))
        for component in self._latest.components():
            components.add_metric((component.name,), component.alive)
        yield components
        ends = self._latest.tls_ends()
        if ends:
            text = (
                "When the certificate of the agent's own port expires, and the last of those that issue its clients'."
            )
            expiry = GaugeMetricFamily("calico_agent_http_certificate_expiry_timestamp_seconds", text, labels=("role",))
            for role, end in ends.items():
                expiry.add_metric((role,), end.timestamp())
            yield expiry
        report = self._latest.report
        yield from stands_as(standing(report, (component.words for component in self._latest.stuck())))
        yield from collect_tally(self._latest.tally)
        if report is not None:
            yield from collect(report)
            yield from collect_details(report, self._latest.detail_limit)
