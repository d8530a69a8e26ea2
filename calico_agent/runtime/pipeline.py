"""The pass, step by step: what is read, what it means, what is to be done, what is told.

Everything a pass knows comes from its observation. What it remembers is one value (`Memory`), handed in and out.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from calico_agent.checks.assessment import assess
from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.expected.view import view_of
from calico_agent.identity.select import identify_host
from calico_agent.identity.sticky import addresses_in_use, names_in_use, remember
from calico_agent.model.assessment import Assessment, Key
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.container.supervision import Attempts, Plan, Supervising
from calico_agent.model.finding import ConditionType
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.identity import Identity, KeptIdentity
from calico_agent.model.last_value_cache import caches_in_use
from calico_agent.model.name_lease import LONG_UP_SECONDS
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import Report, TimedCondition, TimedProblem, since_true
from calico_agent.model.settings import IdentitySettings, Mode
from calico_agent.plan.maintenance.pause import held_back
from calico_agent.plan.name_lease import plan_claim
from calico_agent.plan.progress import progress_of
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.start_gates import forewarned
from calico_agent.plan.succession import running_name
from calico_agent.report.session_changes import remembered
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.compose import compose
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pods import hanging_on_nodes, suspects_of, with_pods
from calico_agent.runtime.supervision import desired_container, specification_of, succession_of

# A name that is another machine's gives way to the next one that this host may have.
_MOST_NAMES = 3


class Outside(Protocol):
    """What a pass asks: one observation, and what the first look at that leaves open."""

    def observe(self, at: datetime) -> Observation: ...

    def with_holders(self, observation: Observation, names: frozenset[str]) -> Observation:
        """Return the same with who has these node names."""

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        """Return the same with the routes that BIRD knows to some prefixes."""

    def blocks_of(self, datastore: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Return some blocks as they are now."""

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable | None:
        """Return the records of some nodes' pods."""

    def nodes_of(self, names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        """Return what Kubernetes says of some nodes; none where the datastore is another one."""

    def doubted(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Return those of findings that hang on nodes which are not known as they are now."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was read, who this host is by it, and what that means."""

    observation: Observation
    identity: Identity
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Pass:
    """All that one pass came to."""

    evaluation: Evaluation
    plan: Plan
    report: Report
    memory: Memory


def make_pass(outside: Outside, config: Config, memory: Memory, at: datetime) -> Pass:
    """Make one trip through all stages, up to what should be done."""
    evaluation = evaluate(outside, config, memory, at)
    observation, assessment = evaluation.observation, evaluation.assessment
    memory = memory.after(observation.maintenance.order)
    sightings, conditions, problems = advance(memory.sightings, assessment, observation.at, config.hold_down)
    plan = make_plan(evaluation, config, memory.attempts, conditions, problems)
    sessions = remembered(memory.sessions, assessment.sessions, assessment.unread, observation.at)
    seen = tuple(sessions[peer.session.name] for peer in assessment.sessions)
    report = compose(config, observation, replace(assessment, sessions=seen), conditions, problems, plan)
    kept = _kept(evaluation, config, memory.kept)
    return Pass(evaluation, plan, report, Memory(sightings, plan.attempts, kept, sessions))


@caches_in_use()
def evaluate(outside: Outside, config: Config, memory: Memory, at: datetime) -> Evaluation:
    """Look once and say what it means. Three answers open questions: about the holders of this host's names, about
    pods, and about routes that are amiss.
    """
    observation = _by_age(outside.observe(at), memory.sightings)
    memory = memory.after(observation.maintenance.order)
    observation, identity = _with_holders(outside, observation, config, memory.kept)
    observation = _with_pods(outside, observation, identity, config)
    assessment = _assess(observation, identity, config, memory.attempts)
    further = observation
    if suspects := suspects_of(assessment):  # Kubernetes may say that they are off
        nodes = outside.nodes_of(suspects)
        further = replace(further, cluster_nodes={**further.cluster_nodes, **nodes}) if nodes else further
    if assessment.prefixes_amiss:  # BIRD tells which peer sent a route
        further = outside.with_routes(further, assessment.prefixes_amiss)
    if further is not observation:
        observation = further
        assessment = _assess(observation, identity, config, memory.attempts)
    waiting = outside.doubted(hanging := hanging_on_nodes(assessment))
    return Evaluation(observation, identity, assessment.doubting(waiting, hanging - waiting))


def make_plan(
    evaluation: Evaluation,
    config: Config,
    attempts: Attempts,
    conditions: tuple[TimedCondition, ...],
    problems: tuple[TimedProblem, ...],
) -> Plan:
    """Decide what is to be done about calico/node, its image and the lease on its name."""
    if config.mode is Mode.OBSERVE:
        return Plan(None, "only observing", attempts)
    observation, assessment = evaluation.observation, evaluation.assessment
    container = node_container(observation.docker, config.node.container_name)
    succession = succession_of(config, observation, evaluation.identity)
    goes_on = succession.stays or observation.maintenance.pause
    stays = running_name(observation, container) if goes_on and container is not None else ""
    name = plan_claim(observation, evaluation.identity, stays)
    plan = plan_supervision(
        observation.docker,
        desired_container(observation, assessment, config, succession, name),
        attempts,
        config.supervise_settings(),
        problems=problems,
        progress=progress_of(observation, assessment, container),
        pull=observation.pull,
        order=observation.maintenance.order,
        etcd_since=since_true(conditions, ConditionType.DATASTORE_REACHABLE),
        now=observation.at,
        hold_down=config.hold_down,
        jitter=random.random(),  # noqa: S311 - it spreads restarts over time, nobody must not guess it
    )
    plan = forewarned(replace(plan, name=name), assessment)
    pause = observation.maintenance.pause
    return plan if pause is None else held_back(plan, attempts, pause)


def identity_settings(config: Config, observation: Observation) -> IdentitySettings:
    """Return how name and addresses are found; what uses etcd's v2 API is Calico 2.x."""
    settings, datastore = config.identity_settings(), observation.datastore_settings
    return replace(settings, as_written=settings.as_written or (datastore is not None and datastore.is_of_calico_2))


def _by_age(observation: Observation, sightings: Sightings) -> Observation:
    """The same, with a host that counts as up for long only if this agent has seen the datastore for as long."""
    host = observation.host
    if isinstance(host, Unreadable):
        return observation
    since = since_true(sightings.conditions, ConditionType.DATASTORE_REACHABLE)
    long = since is not None and observation.at - since > timedelta(seconds=LONG_UP_SECONDS)
    return replace(observation, host=replace(host, long_up=host.long_up and long))


def identify(observation: Observation, config: Config, kept: KeptIdentity) -> Identity:
    """Return who this host is by what was read, and by who it was before."""
    return identify_host(
        observation.host,
        observation.kernel,
        observation.docker,
        observation.datastore,
        identity_settings(config, observation),
        observation.datastore_addresses,
        kept=kept,
        reachable=observation.reachable,
        birds=(observation.bird, observation.bird6),
    )


def _with_holders(
    outside: Outside, observation: Observation, config: Config, kept: KeptIdentity
) -> tuple[Observation, Identity]:
    """What is known of the names that this host has or may have, and who it is by that: it may then be another one."""
    identity = identify(observation, config, kept)
    container = node_container(observation.docker, config.node.container_name)
    names, asked = frozenset((kept.name, running_name(observation, container) if container else "")), frozenset({""})
    for _ in range(_MOST_NAMES):
        names |= {identity.name.name or ""}
        if names <= asked:
            break
        asked |= names
        seen = outside.with_holders(observation, asked - {""})
        if seen is observation:
            break
        observation, identity = seen, identify(seen, config, kept)
    return observation, identity


def _with_pods(outside: Outside, observation: Observation, identity: Identity, config: Config) -> Observation:
    """What is known of the pods here; their records are asked for only while etcd answers."""
    view = view_of(observation, identity, mode=config.mode, container_name=config.node.container_name)
    if view.local.name is not None and (nodes := outside.nodes_of(frozenset({view.local.name}))):
        view = replace(view, observation=replace(view.observation, cluster_nodes=nodes))
    return with_pods(
        view,
        lambda wanted: outside.blocks_of(observation.datastore, wanted),
        outside.endpoints_of if observation.datastore_trouble is None else lambda *_: None,
    )


def _assess(observation: Observation, identity: Identity, config: Config, attempts: Attempts) -> Assessment:
    supervising = None
    if config.mode is Mode.SUPERVISE:
        supervising = Supervising(
            specification_of(config, observation, identity),
            attempts,
            config.supervise_settings(),
            succession_of(config, observation, identity),
        )
    name = config.node.container_name
    return assess(observation, identity, mode=config.mode, container_name=name, supervising=supervising)


def _kept(evaluation: Evaluation, config: Config, before: KeptIdentity) -> KeptIdentity:
    """Who this host is, for the next time, where it is this agent that decides it."""
    observation, identity = evaluation.observation, evaluation.identity
    if config.mode is not Mode.SUPERVISE or isinstance(observation.host, Unreadable):
        return before
    used = addresses_in_use(observation.docker, observation.datastore, identity.name.name)
    names = names_in_use(observation.docker)
    return remember(before, identity, observation.host.machine_id, used, observation.at, names=names)
