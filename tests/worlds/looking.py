"""The real look and the real plan at each host of a world."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from calico_agent.config import Config
from calico_agent.config.node import NodeSection
from calico_agent.look import look, succession_of
from calico_agent.model.action import Attempts, Plan
from calico_agent.model.finding import Assessment, Finding
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from calico_agent.plan.claim import plan_claim
from calico_agent.plan.guards import decide_wanted, obey
from calico_agent.plan.progress import progress_of
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.succession import running_name
from calico_agent.report.timeline import History, advance
from calico_agent.sources import Sources
from calico_agent.verify.local import node_container
from tests.worlds.model.settle import Settled
from tests.worlds.reading import AT, Outside, Store

SUPERVISES = Config(mode=Mode.SUPERVISE, node=NodeSection(image="calico/node:v3.31.7"))


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


def look_at(settled: Settled, config: Config | None = None) -> tuple[Look, ...]:
    """The look of an agent on every host."""
    store = Store.of(settled)
    return tuple(_look(Outside(settled, name, store), name, config or Config()) for name in settled.machines)


def _look(outside: Outside, hostname: str, config: Config) -> Look:
    observation, identity, assessment = look(cast("Sources", outside), config, at=AT)
    return Look(hostname, observation, identity, assessment)


def plan_at(settled: Settled, hostname: str, store: Store, config: Config = SUPERVISES) -> tuple[Look, Plan]:
    """What an agent would do there that made calico/node as it is registered, had everything lasted."""
    outside = Outside(settled, hostname, store)
    outside.made_by(config, _look(outside, hostname, config).identity)
    found = _look(outside, hostname, config)
    observation, identity, assessment = found.observation, found.identity, found.assessment
    container = node_container(observation.docker, config.node.container_name)
    succession = succession_of(config, cast("Sources", outside), observation, identity)
    stays = running_name(observation, container) if succession.stays and container is not None else ""
    name = plan_claim(observation, identity, stays)
    wanted = decide_wanted(
        config.node_settings(),
        outside.datastore,
        identity,
        observation.current_datastore,
        name=name,
        without_datastore=config.identity.start_without_datastore,
    )
    _, _, problems = advance(History(), assessment, AT, timedelta(0))
    plan = plan_supervision(
        observation.docker,
        replace(obey(wanted, assessment), succession=succession),
        Attempts(),
        config.supervise_settings(),
        problems=problems,
        progress=progress_of(observation, assessment, container),
        pull=None,
        etcd_since=AT - timedelta(days=1),
        now=AT,
        hold_down=timedelta(0),
        jitter=0.0,
    )
    return found, plan
