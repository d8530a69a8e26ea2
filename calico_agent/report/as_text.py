"""The report for a person who was woken at three: verdict and cause first, then what to do, then the rest.

Folded to the width of the terminal. What can be long is cut with "and N more", worst first.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.container.program import Stage
from calico_agent.model.finding import Finding, Status
from calico_agent.model.identity import AddressChoice
from calico_agent.model.recency import age_of
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.pages.page import WIDTH, TextLine, folded, labelled, steps_of
from calico_agent.report.pages.peers_text import NARROW, session_lines
from calico_agent.report.preflight import preflight_facts
from calico_agent.report.verdict import SEVERITY_WORDS, coming, verdict
from calico_agent.text import ago, clean, counted, span

_MAX_PROBLEMS = 12

_EMPTY = TextLine("")
_COLOURS = {Status.TRUE: "32", Status.FALSE: "31", Status.UNKNOWN: "33"}


def render_line(report: Report) -> str:
    """Return the verdict on one line, for systemd's STATUS and the log."""
    return clean(f"{_host(report)}: {verdict(report)}", 240)


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How much is told: all of it (`whole`), or what a person reads at once; what the agent is `doing` at this moment;
    `stuck` are sentences about parts of the agent that stand still: the report is old then.
    """

    colour: bool = False
    width: int = WIDTH
    whole: bool = False
    doing: str = ""
    stuck: tuple[str, ...] = ()


_USUAL = TextOptions()


def render_headline(report: Report, now: datetime, stuck: tuple[str, ...] = ()) -> str:
    """Return the first line alone."""
    return f"{_host(report)}: AGENT STUCK: {stuck[0]}" if stuck else _headline(report, now).text


def render_status(report: Report, now: datetime, options: TextOptions = _USUAL) -> str:
    """Return the report as the options want it."""
    lines = [TextLine(f"{_host(report)}: AGENT STUCK: {sentence}") for sentence in options.stuck]
    lines += [_headline(report, now), *_paused(report, now), _EMPTY, *_conditions(report, now)]
    for number, timed in enumerate(report.problems):
        if number == _MAX_PROBLEMS and not options.whole:
            lines += [_EMPTY, TextLine(f"and {counted(len(report.problems) - number, 'more problem')}")]
            break
        lines += [_EMPTY, *_problem(timed, now, whole=options.whole)]
    lines += [_EMPTY, *_facts(report, now, options)]
    if report.sessions:
        lines += [_EMPTY, *session_lines(report.sessions, narrow=options.width < NARROW, whole=options.whole)]
    return folded(lines, options.width, colour=options.colour)


def _host(report: Report) -> str:
    return clean(report.identity.name.name or report.hostname or "this host", 64)


def _headline(report: Report, now: datetime) -> TextLine:
    text = f"{_host(report)}: {verdict(report)}"
    checked = f"checked {ago(report.at, now)}"
    joined = report.healthy and report.maintenance.pause is None and text.endswith(")")
    text = f"{text[:-1]}; {checked})" if joined else f"{text} ({checked})"
    return TextLine(text, colour="1;32" if report.healthy else "1;31")


def _paused(report: Report, now: datetime) -> Iterator[TextLine]:
    """Right below the verdict: who forgot it finds it there."""
    pause = report.maintenance.pause
    if pause is None:
        return
    ends = f"until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else "until somebody ends it"
    why = f" ({pause.why})" if pause.why else ""
    yield _EMPTY
    yield from labelled("paused", f"by {pause.by} for {span(now - pause.since)}, {ends}{why}")
    yield from labelled("effect", "calico-agent starts, stops and replaces nothing, whatever is said below")
    yield from labelled("end", "calico-agent resume")


def _conditions(report: Report, now: datetime) -> Iterator[TextLine]:
    width = max((len(timed.condition.type.value) for timed in report.conditions), default=0)
    for timed in report.conditions:
        condition = timed.condition
        # Padded before it is painted: escape sequences have no width.
        status = f"{condition.status.value:<7}"
        head = f"  {condition.type.value:<{width}}  {status}  {span(now - timed.since):>10}  "
        text = head + clean(condition.message or condition.reason)
        yield TextLine(text, " " * len(head), _COLOURS[condition.status], status)


def _problem(timed: TimedProblem, now: datetime, *, whole: bool) -> Iterator[TextLine]:
    cause = timed.problem.cause
    lasting = coming(timed, now) or f"for {span(now - timed.since)}"
    if timed.confirmed:
        heading = f"{SEVERITY_WORDS[timed.severity]} {cause.code} {clean(cause.subject, 80)}, {lasting}"
    else:
        left = f", certain in {span(timed.confirmed_at - now)}" if timed.confirmed_at else ""
        heading = f"SUSPECTED {cause.code} {clean(cause.subject, 80)}, {lasting}{left}"
    yield TextLine(heading)
    yield from labelled("was" if timed.away else "what", cause.what)
    yield from labelled("why", cause.why)
    yield from labelled("effect", "" if timed.away else cause.effect)
    for number, step in enumerate(steps_of(cause.cure)):
        yield from labelled("" if number else "cure", step)
    consequences = timed.problem.consequences
    for sentence in (one.what for one in consequences) if whole else _folded(consequences):
        yield from labelled("explains", sentence)


def _folded(consequences: tuple[Finding, ...]) -> Iterator[str]:
    """One sentence for each code."""
    counts = Counter(finding.code for finding in consequences)
    for finding in consequences:
        others = counts.pop(finding.code, 0) - 1
        if others >= 0:
            yield f"{clean(finding.what)}{f' (and {others} more {finding.code})' if others else ''}"


def _facts(report: Report, now: datetime, options: TextOptions) -> Iterator[TextLine]:
    yield from labelled("address", "; ".join(_address(choice) for choice in _choices(report)))
    name = report.identity.name
    yield from labelled(
        "name", f"{name.name} ({name.source}{_claimed(report)})" if name.name else f"none: {name.refusal}"
    )
    yield from labelled("container", _container(report, now))
    yield from labelled("image", _image(report, now))
    yield from labelled("datastore", _datastore(report, now))
    yield from labelled("routes", _routes(report))
    yield from preflight_facts(report.checks)
    problems = [timed.problem for timed in report.problems]
    said = [one.what for problem in problems for one in (problem.cause, *problem.consequences)]
    for source in report.unreadable:
        if not any(source.reason in what for what in said):
            yield from labelled("unread", f"{source.source}: {source.reason}")
    doing = f"; now: {options.doing}" if options.doing else ""
    yield from labelled("agent", f"{report.version}, mode {report.mode.value}, {_activity(report, now)}{doing}")


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
        text = "no calico/node container was found" if report.container_known else "not known"
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
        text += f", started {counted(supervision.starts, 'time')} by the agent"
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
    again = f", after {counted(pull.failures, 'failure')}" if pull.failures else ""
    return f"{pull.words}, for {span(now - pull.started_at)}{again}"


def _datastore(report: Report, now: datetime) -> str:
    origin = report.datastore_origin or "not known where"
    if report.datastore_read_at is None:
        return f"{origin}; never read"
    age = age_of(report.datastore_read_at, now)
    when = "at a time that is not known" if age is None else f"{span(age)} ago"
    read = f"{'' if report.datastore_current else 'last '}read {when}"
    nodes = "" if report.nodes is None else f", {counted(report.nodes, 'node')}"
    return f"{origin}; revision {report.datastore_revision}, {read}{nodes}"


def _routes(report: Report) -> str:
    routes = report.routes
    if routes is None:
        return "not known"
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
    without = counted(routes.nodes_without_route, "node")
    return ", ".join(parts) + (f"; {without} without any route" if routes.nodes_without_route else "")
