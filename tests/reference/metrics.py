"""The page of all metrics, made from the families of real pages."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from calico_agent.api.latest import AgentHealth
from calico_agent.api.metrics import Metrics
from calico_agent.faults.preflight.kernel import HOST_CLOCK
from calico_agent.model.assessment import StageReached
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.image import Pull
from calico_agent.model.container.program import Stage
from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.report import Report, Supervision
from tests.reference import markdown
from tests.reports import NOW, blind_report, broken_report, healthy_report

_PREFIX = "calico_agent_"


def page() -> str:
    """The page."""
    everything, always = _families(*_reports()), _families(blind_report())
    rows = [
        (
            markdown.code(_name(family)),
            family.type,
            ", ".join(_labels(family)),
            markdown.escape(family.documentation),
            _absent(family.name, always),
        )
        for family in everything.values()
        if family.name.startswith(_PREFIX)
    ]
    return markdown.page(
        "Metrics",
        "the families that the agent makes",
        "`/metrics` on the HTTP port and on the unix socket, in Prometheus' text format, or as OpenMetrics for who "
        "accepts that. The number of series does not grow with the cluster, unless `[http] detail_limit` asks for "
        "more. All values of one answer are of one instant, and times are instants in seconds since 1970: "
        "`time() - calico_agent_last_pass_timestamp_seconds` is an age.",
        "What is not known is left out, and never 0, so a rule asks for `absent()` as well where that matters. Before "
        "the first pass there are `calico_agent_healthy`, `calico_agent_ready`, `calico_agent_component_healthy` and "
        "what is counted. Counters begin anew with the agent.",
        markdown.table(("name", "type", "labels", "what it says", "can be absent"), rows),
        "The page also has the families `process_*` of the Prometheus client: memory, processor time and file "
        "descriptors of the agent itself.",
    )


# What only some configurations have.
_CONFIGURED = {
    "calico_agent_http_certificate_expiry_timestamp_seconds": "without TLS",
    "calico_agent_details_left_out": "without `detail_limit`",
    "calico_agent_problem_subject_since_timestamp_seconds": "without `detail_limit`",
}


_OF_THE_CLUSTER = {"node", "peer"}


def _absent(name: str, always: Container[str]) -> str:
    if name.startswith("calico_agent_bgp_session_"):
        return "without `detail_limit`"
    return _CONFIGURED.get(name, "" if name in always else "yes")


def _families(*reports: Report) -> dict[str, Metric]:
    """The families of which these reports have a series, by name."""
    return {family.name: family for report in reports for family in _page_of(report) if family.samples}


def _page_of(report: Report) -> Iterable[Metric]:
    latest = AgentHealth(loop_limit=60)
    latest.detail_limit = 100
    latest.tls_ends = lambda: {"server": NOW, "client_authority": NOW}
    latest.publish(report)
    return text_string_to_metric_families(Metrics(latest).render().decode())


def _reports() -> Iterator[Report]:
    """Reports that have everything between them: a fault, an image that is fetched, a container that ended."""
    broken = broken_report()
    assert broken.container is not None
    ended = replace(
        broken.container, state=ContainerState.EXITED, exit_code=137, finished_at=NOW - timedelta(minutes=1)
    )
    yield replace(
        broken,
        configuration=Configuration(taken_at=NOW),
        maintenance=Maintenance(Pause("alice", "disk", NOW, NOW)),
        checks=(Check(HOST_CLOCK, Verdict.OK, "the clock is right"),),
        supervision=Supervision(pull=Pull("calico/node:v3.31.7", NOW)),
        stage=StageReached(Stage.READY, "BIRD answers"),
        container=ended,
    )
    yield healthy_report()


def _name(family: Metric) -> str:
    """The name that a query uses: a counter's ends in `_total`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> Iterator[str]:
    """Each label, with its values where they are always all there."""
    values: dict[str, dict[str, None]] = {}
    for sample in family.samples:
        for label, value in sorted(sample.labels.items()):
            values.setdefault(label, {})[value] = None
    for label, known in values.items():
        listed = len(known) > 1 and label not in _OF_THE_CLUSTER
        yield markdown.code(label) + (f" ({', '.join(known)})" if listed else "")
