"""The real look at each host of a world."""

from dataclasses import dataclass

from calico_agent.config import Config
from calico_agent.model.assessment import Assessment
from calico_agent.model.finding import Finding
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Observation
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import evaluate
from tests.worlds.model.kept import kept
from tests.worlds.model.settle import Settled
from tests.worlds.reading import Outside
from tests.worlds.stored import AT, Store


@dataclass(frozen=True)
class Look:
    """What an agent on one host says."""

    hostname: str
    observation: Observation
    identity: Identity
    assessment: Assessment

    @property
    def findings(self) -> tuple[Finding, ...]:
        problems = self.assessment.problems
        return tuple(one for problem in problems for one in (problem.cause, *problem.consequences))

    @property
    def roots(self) -> tuple[Finding, ...]:
        return tuple(problem.cause for problem in self.assessment.problems)


@kept
def look_at(settled: Settled) -> tuple[Look, ...]:
    """The look of an agent on every host."""
    store = Store.of(settled.world)
    return tuple(look_from(Outside(settled, name, store), name, Config()) for name in settled.machines)


def look_from(outside: Outside, hostname: str, config: Config) -> Look:
    """The look of one agent."""
    seen = evaluate(outside, config, Memory(kept=outside.kept), AT)
    return Look(hostname, seen.observation, seen.identity, seen.assessment)
