"""The problems, each with its cause, what to type, and what its code means."""

from collections.abc import Iterator
from datetime import datetime

from markupsafe import Markup

from calico_agent.model.finding import Fault
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.facts import folded_consequences
from calico_agent.report.html.markup import EMPTY, facts_list, fitting, joined, note, section
from calico_agent.report.html.symbols import Tone, icon, tone_of
from calico_agent.report.pages.page import steps_of
from calico_agent.report.verdict import SEVERITY_WORDS, coming
from calico_agent.text import clean, counted, span

_MOST_PROBLEMS, _MOST_BYTES = 24, 40_000
_MOST_EXPLAINED = 12
_LONGEST_STEP = 4000  # a command that is cut is another command


def problem_cards(report: Report) -> Markup:
    """Return the section of all problems, the gravest first."""
    cards = fitting(_cards(report), _MOST_PROBLEMS, _MOST_BYTES)
    left = len(report.problems) - len(cards)
    more = note(f"and {counted(left, 'more problem')}: calico-agent status --verbose, or /problems") if left else EMPTY
    if not cards:
        return section("problems", "Problems", Markup("<p>%snone is known</p>") % (icon(Tone.GOOD),), wide=True)
    return section("problems", f"Problems ({len(report.problems)})", *cards, more, wide=True)


def _cards(report: Report) -> Iterator[Markup]:
    explained: set[str] = set()
    for number, timed in enumerate(report.problems):
        fault = timed.problem.cause.fault
        yield _card(timed, report.at, number, _meaning(fault, again=fault.code in explained))
        explained.add(fault.code)


def _card(timed: TimedProblem, now: datetime, number: int, meaning: Markup) -> Markup:
    cause = timed.problem.cause
    word = SEVERITY_WORDS[timed.severity] if timed.confirmed else "SUSPECTED"
    lasting = coming(timed, now) or f"for {span(now - timed.since)}"
    left = f", certain in {span(timed.confirmed_at - now)}" if timed.confirmed_at and not timed.confirmed else ""
    facts: list[tuple[str, object]] = [("was" if timed.away else "what", clean(cause.what))]
    if cause.why:
        facts.append(("why", clean(cause.why)))
    if cause.effect and not timed.away:
        facts.append(("effect", clean(cause.effect)))
    if cause.cure:
        facts.append(("cure", _steps(cause.cure, number)))
    sentences = [*folded_consequences(timed.problem.consequences[:500])]
    if sentences:
        parts = [Markup("<li>%s</li>") % (clean(sentence),) for sentence in sentences[:_MOST_EXPLAINED]]
        if len(sentences) > _MOST_EXPLAINED:
            parts.append(Markup("<li>and %s more</li>") % (len(sentences) - _MOST_EXPLAINED,))
        facts.append(("explains", Markup("<ul>%s</ul>") % (joined(parts),)))
    form = Markup(
        '<article class="card %s" aria-labelledby="p%s"><h3 id="p%s">%s<b>%s %s</b> %s<span class="note">, %s</span>'
        "</h3>%s%s</article>"
    )
    tone = tone_of(timed)
    title = (tone.value, number, number, icon(tone), word, cause.code, clean(cause.subject, 80), f"{lasting}{left}")
    return form % (*title, facts_list(facts), meaning)


def _steps(cure: str, number: int) -> Markup:
    """The steps to type or decide, in their order. A button to copy each is added by the script."""
    steps = [
        Markup('<li><code id="c%s-%s" data-copy>%s</code></li>') % (number, step, clean(text, _LONGEST_STEP))
        for step, text in enumerate(steps_of(cure[: 4 * _LONGEST_STEP]), 1)
    ]
    return Markup('<ol class="steps">%s</ol>') % (joined(steps),)


def _meaning(fault: Fault, *, again: bool) -> Markup:
    """What the code means, as `calico-agent explain` says it; once for each code."""
    if again:
        return EMPTY
    paragraphs = joined(Markup("<p>%s</p>") % (each,) for each in fault.explanation.strip().split("\n\n"))
    form = Markup(
        '<details data-key="m-%s"><summary>What %s means: %s</summary>%s<p class="note">The same by '
        "<code>calico-agent explain %s</code>, and in <code>docs/reference/codes.md#%s</code></p></details>"
    )
    return form % (fault.code, fault.code, fault.title, paragraphs, fault.code, fault.code.lower())
