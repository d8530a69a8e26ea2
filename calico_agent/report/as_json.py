"""The report for programs: `status --json` and `/status`.

`schema` counts up when a field changes its meaning or goes; fields may be added at any time. Times are RFC 3339 in UTC,
durations seconds, addresses and prefixes text, what is not known null. Codes and reasons are for programs, every other
text is for people and may be reworded.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

import msgspec

from calico_agent.model.assessment import PeerSession
from calico_agent.model.container.container import Container
from calico_agent.model.container.image import Pull
from calico_agent.model.finding import Finding
from calico_agent.model.maintenance import Pause
from calico_agent.model.name_lease import NameLease
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.pages.identity_text import identity_json
from calico_agent.report.preflight import preflight_json
from calico_agent.report.verdict import standing
from calico_agent.secret import masked_table

SCHEMA = 1

Json = dict[str, object]


def json_text(document: Mapping[str, object]) -> str:
    """Return a document as it is printed and served."""
    try:
        # json itself indents in Python, which takes three times as long.
        return msgspec.json.format(json.dumps(document), indent=2) + "\n"
    except msgspec.DecodeError:  # half of a surrogate pair, from a name that is no UTF-8
        return json.dumps(document, indent=2) + "\n"


def render_json(report: Report, *, stuck: Iterable[str] = (), machine_ids: bool = True, doing: str = "") -> Json:
    """Return the whole report in plain JSON types. `stuck` are sentences about parts of the agent that stand still.

    Without `machine_ids` where it may be read by anybody.
    """
    stands = standing(report, stuck)
    return masked_table(
        {
            "schema": SCHEMA,
            "at": _time(report.at),
            "healthy": stands.healthy,
            "verdict": stands.verdict,
            "ready": stands.ready,
            "not_ready": list(stands.not_ready),
            "stuck": list(stands.stuck),
            "host": report.hostname or None,
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
            "container_known": report.container_known,
            "stage": {"name": report.stage.stage.value, "evidence": report.stage.evidence} if report.stage else None,
            "supervision": {
                "doing": report.supervision.doing,
                "starts": report.supervision.starts,
                "restarts": report.supervision.restarts,
                "failures": report.supervision.failures,
                "next_attempt": _time(report.supervision.next_attempt),
                "pull": _pull(report.supervision.pull) if report.supervision.pull else None,
                "order": _order(report),
            },
            "paused": _pause(report.maintenance.pause),
            "datastore": {
                "origin": report.datastore_origin or None,
                "revision": report.datastore_revision,
                "read_at": _time(report.datastore_read_at),
                "current": report.datastore_current,
                "nodes": report.nodes,
            },
            "name_claim_known": report.nodes is not None,
            "name_claim": _claim(report.claim, machine_ids=machine_ids),
            "sessions": [_session(peer) for peer in report.sessions],
            "sessions_known": not report.unread,
            "routes": asdict(report.routes) if report.routes else None,
            "preflight": preflight_json(report.checks, complete=False),
            "agent": {
                "version": report.version,
                "mode": report.mode.value,
                "started_at": _time(report.started_at),
                "pass_seconds": report.pass_seconds,
                "doing": doing or None,
                "configuration": {
                    "taken_at": _time(report.configuration.taken_at),
                    "reload_failed": report.configuration.reload_failed,
                    "refused": list(report.configuration.refused),
                },
            },
        }
    )


def _claim(claim: NameLease, *, machine_ids: bool) -> Json | None:
    holder = claim.holder
    if holder is None:
        return None
    return {
        "hostname": holder.hostname,
        "address": holder.address or None,
        "machine_id": holder.machine_id if machine_ids and holder.machine_id else None,
        "since": _time(claim.owner.since if claim.owner else None),
        "alive": claim.alive is not None,
    }


def _pause(pause: Pause | None) -> Json | None:
    if pause is None:
        return None
    return {
        "id": pause.id,
        "by": pause.by,
        "why": pause.why,
        "since": _time(pause.since),
        "until": _time(pause.until),
    }


def _order(report: Report) -> Json | None:
    order = report.maintenance.order
    if order is None:
        return None
    obeyed = report.supervision.obeyed == order.id
    return {"id": order.id, "deed": order.deed.value, "by": order.by, "why": order.why, "obeyed": obeyed}


def _problem(timed: TimedProblem) -> Json:
    return {
        **_finding(timed.problem.cause),
        "severity": timed.severity.name.lower(),
        "since": _time(timed.since),
        "confirmed": timed.confirmed,
        "confirmed_at": _time(timed.confirmed_at),
        "times": timed.times,
        "away": timed.away,
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
        "exit_code": None if container.alive or container.finished_at is None else container.exit_code,
        "managed": container.managed,
        "spec_hash": container.spec_hash,
        "started_at": _time(container.started_at),
        "finished_at": _time(container.finished_at),
        "runtime": container.runtime or None,
        "pod": container.pod or None,
        "restarts": container.restart_count,
    }


def _pull(pull: Pull) -> Json:
    return {
        "image": pull.reference,
        "started_at": _time(pull.started_at),
        "ended_at": _time(pull.ended_at),
        "error": pull.error,
        "failures": pull.failures,
        "layers": pull.layers,
        "layers_done": pull.layers_done,
        "bytes_fetched": pull.fetched,
        "bytes": pull.size,
    }


def peers_json(report: Report) -> Json:
    """The sessions alone."""
    return masked_table(
        {
            "schema": SCHEMA,
            "at": _time(report.at),
            "sessions": [_session(peer) for peer in report.sessions],
            "sessions_known": not report.unread,
        }
    )


def problems_json(report: Report) -> Json:
    """The problems alone."""
    problems = [_problem(timed) for timed in report.problems]
    return masked_table({"schema": SCHEMA, "at": _time(report.at), "problems": problems})


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
        "since": _time(session.since_at),
        "since_text": session.since,
        "last_error": session.last_error,
        "imported": session.imported,
        "exported": session.exported,
        "flaps": peer.flaps,
        "last_failure": peer.last_error or None,
        "last_failure_at": _time(peer.error_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
