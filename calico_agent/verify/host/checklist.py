"""The one list of checks, in the order in which they are printed, and the findings that they give."""

from collections.abc import Callable, Iterable, Iterator

from calico_agent.model.finding import Finding, Severity
from calico_agent.model.preflight import Check, Verdict
from calico_agent.verify.catalogue import finding
from calico_agent.verify.host.forwarding import check_forwarding
from calico_agent.verify.view import View

CHECKS: tuple[Callable[[View], Iterator[Check]], ...] = (check_forwarding,)
"""Each says something of its subject in any case: what does not apply here, or cannot be told, is a line, too."""

_SEVERITIES = {Verdict.WARNING: Severity.WARNING, Verdict.FAILURE: Severity.ERROR}


def checks_of(view: View) -> tuple[Check, ...]:
    """All of them; none where nothing was read for them."""
    if view.observation.preparation is None:
        return ()
    return tuple(one for check in CHECKS for one in check(view))


def find_unprepared(view: View, checks: Iterable[Check]) -> Iterator[Finding]:
    """A finding for each check that is not as it should be. What cannot be told is no finding."""
    for one in checks:
        if (severity := _SEVERITIES.get(one.verdict)) is not None:
            yield finding(
                one.code,
                one.subject or view.me,
                one.what,
                effect=one.why,
                cure=one.cure,
                node=view.me,
                severity=severity,
            )
