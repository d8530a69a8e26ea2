"""The tally for Prometheus: counters, and how long passes took. They begin anew with the agent."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from calico_agent.report.tally import LIMITS, Tally

_PREFIX = "calico_agent_"


def collect_tally(tally: Tally) -> Iterator[Metric]:
    """Yield the metric families of what the agent did since it began."""
    passes = HistogramMetricFamily(f"{_PREFIX}pass_duration_seconds", "How long finished passes took.")
    limits = (*map(str, LIMITS), "+Inf")
    passes.add_metric((), list(zip(limits, accumulate(tally.durations), strict=True)), tally.seconds)
    yield passes
    failed = "Passes that ended in an error of the agent itself."
    yield CounterMetricFamily(f"{_PREFIX}pass_failures", failed, tally.failed)
    woken = CounterMetricFamily(
        f"{_PREFIX}pass_triggers", "Passes by what woke them; one pass may have several triggers.", labels=("trigger",)
    )
    for trigger, number in tally.woken.items():
        woken.add_metric((trigger,), number)
    yield woken
    unread = CounterMetricFamily(
        f"{_PREFIX}source_errors", "Passes in which a source could not be read.", labels=("source",)
    )
    for source, number in tally.unread.items():
        unread.add_metric((source,), number)
    yield unread
    text = "What this agent did about the calico/node container."
    actions = CounterMetricFamily(f"{_PREFIX}actions", text, labels=("action", "result"))
    for (kind, done), number in tally.actions.items():
        actions.add_metric((kind, "done" if done else "failed"), number)
    yield actions
