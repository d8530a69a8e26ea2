"""The report for programs: `status --json` and `/status`.

`schema` counts up when a field changes its meaning or goes; fields may be added at any time. Times are RFC 3339 in UTC,
durations seconds, addresses and prefixes text, what is not known null. Codes and reasons are for programs, every other
text is for people and may be reworded.
"""

from collections.abc import Iterable
from datetime import datetime

from calico_agent.model.container import Container
from calico_agent.model.finding import Finding, PeerSession
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.identity_text import identity_json
from calico_agent.report.verdict import not_ready, verdict

SCHEMA = 1

Json = dict[str, object]


def render_json(report: Report, *, stuck: Iterable[str] = ()) -> Json:
    """The whole report in plain JSON types. `stuck` are sentences about parts of the agent that stand still."""
    reasons = not_ready(report)
    standing_still = list(stuck)
    return {
        "schema": SCHEMA,
        "at": _time(report.at),
        "healthy": report.healthy and not standing_still,
        "verdict": verdict(report),
        "ready": not reasons,
        "not_ready": list(reasons),
        "stuck": standing_still,
        "host": report.hostname,
        "identity": identity_json(report.identity),
        "conditions": [
            {
                "type": timed.condition.type.value,
                "status": timed.condition.status.value,
                "reason": timed.condition.reason,
                "message": timed.condition.message,
                "since": _time(timed.since),
            }
            for timed in report.conditions
        ],
        "problems": [_problem(timed) for timed in report.problems],
        "unreadable": [
            {"source": source.source, "code": source.code, "reason": source.reason} for source in report.unreadable
        ],
        "container": _container(report.container) if report.container else None,
        "supervision": {
            "doing": report.supervision.doing,
            "restarts": report.supervision.restarts,
            "next_attempt": _time(report.supervision.next_attempt),
        },
        "datastore": {
            "origin": report.datastore_origin,
            "revision": report.datastore_revision,
            "read_at": _time(report.datastore_read_at),
            "nodes": report.nodes,
        },
        "sessions": [_session(peer) for peer in report.sessions],
        "routes": {
            "expected": report.routes.expected,
            "present": report.routes.present,
            "missing": report.routes.missing,
            "wrong": report.routes.wrong,
            "unknown": report.routes.unknown,
            "stale": report.routes.stale,
            "nodes_without_route": report.routes.nodes_without_route,
        },
        "agent": {
            "version": report.version,
            "mode": report.mode.value,
            "started_at": _time(report.started_at),
            "pass_seconds": report.pass_seconds,
        },
    }


def _problem(timed: TimedProblem) -> Json:
    return {
        **_finding(timed.problem.cause),
        "since": _time(timed.since),
        "confirmed": timed.confirmed,
        "confirmed_at": _time(timed.confirmed_at),
        "consequences": [_finding(finding) for finding in timed.problem.consequences],
    }


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "subject": finding.subject,
        "severity": finding.severity.name.lower(),
        "condition": finding.condition.value,
        "what": finding.what,
        "why": finding.why,
        "effect": finding.effect,
        "cure": finding.cure,
        "node": finding.node or None,
        "prefix": str(finding.prefix) if finding.prefix else None,
    }


def _container(container: Container) -> Json:
    # Not its environment: calico/node is given passwords there.
    return {
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "state": container.state.value,
        "exit_code": container.exit_code,
        "managed": container.managed,
        "spec_hash": container.spec_hash,
        "started_at": _time(container.started_at),
        "finished_at": _time(container.finished_at),
    }


def _session(peer: PeerSession) -> Json:
    session = peer.session
    return {
        "name": session.name,
        "peer": str(session.peer),
        "node": peer.node or None,
        "type": session.kind.value,
        "established": session.established,
        "protocol_state": session.protocol_state,
        "bgp_state": session.bgp_state,
        "since": session.since,
        "last_error": session.last_error,
        "imported": session.imported,
        "exported": session.exported,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
