"""The container that this host should run, by its configuration and by what one look told."""

from dataclasses import replace

from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.model.assessment import Assessment
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.container.supervision import DesiredContainer, Succession
from calico_agent.model.identity import Identity
from calico_agent.model.name_lease import NameState
from calico_agent.model.observation import Observation
from calico_agent.plan.desired_container import can_be_given, wanted_container
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted
from calico_agent.plan.succession import judge_succession


def desired_container(
    observation: Observation,
    assessment: Assessment,
    config: Config,
    succession: Succession,
    name: NameState | None = None,
) -> DesiredContainer:
    """Return the container that this host should run, with all that forbids or delays its start."""
    wanted = decide_wanted(
        config.node_settings(),
        observation.datastore_settings,
        assessment.identity,
        observation.current_datastore,
        name=name,
        without_datastore=config.identity.start_without_datastore,
    )
    return replace(apply_start_gates(wanted, assessment), succession=succession)


def succession_of(config: Config, observation: Observation, identity: Identity) -> Succession:
    """Return what becomes of the container that is there, for the plan and for each text that announces it."""
    spec = specification_of(config, observation, identity)
    if spec is None:
        return Succession("this host's name and addresses, or its datastore, are not known")
    container = node_container(observation.docker, config.node.container_name)
    return judge_succession(observation, identity, spec, container, config.supervise_settings())


def specification_of(config: Config, observation: Observation, identity: Identity) -> ContainerSpec | None:
    """Return what the container is made from; None while this host's identity, or its datastore, is not known."""
    settings = observation.datastore_settings
    if settings is None or not identity.complete or not can_be_given(settings):
        return None
    return wanted_container(config.node_settings(), settings, identity)
