"""One case of a rule: an observation and the problems it must give, no more and no less."""

from dataclasses import dataclass, field

from calico_agent.faults.registry import FAULTS
from calico_agent.model.container.supervision import Supervising
from calico_agent.model.finding import Status
from calico_agent.model.identity import Identity
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from tests.checks.cluster import IDENTITY, findings_of, problems_of, statuses_of


@dataclass(frozen=True)
class Case:
    """`problems` maps `CODE subject` of each cause to its consequences, the gravest cause first.

    `says` are pieces of text that the findings together must contain, `unsaid` such as they must not; `status` the
    conditions that are not True, by name, where they are what the case is about.
    """

    observation: Observation
    problems: dict[str, set[str]] = field(default_factory=dict)
    identity: Identity = IDENTITY
    mode: Mode = Mode.OBSERVE
    says: tuple[str, ...] = ()
    status: dict[str, Status] | None = None
    supervising: Supervising | None = None
    unsaid: tuple[str, ...] = ()

    def codes(self) -> set[str]:
        """The codes that this case proves can be emitted."""
        return {words.split()[0] for cause, rest in self.problems.items() for words in (cause, *rest)}


def check(case: Case) -> None:
    """The case holds."""
    found = problems_of(case.observation, case.identity, case.mode, case.supervising)
    assert found == case.problems
    assert list(found) == list(case.problems), "the order of the problems"
    findings = findings_of(case.observation, case.identity, case.mode, case.supervising)
    text = "\n".join(f"{one.what}\n{one.why}\n{one.effect}\n{one.cure}" for one in findings)
    for piece in case.says:
        assert piece in text
    for piece in case.unsaid:
        assert piece not in text
    for one in findings:
        assert FAULTS[one.code] is one.fault
        if one.code.startswith("RT-"):
            assert one.effect, f"{one.code} does not say what becomes of the packets"
        assert one.family is Family.IPV6 or "IPv6" not in one.subject
        assert "None" not in f"{one.what}{one.why}{one.effect}{one.cure}"
    if case.status is not None:
        assert statuses_of(case.observation, case.identity, case.mode, case.supervising) == case.status
