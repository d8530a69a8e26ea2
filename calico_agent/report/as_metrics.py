"""The report for Prometheus. A fixed number of series for each host, whatever the size of the cluster.

Rendered from one report, so all values are of one instant and nothing stale remains. Labels have few values that are
known beforehand: no address, prefix, peer or error text. Instants are exported, not ages: PromQL subtracts.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from calico_agent.model.calico.bird import PeerKind
from calico_agent.model.container.program import Stage
from calico_agent.model.finding import ConditionType, Severity, Status
from calico_agent.model.network.address import Family
from calico_agent.model.preflight import Verdict
from calico_agent.model.report import Report
from calico_agent.report.verdict import HostHealth

_PREFIX = "calico_agent_"

_Values = Mapping[tuple[str, ...], float]
"""A value for each tuple of label values."""

# RFC 4271's states; `down` is a protocol that BIRD has not started, `other` what only BIRD knows.
_SESSION_STATES = ("established", "openconfirm", "opensent", "active", "connect", "idle", "passive", "down", "other")


def collect(report: Report) -> Iterator[Metric]:
    """Yield all metric families of one report, but for those of `stands_as`."""
    yield from _about(report)
    yield from _maintenance(report)
    yield from _judgement(report)
    yield from _routes(report)
    yield _sessions(report)
    yield from _container(report)
    yield from _datastore(report)


def stands_as(stands: HostHealth) -> Iterator[Metric]:
    """Yield the two answers that are given before the first pass, too."""
    healthy = "Whether all conditions are True, no problem is confirmed, and the agent itself is alive."
    yield _gauge("healthy", healthy, stands.healthy)
    yield _gauge("ready", "Whether /readyz says so.", stands.ready)


def _about(report: Report) -> Iterator[Metric]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield _labelled("build_info", "The running agent.", {(report.version, python): 1}, ("version", "python"))
    identity = report.identity
    facts = (
        identity.name.name or "",
        str(identity.ipv4.chosen or ""),
        str(identity.ipv6.chosen or ""),
        identity.ipv4.rule or identity.ipv6.rule,
        report.mode.value,
    )
    yield _labelled("node_info", "Who this host is.", {facts: 1}, ("node", "ipv4", "ipv6", "ip_source", "mode"))
    yield _gauge("start_timestamp_seconds", "When the agent started.", _seconds(report.started_at))
    if report.configuration.taken_at is not None:
        taken = "When the configuration in use was read."
        text = "Whether the last reload took the configuration over; 1 also before the first one."
        yield _gauge("config_last_reload_successful", text, not report.configuration.reload_failed)
        at = _seconds(report.configuration.taken_at)
        yield _gauge("config_last_reload_success_timestamp_seconds", taken, at)
    yield _gauge("last_pass_timestamp_seconds", "When the last finished pass looked.", _seconds(report.at))
    yield _gauge("last_pass_duration_seconds", "How long the last finished pass took.", report.pass_seconds)


def _maintenance(report: Report) -> Iterator[Metric]:
    pause = report.maintenance.pause
    yield _gauge("paused", "Whether somebody paused the agent: it does nothing about calico/node.", pause is not None)
    if pause is None:
        return
    yield _labelled("pause_info", "Who paused the agent.", {(pause.by,): 1}, ("by",))
    yield _gauge("pause_start_timestamp_seconds", "When the agent was paused.", _seconds(pause.since))
    if pause.until is not None:
        text = "When the pause ends by itself; absent where somebody has to end it."
        yield _gauge("pause_end_timestamp_seconds", text, _seconds(pause.until))


def _judgement(report: Report) -> Iterator[Metric]:
    statuses = {timed.condition.type: timed.condition.status for timed in report.conditions}
    conditions: _Values = {
        (kind.value, status.value): int(statuses.get(kind, Status.UNKNOWN) is status)
        for kind in ConditionType
        for status in Status
    }
    yield _labelled("condition", "The status of each condition.", conditions, ("type", "status"))
    since: _Values = {(timed.condition.type.value,): _seconds(timed.since) for timed in report.conditions}
    yield _labelled("condition_since_timestamp_seconds", "Since when a condition has its status.", since, ("type",))
    confirmed: _Values = {(timed.problem.cause.code, timed.severity.name.lower()): 1 for timed in report.confirmed}
    yield _labelled("problem", "The codes of the confirmed problems.", confirmed, ("code", "severity"))
    oldest: dict[tuple[str, ...], float] = {}
    for problem in report.confirmed:
        labels = (problem.problem.cause.code, problem.severity.name.lower())
        at = _seconds(problem.since)
        oldest[labels] = min(at, oldest.get(labels, at))
    yield _labelled(
        "problem_since_timestamp_seconds",
        "Since when the oldest confirmed problem of a code is there.",
        oldest,
        ("code", "severity"),
    )
    counted = Counter((timed.severity, "confirmed" if timed.confirmed else "suspected") for timed in report.problems)
    counts: _Values = {
        (severity.name.lower(), state): counted[severity, state]
        for severity in Severity
        for state in ("confirmed", "suspected")
    }
    yield _labelled("problems", "How many problems there are.", counts, ("severity", "state"))
    if report.checks:
        verdicts = Counter(check.verdict for check in report.checks)
        checks: _Values = {(verdict.name.lower(),): verdicts[verdict] for verdict in Verdict}
        yield _labelled("preflight_checks", "Checks of the preflight by verdict.", checks, ("verdict",))


def _routes(report: Report) -> Iterator[Metric]:
    if report.nodes is not None:
        yield _gauge("nodes", "Nodes that the datastore has a record of.", report.nodes)
    routes = report.routes
    if routes is None:
        return
    for name, number, text in (
        ("expected", routes.expected, "Routes to other nodes' pods that this host should have."),
        ("present", routes.present, "Expected routes that are there and right."),
        ("missing", routes.missing, "Expected routes that are not there."),
        ("wrong", routes.wrong, "Expected routes that lead elsewhere."),
        ("stale", routes.stale, "Routes to pods that nobody expects any more."),
    ):
        yield _gauge(f"routes_{name}", text, number)
    travelling: _Values = {
        (state, encapsulation.lower()): number
        for encapsulation, one in report.encapsulated.items()
        for state, number in (("present", one.present), ("missing", one.missing), ("wrong", one.wrong))
    }
    text = "Expected routes by what was found, and by how packets travel on them."
    yield _labelled("routes", text, travelling, ("state", "encapsulation"))
    yield _gauge("nodes_without_route", "Nodes to whose pods no route leads.", routes.nodes_without_route)


def _sessions(report: Report) -> Metric:
    """All states of the kinds and families in use, so that a sum over a state is 0 and absent only if not known."""
    counted: Counter[tuple[str, str, str]] = Counter()
    groups = set() if Family.IPV4 in report.unread else {(PeerKind.MESH.name.lower(), "ipv4")}
    for peer in report.sessions:
        session = peer.session
        state = session.bgp_state.lower() or "down"
        group = (session.kind.name.lower(), f"ipv{session.peer.version}")
        groups.add(group)
        counted[state if state in _SESSION_STATES else "other", *group] += 1
    values: _Values = {(state, *group): counted[state, *group] for group in sorted(groups) for state in _SESSION_STATES}
    return _labelled("bgp_peers", "BGP sessions by state.", values, ("state", "type", "family"))


def _container(report: Report) -> Iterator[Metric]:
    container = report.container
    running = container is not None and container.running
    if report.container_known:
        yield from _known_container(report, running=running)
    if container is not None:
        started = "When the calico/node container started last."
        if container.started_at:
            yield _gauge("container_start_timestamp_seconds", started, _seconds(container.started_at))
        if not running:
            yield _gauge("container_last_exit_code", "How the calico/node container ended.", container.exit_code)
    failures = "Starts of the container in a row that did not last."
    yield _gauge("container_failed_starts", failures, report.supervision.failures)
    pull = report.supervision.pull
    yield _gauge("image_pulling", "Whether calico/node's image is being fetched.", pull is not None and pull.goes_on)
    failed = "Fetchings of calico/node's image in a row that failed."
    yield _gauge("image_pull_failures", failed, pull.failures if pull else 0)
    starts = "How often this agent has started the calico/node container."
    yield CounterMetricFamily(f"{_PREFIX}container_starts", starts, report.supervision.starts)


def _known_container(report: Report, *, running: bool) -> Iterator[Metric]:
    yield _gauge("container_running", "Whether the calico/node container runs.", running)
    reached = report.stage.stage if report.stage else None
    stages: _Values = {(stage.value.replace(" ", "_"),): int(stage is reached) for stage in Stage}
    yield _labelled("container_stage", "How far calico/node has come since it was started.", stages, ("stage",))


def _datastore(report: Report) -> Iterator[Metric]:
    yield _gauge(
        "datastore_up", "Whether the datastore can be read, and what it says is believed.", report.datastore_current
    )
    if report.datastore_read_at:
        text = "When what is known of the datastore was last known to be current."
        yield _gauge("datastore_last_sync_timestamp_seconds", text, _seconds(report.datastore_read_at))
    if report.datastore_revision is not None:
        yield _gauge("datastore_revision", "The revision of what is known of the datastore.", report.datastore_revision)
    if report.snapshot_at:
        text = "When the reading of the datastore was made that is kept on disk for the next start."
        yield _gauge("datastore_snapshot_timestamp_seconds", text, _seconds(report.snapshot_at))
    if report.certificate_ends:
        text = "When the first certificate of a role expires by which this host and etcd know each other."
        ends: _Values = {(role,): _seconds(end) for role, end in sorted(report.certificate_ends.items())}
        yield _labelled("datastore_certificate_expiry_timestamp_seconds", text, ends, ("role",))


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, float(value))


def _labelled(name: str, text: str, values: _Values, labels: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
