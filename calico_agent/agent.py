"""The pass: observe, identify, verify, report, plan, act. The only file that knows all stages.

Everything a pass knows comes from its observation. Remembered from one pass to the next are two values, handed in and
out: since when things are as they are (`History`), and how often the container was started (`Attempts`).
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calico_agent import __version__
from calico_agent.act.container import ContainerActor
from calico_agent.config import Config
from calico_agent.identify.host import identify_host
from calico_agent.model.action import Attempts, Outcome, Plan
from calico_agent.model.address import Family
from calico_agent.model.container import Container
from calico_agent.model.finding import Assessment
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import Report, Supervision
from calico_agent.model.settings import Mode
from calico_agent.plan.guards import decide_wanted
from calico_agent.plan.remediation import plan_supervision, record_error
from calico_agent.report.timeline import History, advance
from calico_agent.sources import Sources
from calico_agent.verify.assessment import assess

# BIRD puts a deleted route back within its scan of 2 s: a fault that one look finds must still be there at the next.
_SECOND_LOOK = timedelta(seconds=3)


class Agent:
    """All stages, wired for one configuration. Not thread-safe: one thread makes the passes."""

    def __init__(self, config: Config, wake: Callable[[str], None]) -> None:
        self._config = config
        self._sources = Sources(config, wake)
        self._actor = ContainerActor(config.docker.url)
        self._started_at = datetime.now(UTC)
        self._history = History()
        self._attempts = Attempts()

    def make_pass(self) -> tuple[Report, Plan]:
        """One trip through the stages, up to what should be done; `act` does it."""
        begun = time.monotonic()
        observation, identity, assessment = look(self._sources, self._config)
        now = observation.at
        self._history, conditions, problems = advance(self._history, assessment, now, self._config.hold_down)
        plan = self._plan(observation, identity, now)
        self._attempts = plan.attempts
        report = compose(self._config, self._sources, observation, assessment)
        report = replace(
            report,
            started_at=self._started_at,
            conditions=conditions,
            problems=problems,
            supervision=Supervision(
                doing=_with_error(plan.doing, self._attempts.last_error),
                restarts=self._attempts.starts,
                next_attempt=plan.next_attempt,
            ),
            pass_seconds=time.monotonic() - begun,
        )
        return report, plan

    def act(self, plan: Plan) -> Outcome | None:
        """Do what the plan says; None when that is nothing."""
        if plan.action is None:
            return None
        outcome = self._actor.perform(plan.action)
        self._attempts = record_error(self._attempts, outcome.error)
        return outcome

    def reconfigure(self, config: Config, wake: Callable[[str], None]) -> None:
        """Go on with another configuration: sources are opened anew, what is remembered stays."""
        self._sources.close()
        self._config = config
        self._sources = Sources(config, wake)
        self._actor = ContainerActor(config.docker.url)

    def close(self) -> None:
        """Close the sources. The container is left as it is."""
        self._sources.close()

    def _plan(self, observation: Observation, identity: Identity, now: datetime) -> Plan:
        if self._config.mode is Mode.OBSERVE:
            return Plan(None, "only observing", self._attempts)
        return plan_supervision(
            observation.docker,
            decide_wanted(self._config.node_settings(), self._sources.datastore, identity, observation.datastore),
            self._attempts,
            self._config.supervise_settings(),
            now=now,
            hold_down=self._config.hold_down,
            jitter=random.random(),  # noqa: S311 - it spreads restarts over time, nobody must not guess it
        )


def look(sources: Sources, config: Config) -> tuple[Observation, Identity, Assessment]:
    """Observe once and say what it means.

    All routes that BIRD knows are asked for only when a route is wrong: they tell which peer sent it, and there may be
    many.
    """
    observation = sources.observe(datetime.now(UTC))
    identity, assessment = _understand(observation, sources, config)
    if assessment.routes.wrong:
        bird = sources.read_bird(Family.IPV4, rib=True)
        bird6 = sources.read_bird(Family.IPV6, rib=True) if observation.bird6 is not None else None
        observation = replace(observation, bird=bird, bird6=bird6)
        identity, assessment = _understand(observation, sources, config)
    return observation, identity, assessment


def _understand(observation: Observation, sources: Sources, config: Config) -> tuple[Identity, Assessment]:
    identity = identify_host(
        observation.host,
        observation.kernel,
        observation.docker,
        observation.datastore,
        config.identity_settings(),
        sources.endpoints,
    )
    return identity, assess(observation, identity, mode=config.mode, container_name=config.node.container_name)


def compose(config: Config, sources: Sources, observation: Observation, assessment: Assessment) -> Report:
    """The report of one look, without times: every problem counts as confirmed."""
    datastore = observation.datastore
    readable = None if isinstance(datastore, Unreadable) else datastore
    _, conditions, problems = advance(History(), assessment, observation.at, timedelta(0))
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
        routes=assessment.routes,
        container=_node_container(observation, config.node.container_name),
        unreadable=observation.unreadable(),
        datastore_origin=sources.datastore.origin if sources.datastore else "",
        datastore_revision=readable.revision if readable else 0,
        datastore_read_at=readable.read_at if readable else None,
        nodes=len(readable.nodes) if readable else 0,
    )


def report_once(config: Config) -> Report:
    """What `status --once` prints: one look, and a second one before anything is called wrong."""
    sources = Sources(config, lambda _: None, one_shot=True)
    try:
        observation, _, assessment = look(sources, config)
        first = compose(config, sources, observation, assessment)
        if not first.problems:
            return first
        time.sleep(_SECOND_LOOK.total_seconds())
        observation, _, assessment = look(sources, config)
        seen = {(timed.problem.cause.code, timed.problem.cause.subject) for timed in first.problems}
        report = compose(config, sources, observation, assessment)
        lasting = tuple(
            replace(timed, since=first.at, confirmed=(timed.problem.cause.code, timed.problem.cause.subject) in seen)
            for timed in report.problems
        )
        return replace(report, problems=lasting)
    finally:
        sources.close()


def identify_now(config: Config) -> Identity:
    """What `detect` prints: who this host is, by one look."""
    sources = Sources(config, lambda _: None, one_shot=True)
    try:
        return look(sources, config)[1]
    finally:
        sources.close()


def _node_container(observation: Observation, name: str) -> Container | None:
    """The calico/node container that the report speaks of: the one that lives, else the one of the configured name."""
    if isinstance(observation.docker, Unreadable):
        return None
    containers = observation.docker.containers
    alive = next((container for container in containers if container.alive), None)
    return alive or next((container for container in containers if container.name == name), None)


def _with_error(doing: str, error: str) -> str:
    return f"{doing} (the last try: {error})" if error else doing
