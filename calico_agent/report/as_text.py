"""The report for a person who was woken at three: verdict and cause first, then what to do, then the rest.

At most 100 columns. What can be long is cut with "and N more", worst first.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from calico_agent.model.container import Stage
from calico_agent.model.finding import Finding, PeerSession, Status
from calico_agent.model.identity import AddressChoice
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.verdict import SEVERITY_WORDS, coming, verdict
from calico_agent.report.words import ago, clean, count, span

WIDTH = 100
_MAX_PROBLEMS = 12
_MAX_SESSIONS = 20
_LABEL_WIDTH = 11

_COLOURS = {Status.TRUE: "32", Status.FALSE: "31", Status.UNKNOWN: "33"}


def render_line(report: Report) -> str:
    """The verdict on one line, for systemd's STATUS and the log."""
    return clean(f"{_host(report)}: {verdict(report)}", 240)


def render_status(report: Report, now: datetime, *, colour: bool = False, stuck: Iterable[str] = ()) -> str:
    """The whole report. `stuck` are sentences about parts of the agent that stand still; they make it old news."""
    lines = [line for sentence in stuck for line in _wrap(f"{_host(report)}: AGENT STUCK: {sentence}")]
    lines += _headline(report, now, colour=colour)
    lines += ["", *_conditions(report, now, colour=colour)]
    for number, timed in enumerate(report.problems):
        if number == _MAX_PROBLEMS:
            lines += ["", f"and {count(len(report.problems) - number, 'more problem')}"]
            break
        lines += ["", *_problem(timed, now)]
    lines += ["", *_facts(report, now)]
    if report.sessions:
        lines += ["", *_sessions(report.sessions)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _host(report: Report) -> str:
    return clean(report.identity.name.name or report.hostname or "this host", 64)


def _headline(report: Report, now: datetime, *, colour: bool) -> list[str]:
    text = f"{_host(report)}: {verdict(report)}"
    checked = f"checked {ago(report.at, now)}"
    text = f"{text[:-1]}; {checked})" if report.healthy and text.endswith(")") else f"{text} ({checked})"
    lines = _wrap(text, "  ")
    return [_painted(line, "1;32" if report.healthy else "1;31") for line in lines] if colour else lines


def _conditions(report: Report, now: datetime, *, colour: bool) -> Iterator[str]:
    width = max((len(timed.condition.type.value) for timed in report.conditions), default=0)
    for timed in report.conditions:
        condition = timed.condition
        # Padded before it is painted: escape sequences have no width.
        status = f"{condition.status.value:<7}"
        head = f"  {condition.type.value:<{width}}  {status}  {span(now - timed.since):>10}  "
        lines = _wrap(head + clean(condition.message or condition.reason), " " * len(head))
        if colour:
            lines[0] = lines[0].replace(status, _painted(status, _COLOURS[condition.status]), 1)
        yield from lines


def _problem(timed: TimedProblem, now: datetime) -> Iterator[str]:
    cause = timed.problem.cause
    lasting = coming(timed, now) or f"for {span(now - timed.since)}"
    if timed.confirmed:
        heading = f"{SEVERITY_WORDS[timed.severity]} {cause.code} {clean(cause.subject, 80)}, {lasting}"
    else:
        left = f", certain in {span(timed.confirmed_at - now)}" if timed.confirmed_at else ""
        heading = f"SUSPECTED {cause.code} {clean(cause.subject, 80)}, {lasting}{left}"
    yield from _wrap(heading)
    yield from _labelled("what it was" if timed.away else "what", cause.what)
    yield from _labelled("why", cause.why)
    yield from _labelled("effect", "" if timed.away else cause.effect)
    yield from _labelled("cure", cause.cure)
    for sentence in _folded(timed.problem.consequences):
        yield from _labelled("explains", sentence)


def _folded(consequences: tuple[Finding, ...]) -> Iterator[str]:
    """One sentence for each code."""
    counts = Counter(finding.code for finding in consequences)
    for finding in consequences:
        others = counts.pop(finding.code, 0) - 1
        if others >= 0:
            yield f"{clean(finding.what)}{f' (and {others} more {finding.code})' if others else ''}"


def _facts(report: Report, now: datetime) -> Iterator[str]:
    yield from _labelled("address", "; ".join(_address(choice) for choice in _choices(report)))
    name = report.identity.name
    yield from _labelled(
        "name", f"{name.name} ({name.source}{_claimed(report)})" if name.name else f"none: {name.refusal}"
    )
    yield from _labelled("container", _container(report, now))
    yield from _labelled("image", _image(report, now))
    yield from _labelled("datastore", _datastore(report, now))
    yield from _labelled("routes", _routes(report))
    said = [timed.problem.cause.what for timed in report.problems]
    for source in report.unreadable:
        if not any(source.reason in what for what in said):
            yield from _labelled("unread", f"{source.source}: {source.reason}")
    yield from _labelled("agent", f"{report.version}, mode {report.mode.value}, {_activity(report, now)}")


def _claimed(report: Report) -> str:
    holder, owner = report.claim.holder, report.claim.owner
    if holder is None:
        return ""
    since = f" since {owner.since:%Y-%m-%d %H:%M} UTC" if owner and owner.since else ""
    return f"; claimed in etcd by {holder}{since}"


def _activity(report: Report, now: datetime) -> str:
    if report.started_at == report.at:
        return "looked once"
    return f"running for {span(now - report.started_at)}, last pass took {report.pass_seconds * 1000:.0f} ms"


def _choices(report: Report) -> tuple[AddressChoice, ...]:
    return tuple(choice for choice in (report.identity.ipv4, report.identity.ipv6) if choice.wanted)


def _address(choice: AddressChoice) -> str:
    if choice.chosen is None:
        return f"no IPv{choice.family.value} address: {choice.refusal}"
    differing = [
        opinion.rule for opinion in choice.opinions if opinion.answers and choice.chosen not in opinion.answers
    ]
    doubt = f", although {', '.join(differing)} would give another" if differing else ""
    return f"{choice.chosen} on {choice.link} (by {choice.rule}{doubt})"


def _container(report: Report, now: datetime) -> str:
    container = report.container
    if container is None:
        blind = any(source.source == "Docker" for source in report.unreadable)
        text = "not known" if blind else "no calico/node container was found"
    else:
        text = f"{container.name} ({container.image}) {container.state.value}"
        if container.running and container.started_at:
            text += f" for {span(now - container.started_at)}"
        elif container.finished_at:
            text += f" with code {container.exit_code} {ago(container.finished_at, now)}"
    supervision = report.supervision
    if report.stage is not None:
        text += f", {report.stage.stage.value}"
        if report.stage.stage is not Stage.READY:
            text += f" ({report.stage.evidence})"
    if supervision.starts:
        text += f", started {count(supervision.starts, 'time')} by the agent"
    if supervision.doing and (container is None or supervision.doing != f"{container.name} is running"):
        text += f"; {supervision.doing}"
    if supervision.next_attempt:
        text += f" (next attempt in {span(supervision.next_attempt - now)})"
    return text


def _image(report: Report, now: datetime) -> str:
    """Told while it is fetched; why that failed is told by a problem."""
    pull = report.supervision.pull
    if pull is None or not pull.goes_on:
        return ""
    again = f", after {count(pull.failures, 'failure')}" if pull.failures else ""
    return f"{pull.words}, for {span(now - pull.started_at)}{again}"


def _datastore(report: Report, now: datetime) -> str:
    origin = report.datastore_origin or "not known where"
    if report.datastore_read_at is None:
        return f"{origin}; never read"
    read = f"{'' if report.datastore_current else 'last '}read {ago(report.datastore_read_at, now)}"
    return f"{origin}; revision {report.datastore_revision}, {read}, {count(report.nodes, 'node')}"


def _routes(report: Report) -> str:
    routes = report.routes
    parts = [f"{routes.expected} expected", f"{routes.present} present"]
    parts += [
        f"{number} {word}"
        for number, word in (
            (routes.missing, "missing"),
            (routes.wrong, "wrong"),
            (routes.stale, "stale"),
        )
        if number
    ]
    without = count(routes.nodes_without_route, "node")
    return ", ".join(parts) + (f"; {without} without any route" if routes.nodes_without_route else "")


def _sessions(peers: tuple[PeerSession, ...]) -> Iterator[str]:
    """The table that `calicoctl node status` has taught everybody, those that are down first."""
    ordered = sorted(peers, key=lambda peer: peer.session.established)
    shown = ordered[:_MAX_SESSIONS]
    rows = [("PEER", "NODE", "TYPE", "STATE", "SINCE", "INFO"), *(_session_row(peer) for peer in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        head = "  " + "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        yield from _wrap(head + row[5], " " * min(len(head), 60))
    if len(ordered) > len(shown):
        yield f"  and {len(ordered) - len(shown)} more, {sum(peer.session.established for peer in peers)} established"


def _session_row(peer: PeerSession) -> tuple[str, ...]:
    session = peer.session
    state = session.bgp_state or session.protocol_state
    info = session.last_error
    if session.established and session.imported is not None:
        info = f"{session.imported} imported, {session.exported or 0} exported"
    cells = (str(session.peer), peer.node or "-", session.kind.value, state, session.since, info)
    return tuple(clean(cell, limit) for cell, limit in zip(cells, (40, 24, 18, 12, 12, 200), strict=True))


def _labelled(label: str, text: str) -> list[str]:
    """A fact with its label, wrapped beside it; nothing for an empty text."""
    if not text:
        return []
    return _wrap(f"  {label:<{_LABEL_WIDTH}}{clean(text)}", " " * (2 + _LABEL_WIDTH))


def _wrap(text: str, indent: str = "  ") -> list[str]:
    # The head's own spaces are columns, so textwrap may not fold them.
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True) or [""]


def _painted(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m"
