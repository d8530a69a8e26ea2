"""One look as a report: what was read and found, with the times that conditions and problems have."""

from calico_agent import __version__
from calico_agent.checks.container.stage import stage_by
from calico_agent.checks.preflight.machine.certificates import certificate_ends
from calico_agent.config import Config
from calico_agent.expected.local_node import node_container, runs_elsewhere
from calico_agent.model.assessment import Assessment
from calico_agent.model.container.container import Container
from calico_agent.model.container.image import Pull
from calico_agent.model.container.supervision import Plan
from calico_agent.model.name_lease import claim_on
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import Report, Supervision, TimedCondition, TimedProblem
from calico_agent.model.settings import Mode


def compose(
    config: Config,
    observation: Observation,
    assessment: Assessment,
    conditions: tuple[TimedCondition, ...],
    problems: tuple[TimedProblem, ...],
    plan: Plan | None = None,
) -> Report:
    """Return the report of one look, with the times that conditions and problems already carry.

    A single look has no `plan`: it does nothing.
    """
    datastore = observation.datastore
    readable = None if isinstance(datastore, Unreadable) else datastore
    container = node_container(observation.docker, config.node.container_name)
    if container is None and config.mode is Mode.OBSERVE:
        container = observation.elsewhere
    return Report(
        at=observation.at,
        started_at=observation.at,
        version=__version__,
        mode=config.mode,
        hostname="" if isinstance(observation.host, Unreadable) else observation.host.hostname,
        identity=assessment.identity,
        conditions=conditions,
        problems=problems,
        sessions=assessment.sessions,
        unread=assessment.unread,
        routes=assessment.routes,
        encapsulated=assessment.encapsulated,
        container_known=container is not None
        or not (isinstance(observation.docker, Unreadable) or runs_elsewhere(observation)),
        container=container,
        stage=stage_by(assessment.stage, (timed.condition for timed in conditions)),
        unreadable=observation.unreadable(without_bird=container is not None and not container.runs_bird),
        datastore_origin=observation.datastore_settings.origin if observation.datastore_settings else "",
        datastore_called=observation.datastore_called,
        datastore_revision=readable.revision if readable else None,
        datastore_read_at=readable.read_at if readable else None,
        snapshot_at=observation.snapshot_at,
        certificate_ends=certificate_ends(observation.preparation),
        nodes=len(readable.nodes) if readable else None,
        configuration=observation.configuration,
        checks=assessment.checks,
        claim=claim_on(assessment.identity.name.name or "", readable.claims if readable else ()),
        supervision=Supervision() if plan is None else told(plan, container, observation.pull),
        maintenance=observation.maintenance,
    )


def told(plan: Plan, container: Container | None, pull: Pull | None) -> Supervision:
    """Return what is told of supervision: what it does, and what it remembers of starts."""
    attempts = plan.attempts
    young = container is not None and container.alive  # it may last: no failure yet
    return Supervision(
        doing=f"{plan.doing} (the last try: {attempts.last_error})" if attempts.last_error else plan.doing,
        starts=attempts.starts,
        restarts=attempts.restarts,
        failures=max(0, attempts.failures - young),
        next_attempt=plan.next_attempt,
        pull=pull,
        obeyed=attempts.order,
    )
