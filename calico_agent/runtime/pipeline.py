"""One look: observe, identify, verify. What the daemon does in each pass, and `status --once` does once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from calico_agent.checks.assessment import assess
from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.expected.view import view_of
from calico_agent.identity.select import identify_host
from calico_agent.model.action import Attempts, Succession, Supervising
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.finding import Assessment
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.succession import judge_succession
from calico_agent.runtime.collector import Collector
from calico_agent.runtime.pods import with_pods


def look(
    sources: Collector,
    config: Config,
    attempts: Attempts | None = None,
    at: datetime | None = None,
    with_memory: Callable[[Observation], Observation] | None = None,
) -> tuple[Observation, Identity, Assessment]:
    """Observe once and say what it means, to an agent that remembers `attempts` where it supervises.

    `with_memory` adds what an agent knows that has looked before; a single look has none.

    BIRD is asked again about the prefixes whose route is not as it should be: it tells which peer sent it.
    """
    observation = sources.observe(at or datetime.now(UTC))
    if with_memory is not None:
        observation = with_memory(observation)
    elif not isinstance(observation.host, Unreadable):
        observation = replace(observation, host=replace(observation.host, long_up=False))
    identity = _identify(observation, sources)
    observation = _with_pods(observation, identity, sources, config)
    assessment = _assess(observation, identity, sources, config, attempts)
    amiss = assessment.prefixes_amiss
    if amiss:
        observation = sources.with_routes(observation, amiss)
        assessment = _assess(observation, identity, sources, config, attempts)
    return observation, identity, assessment


def _identify(observation: Observation, sources: Collector) -> Identity:
    return identify_host(
        observation.host,
        observation.kernel,
        observation.docker,
        observation.datastore,
        sources.identity_settings,
        sources.endpoints,
        kept=sources.kept,
        reachable=sources.reachable,
        birds=(observation.bird, observation.bird6),
    )


def _with_pods(observation: Observation, identity: Identity, sources: Collector, config: Config) -> Observation:
    """What is known of the pods here; their records are asked for only while etcd answers."""
    view = view_of(observation, identity, mode=config.mode, container_name=config.node.container_name)
    return with_pods(
        view,
        partial(sources.blocks_of, observation.datastore),
        sources.endpoints_of if observation.datastore_trouble is None else lambda *_: None,
    )


def _assess(
    observation: Observation, identity: Identity, sources: Collector, config: Config, attempts: Attempts | None
) -> Assessment:
    supervising = None
    if config.mode is Mode.SUPERVISE:
        supervising = Supervising(
            _specification(config, sources, identity),
            attempts or Attempts(),
            config.supervise_settings(),
            succession_of(config, sources, observation, identity),
        )
    return assess(
        observation,
        identity,
        mode=config.mode,
        container_name=config.node.container_name,
        supervising=supervising,
    )


def _specification(config: Config, sources: Collector, identity: Identity) -> ContainerSpec | None:
    if sources.datastore is None or not identity.complete:
        return None
    return wanted_container(config.node_settings(), sources.datastore, identity)


def succession_of(config: Config, sources: Collector, observation: Observation, identity: Identity) -> Succession:
    """What becomes of the container that is there, for the plan and for every text that announces what will be done."""
    spec = _specification(config, sources, identity)
    if spec is None:
        return Succession("this host's name and addresses, or its datastore, are not known")
    container = node_container(observation.docker, config.node.container_name)
    return judge_succession(observation, identity, spec, container, config.supervise_settings())
