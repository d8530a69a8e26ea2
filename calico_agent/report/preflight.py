"""The preflight for people and programs: every check by `calico-agent preflight`, what is not ok by `status`."""

from collections import Counter
from collections.abc import Iterable, Iterator

from calico_agent.model.preflight import Check, Verdict, tally
from calico_agent.report.pages.page import WIDTH, TextLine, folded
from calico_agent.text import clean

_COLOURS = {
    Verdict.OK: "32",
    Verdict.WARNING: "33",
    Verdict.FAILURE: "31",
    Verdict.NOT_APPLICABLE: "2",
    Verdict.UNKNOWN: "33",
}
_EXPLAINED = frozenset({Verdict.WARNING, Verdict.FAILURE, Verdict.UNKNOWN})
_WIDEST = max(len(verdict.value) for verdict in Verdict)
_MAX_UNTOLD = 6
_LONGEST_CURE = 4000  # a command that is cut is another command


def render_preflight(checks: tuple[Check, ...], *, colour: bool = False, width: int = WIDTH) -> str:
    """Return every check, and the sum of all."""
    codes = max((len(check.code) for check in checks), default=0)
    lines = [line for check in checks for line in _told(check, codes)]
    failed = any(check.verdict is Verdict.FAILURE for check in checks)
    end = "this host is not prepared for Calico" if failed else "nothing speaks against Calico on this host"
    known = any(check.verdict not in {Verdict.UNKNOWN, Verdict.NOT_APPLICABLE} for check in checks)
    end = end if known else "nothing could be read: nothing is known of this host"
    return folded([*lines, TextLine(""), TextLine(f"{end}: {tally(checks)}")], width, colour=colour)


def preflight_json(checks: Iterable[Check], *, complete: bool = True) -> dict[str, object]:
    """Return the checks, and how many there are of each verdict; all of them or what is not ok."""
    checks = tuple(checks)
    counts = Counter(check.verdict for check in checks)
    shown = (check for check in checks if complete or check.verdict in _EXPLAINED)
    return {
        "prepared": None if not checks else not counts[Verdict.FAILURE],
        "counts": {verdict.name.lower(): counts[verdict] for verdict in Verdict},
        "checks": [
            {
                "code": check.code,
                "subject": check.subject or None,
                "verdict": check.verdict.name.lower(),
                "what": check.what,
                "why": check.why or None,
                "cure": check.cure or None,
            }
            for check in shown
        ],
    }


def preflight_facts(checks: tuple[Check, ...]) -> Iterator[tuple[str, str]]:
    """Yield the sum, and what cannot be told: warnings and failures are problems, and are told as such."""
    if not checks:
        return
    yield "preflight", tally(checks)
    untold = [check for check in checks if check.verdict is Verdict.UNKNOWN]
    for check in untold[:_MAX_UNTOLD]:
        yield "untold", f"{check.code}: {check.what}"
    if len(untold) > _MAX_UNTOLD:
        yield "untold", f"and {len(untold) - _MAX_UNTOLD} more: calico-agent preflight"


def _told(check: Check, codes: int) -> Iterator[TextLine]:
    word = f"{check.verdict.value:<{_WIDEST}}"
    head = f"{word}  {check.code:<{codes}}  "
    yield TextLine(head + clean(check.what), " " * len(head), _COLOURS[check.verdict], word)
    if check.verdict in _EXPLAINED:
        for label, text in (("why", clean(check.why)), ("cure", clean(check.cure, _LONGEST_CURE))):
            if text:
                yield TextLine(f"{'':<{len(head)}}{label:<5} {text}", " " * (len(head) + 6), whole=label == "cure")
