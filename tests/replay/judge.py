"""A recorded observation through the pure stages, as an agent with some configuration would take it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from calico_agent import __version__
from calico_agent.checks.assessment import assess
from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.expected.view import View, view_of
from calico_agent.identity.select import identify_host
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.node import Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.container.supervision import Attempts, Plan, Progress, Supervising
from calico_agent.model.network.address import IPAddress
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import Report, Supervision
from calico_agent.model.settings import Mode
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.name_lease import plan_claim
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.pods import with_pods
from tests.replay.capture import endpoints, read_capture, settings_of

_DEFAULTS = Config()


def assess_capture(capture: Path, host: str, config: Config = _DEFAULTS) -> Assessment:
    """The pure stages, one after the other."""
    return assess_observation(read_capture(capture, host, config.node.container_name), config)


def assess_observation(observation: Observation, config: Config = _DEFAULTS) -> Assessment:
    """What an agent with this configuration makes of an observation. It remembers nothing."""
    name = config.node.container_name
    identity = identify_host(
        observation.host,
        observation.kernel,
        observation.docker,
        observation.datastore,
        config.identity_settings(),
        endpoints(observation.docker, name),
        birds=(observation.bird, observation.bird6),
    )
    seen = _with_pods(view_of(observation, identity, mode=config.mode, container_name=name))
    supervising = None
    if config.mode is Mode.SUPERVISE:
        settings = config.datastore_settings() or settings_of(observation.docker, name)
        known = settings is not None and identity.complete
        spec = wanted_container(config.node_settings(), settings, identity) if known and settings else None
        supervising = Supervising(spec, Attempts(), config.supervise_settings())
    return assess(seen, identity, mode=config.mode, container_name=name, supervising=supervising)


def _with_pods(view: View) -> Observation:
    """What an agent would have asked of the recorded blocks and of the recorded pods of some nodes."""
    datastore, pods = view.observation.datastore, view.observation.pods

    def endpoints_of(
        nodes: frozenset[str], links: frozenset[int], _: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable:
        if not isinstance(pods, WorkloadEndpoints):
            return pods or Unreadable("etcd", "no workload endpoints were recorded", "absent")
        return WorkloadEndpoints(nodes, tuple(one for one in pods.records if one.node in nodes), links)

    blocks = datastore.blocks if isinstance(datastore, Datastore) else ()
    unasked = replace(view, observation=replace(view.observation, pods=None))
    return with_pods(unasked, lambda wanted: tuple(one for one in blocks if one.cidr in wanted), endpoints_of)


def plan_capture(observation: Observation, assessment: Assessment, config: Config) -> Plan:
    """What an agent that supervises would do now, were everything confirmed."""
    name = plan_claim(observation, assessment.identity)
    wanted = decide_wanted(
        config.node_settings(),
        config.datastore_settings() or settings_of(observation.docker, config.node.container_name),
        assessment.identity,
        observation.current_datastore,
        name=name,
        without_datastore=config.identity.start_without_datastore,
    )
    _, _, problems = advance(Sightings(), assessment, observation.at, timedelta(0))
    return plan_supervision(
        observation.docker,
        apply_start_gates(wanted, assessment),
        Attempts(),
        config.supervise_settings(),
        problems=problems,
        progress=Progress(assessment.stage, sum(peer.session.established for peer in assessment.sessions)),
        pull=observation.pull,
        etcd_since=observation.at,
        now=observation.at,
        hold_down=timedelta(0),
        jitter=0.0,
    )


def report_capture(capture: Path, host: str, config: Config = _DEFAULTS) -> Report:
    """The report that `status` would show, with everything confirmed."""
    observation = read_capture(capture, host, config.node.container_name)
    assessment = assess_observation(observation, config)
    _, conditions, problems = advance(Sightings(), assessment, observation.at, timedelta(0))
    datastore = observation.datastore if isinstance(observation.datastore, Datastore) else None
    supervising = config.mode is Mode.SUPERVISE
    container = node_container(observation.docker, config.node.container_name)
    return Report(
        at=observation.at,
        started_at=observation.at,
        version=__version__,
        mode=config.mode,
        hostname=host,
        identity=assessment.identity,
        conditions=conditions,
        problems=problems,
        sessions=assessment.sessions,
        routes=assessment.routes,
        container=container,
        stage=assessment.stage,
        unreadable=observation.unreadable(without_bird=container is not None and not container.runs_bird),
        datastore_origin="recording",
        datastore_revision=datastore.revision if datastore else 0,
        datastore_read_at=datastore.read_at if datastore else None,
        nodes=len(datastore.nodes) if datastore else 0,
        supervision=Supervision(plan_capture(observation, assessment, config).doing) if supervising else Supervision(),
    )
