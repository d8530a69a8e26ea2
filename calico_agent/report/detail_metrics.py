"""The report for Prometheus, one by one: series for each BGP session and for what each confirmed problem is about.

Who wants them says for how many: a thousand hosts with a series for each other are a million. What is down comes first,
and what is left out is counted.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from calico_agent.model.assessment import PeerSession
from calico_agent.model.report import Report
from calico_agent.text import clean

_PREFIX = "calico_agent_"
_LONGEST_LABEL = 200

_Labels = tuple[str, ...]
_SESSION = ("peer", "node", "type", "family")
_PROBLEM = ("code", "severity", "subject")


def collect_details(report: Report, most: int) -> Iterator[Metric]:
    """Yield the families of at most so many sessions, and of at most so many problems; none for 0."""
    if not most:
        return
    sessions = {_session_labels(peer): peer for peer in sorted(report.sessions, key=_order, reverse=True)}
    kept = dict(list(reversed(sessions.items()))[:most])
    yield from _sessions(kept)
    since: dict[_Labels, float] = {}
    for timed in report.confirmed:
        labels = timed.problem.cause.code, timed.severity.name.lower(), _label(timed.problem.cause.subject)
        since[labels] = min(timed.since.timestamp(), since.get(labels, timed.since.timestamp()))
    oldest = dict(sorted(since.items(), key=lambda one: one[1])[:most])
    text = "Since when a confirmed problem of a code is there, by what it is about."
    yield _family("problem_subject_since_timestamp_seconds", text, _PROBLEM, oldest)
    left: dict[_Labels, float] = {
        ("bgp_sessions",): len(sessions) - len(kept),
        ("problems",): len(since) - len(oldest),
    }
    text = "Sessions and problems that have no series of their own, as [http] detail_limit has it."
    yield _family("details_left_out", text, ("of",), left)


def _sessions(kept: Mapping[_Labels, PeerSession]) -> Iterator[Metric]:
    sessions = {labels: peer.session for labels, peer in kept.items()}
    up = {labels: float(one.established) for labels, one in sessions.items()}
    yield _family("bgp_session_up", "Whether a BGP session is established.", _SESSION, up)
    since = {labels: one.since_at.timestamp() for labels, one in sessions.items() if one.since_at is not None}
    text = "Since when a BGP session is in its state, as far as BIRD tells."
    yield _family("bgp_session_since_timestamp_seconds", text, _SESSION, since)
    taken = {labels: float(one.imported) for labels, one in sessions.items() if one.imported is not None}
    yield _family("bgp_session_routes_imported", "Routes that a BGP session brings.", _SESSION, taken)
    given = {labels: float(one.exported) for labels, one in sessions.items() if one.exported is not None}
    yield _family("bgp_session_routes_exported", "Routes that a BGP session takes away.", _SESSION, given)
    text = "How often a BGP session went down since the agent began."
    flaps = CounterMetricFamily(f"{_PREFIX}bgp_session_flaps", text, labels=_SESSION)
    for labels, peer in kept.items():
        flaps.add_metric(labels, peer.flaps)
    yield flaps


def _order(peer: PeerSession) -> tuple[bool, int, int]:
    session = peer.session
    return session.established, session.peer.version, int(session.peer)


def _session_labels(peer: PeerSession) -> _Labels:
    session = peer.session
    return str(session.peer), _label(peer.node), session.kind.name.lower(), f"ipv{session.peer.version}"


def _label(text: str) -> str:
    return clean(text, _LONGEST_LABEL)


def _family(name: str, text: str, labels: tuple[str, ...], values: Mapping[_Labels, float]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
