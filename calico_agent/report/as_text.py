"""The report for a person who was woken at three: verdict and cause first, then what to do, then the rest.

Folded to the width of the terminal. What can be long is cut with "and N more", worst first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.finding import Status
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.facts import facts, folded_consequences
from calico_agent.report.pages.page import WIDTH, TextLine, folded, labelled, steps_of
from calico_agent.report.pages.peers_text import NARROW, session_lines
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
    lines += [_EMPTY, *(line for fact in facts(report, now, options.doing) for line in labelled(*fact))]
    if report.sessions:
        lines += [_EMPTY, *session_lines(report.sessions, narrow=options.width <= NARROW, whole=options.whole)]
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
    for sentence in (one.what for one in consequences) if whole else folded_consequences(consequences):
        yield from labelled("explains", sentence)
