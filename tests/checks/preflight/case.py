"""One case of the preflight: an observation, and the lines that a check must say of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from calico_agent.expected.view import View, view_of
from calico_agent.faults.registry import FAULTS
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.preparation import Preparation
from calico_agent.model.settings import Mode
from tests.checks.cluster import HEALTHY, IDENTITY


@dataclass(frozen=True)
class CheckCase:
    """`lines` maps `CODE subject` to the verdict, in their order. `says` are pieces of text that they must contain,
    `unsaid` such as they must not."""

    observation: Observation
    lines: dict[str, Verdict]
    says: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    identity: Identity = IDENTITY

    def codes(self) -> set[str]:
        """The codes that this case proves can be a problem."""
        return {
            line.split()[0] for line, verdict in self.lines.items() if verdict in {Verdict.WARNING, Verdict.FAILURE}
        }


def prepared(observation: Observation = HEALTHY, **fields: object) -> Observation:
    """An observation for which these fields of `Preparation` were read, and others not."""
    return replace(observation, preparation=Preparation(**fields))  # type: ignore[arg-type]


def view(observation: Observation, identity: Identity = IDENTITY) -> View:
    """What the checks look at."""
    return view_of(observation, identity, mode=Mode.OBSERVE, container_name="calico-node")


def check(case: CheckCase, function: Callable[[View], Iterator[Check]]) -> None:
    """The case holds."""
    found = tuple(function(view(case.observation, case.identity)))
    assert {f"{one.code} {one.subject}".rstrip(): one.verdict for one in found} == case.lines
    text = "\n".join(f"{one.what}\n{one.why}\n{one.cure}" for one in found)
    for piece in case.says:
        assert piece in text
    for piece in case.unsaid:
        assert piece not in text
    for one in found:
        assert FAULTS[one.code] is one.fault
        assert one.what
        assert "None" not in f"{one.what}{one.why}{one.cure}"
        if one.verdict in {Verdict.WARNING, Verdict.FAILURE}:
            assert one.why, "it says why it matters"
            assert one.cure, "it says what to do"
