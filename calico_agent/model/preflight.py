"""What a host and its cluster must fulfil for Calico to work: one line each, with a verdict."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from calico_agent.model.finding import Fault
from calico_agent.text import counted


class Verdict(Enum):
    """`WARNING`: it works now, or may not matter here. `NOT_APPLICABLE`: this Calico does not need it.

    `UNKNOWN`: what it depends on could not be read; that is never called ok.
    """

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    NOT_APPLICABLE = "does not apply"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the preflight. `subject` tells several lines about one fault apart.

    `what` is what was found, `why` why that matters, and `cure` a command where there is one; an ok needs only the
    first.
    """

    fault: Fault
    verdict: Verdict
    what: str
    why: str = ""
    cure: str = ""
    subject: str = ""

    @property
    def code(self) -> str:
        """The code of the fault."""
        return self.fault.code


def tally(checks: Iterable[Check]) -> str:
    """How many there are of each verdict: `17 ok, 1 warning, 2 cannot be told`; failures are told in any case."""
    found = Counter(check.verdict for check in checks)
    unknown, idle = found[Verdict.UNKNOWN], found[Verdict.NOT_APPLICABLE]
    parts = (
        f"{found[Verdict.OK]} ok",
        counted(found[Verdict.WARNING], "warning") if found[Verdict.WARNING] else "",
        counted(found[Verdict.FAILURE], "failure"),
        f"{unknown} cannot be told" if unknown else "",
        f"{idle} {'does' if idle == 1 else 'do'} not apply" if idle else "",
    )
    return ", ".join(part for part in parts if part)
