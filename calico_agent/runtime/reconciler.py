"""The pass: a look (observe, identify, verify), then report, plan, act. With `look` the file that knows all stages.

Everything a pass knows comes from its observation. Remembered from one pass to the next are two values, handed in and
out: since when things are as they are (`History`), and how often the container was started (`Attempts`).
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from calico_agent.act.container import ContainerActor
from calico_agent.act.image import ImagePuller
from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.model.action import Attempts, Outcome, Plan
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.container import Container
from calico_agent.model.container.image import Pull
from calico_agent.model.finding import Assessment, ConditionType, Status
from calico_agent.model.name_lease import LONG_UP_SECONDS
from calico_agent.model.observation import AgentTrouble, Observation, Unreadable
from calico_agent.model.report import Report, Supervision, TimedCondition, TimedProblem
from calico_agent.model.settings import Mode
from calico_agent.plan.name_lease import plan_claim
from calico_agent.plan.progress import progress_of
from calico_agent.plan.remediation import plan_supervision, record_error
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted, forewarned
from calico_agent.plan.succession import running_name
from calico_agent.report.timeline import History, advance
from calico_agent.runtime.clock import Clock
from calico_agent.runtime.collector import PARTS, Collector
from calico_agent.runtime.compose import compose
from calico_agent.runtime.pipeline import look, succession_of
from calico_agent.runtime.queries import RouteQueries
from calico_agent.state.attempts import AttemptsFile


class Reconciler:
    """All stages, wired for one configuration. Not thread-safe: one thread makes the passes."""

    def __init__(
        self,
        config: Config,
        wake: Callable[[str], None],
        configuration: Callable[[], Configuration] = Configuration,
        troubles: Callable[[], tuple[AgentTrouble, ...]] = tuple,
    ) -> None:
        """`wake` is called from other threads when something changed.

        `configuration` says how the file on disk stands to the one in use, `troubles` what the agent lacks.
        """
        self._configuration = configuration
        self._troubles = troubles
        self.explorer = RouteQueries()
        self._config = config
        self._names = NameLeaseKeeper(wake)
        self._puller = _puller(config, wake)
        self._sources = self._open(config, wake)
        self._actor = ContainerActor(config.docker.url)
        self._clock = Clock()
        self._started_at = self._clock.read()[0]
        self._history = History()
        self._attempts_file = AttemptsFile(config.agent.state_dir)
        self._attempts = self._attempts_file.load() if config.mode is Mode.SUPERVISE else Attempts()

    def _open(self, config: Config, wake: Callable[[str], None]) -> Collector:
        return Collector(
            config,
            wake,
            claim_trouble=self._names.error,
            pull=self._puller.state,
            configuration=self._configuration,
            agent_troubles=self._troubles,
        )

    def make_pass(self) -> tuple[Report, Plan]:
        """One trip through the stages, up to what should be done; `act` does it."""
        begun = time.monotonic()
        at, jump = self._clock.read()
        if jump:
            self._started_at += jump
            self._history, self._attempts = self._history.moved(jump), self._attempts.moved(jump)
        observation, identity, assessment = look(self._sources, self._config, self._attempts, at, self._with_memory)
        self._sources.keep(observation, identity)
        self.explorer.see(observation, identity, self._config)
        now = observation.at
        self._history, conditions, problems = advance(self._history, assessment, now, self._config.hold_down)
        plan = self._plan(observation, assessment, problems, _since_true(conditions, ConditionType.DATASTORE_REACHABLE))
        self._remember(plan.attempts)
        report = compose(self._config, self._sources, observation, assessment, conditions, problems)
        report = replace(
            report,
            started_at=self._started_at,
            supervision=_supervision(plan, self._attempts, report.container, observation.pull),
            pass_seconds=time.monotonic() - begun,
        )
        return report, plan

    def _with_memory(self, observation: Observation) -> Observation:
        """What only somebody who looked before can tell: how old things are by a clock that nobody sets."""
        since = _since_true(self._history.conditions, ConditionType.DATASTORE_REACHABLE)
        long = since is not None and observation.at - since > timedelta(seconds=LONG_UP_SECONDS)
        host = observation.host
        if not isinstance(host, Unreadable):
            observation = replace(observation, host=replace(host, long_up=host.long_up and long))
        if (trouble := self._attempts_file.trouble) is not None:
            observation = replace(observation, state_trouble=(*observation.state_trouble, trouble))
        return self._clock.steadied(observation)

    def act(self, plan: Plan) -> Outcome | None:
        """Do what the plan says; None when that is nothing."""
        if plan.action is None:
            return None
        outcome = self._actor.perform(plan.action)
        self._remember(record_error(self._attempts, outcome.error, outcome.at))
        return outcome

    def reconfigure(self, config: Config, wake: Callable[[str], None]) -> None:
        """Go on with another configuration: sources are opened anew, what is remembered stays."""
        self._sources.close()
        self._puller.stop()
        before, self._config = self._config, config
        if (config.mode, config.agent.state_dir) != (before.mode, before.agent.state_dir):
            self._attempts_file = AttemptsFile(config.agent.state_dir)
            self._attempts = self._attempts_file.load() if config.mode is Mode.SUPERVISE else Attempts()
        self._puller = _puller(config, wake)
        self._sources = self._open(config, wake)
        self._actor = ContainerActor(config.docker.url)

    def close(self) -> None:
        """Close the sources. The container is left as it is, and so is the claim on its name."""
        self._names.stop()
        self._puller.stop()
        self._sources.close()

    def _remember(self, attempts: Attempts) -> None:
        self._attempts = attempts
        if self._config.mode is Mode.SUPERVISE:
            self._attempts_file.save(attempts)

    def heartbeats(self) -> Mapping[str, Callable[[], float]]:
        """The parts that work beside the passes: when each was last seen alive (monotonic seconds)."""
        return {"name_claim": self._names.heartbeat, **{part: partial(self._heartbeat, part) for part in PARTS}}

    def _heartbeat(self, part: str) -> float:
        return self._sources.heartbeat(part)  # the sources of now: a reload opens others

    def keep_name(self, plan: Plan) -> None:
        """Have the node name claimed as the plan says. Nothing is waited for: what comes of it a later pass sees."""
        if plan.name is not None or self._config.mode is Mode.OBSERVE:
            self._names.want(self._sources.datastore, plan.name.claim if plan.name else None)

    def keep_image(self, plan: Plan) -> None:
        """Have the image fetched as the plan says. Nothing is waited for: what comes of it a later pass sees."""
        if plan.pull is not None:
            self._puller.want(plan.pull)

    def _plan(
        self,
        observation: Observation,
        assessment: Assessment,
        problems: tuple[TimedProblem, ...],
        etcd_since: datetime | None,
    ) -> Plan:
        identity = assessment.identity
        if self._config.mode is Mode.OBSERVE:
            return Plan(None, "only observing", self._attempts)
        container = node_container(observation.docker, self._config.node.container_name)
        succession = succession_of(self._config, self._sources, observation, identity)
        stays = running_name(observation, container) if succession.stays and container is not None else ""
        name = plan_claim(observation, identity, stays)
        wanted = decide_wanted(
            self._config.node_settings(),
            self._sources.datastore,
            identity,
            observation.current_datastore,
            name=name,
            without_datastore=self._config.identity.start_without_datastore,
        )
        plan = plan_supervision(
            observation.docker,
            replace(apply_start_gates(wanted, assessment), succession=succession),
            self._attempts,
            self._config.supervise_settings(),
            problems=problems,
            progress=progress_of(observation, assessment, container),
            pull=observation.pull,
            etcd_since=etcd_since,
            now=observation.at,
            hold_down=self._config.hold_down,
            jitter=random.random(),  # noqa: S311 - it spreads restarts over time, nobody must not guess it
        )
        return forewarned(replace(plan, name=name), assessment)


def _since_true(conditions: tuple[TimedCondition, ...], kind: ConditionType) -> datetime | None:
    """Since when a condition is True; None when it is not."""
    timed = next((each for each in conditions if each.condition.type is kind), None)
    return timed.since if timed is not None and timed.condition.status is Status.TRUE else None


def _puller(config: Config, wake: Callable[[str], None]) -> ImagePuller:
    credentials = Path(config.docker.credentials or "~/.docker/config.json").expanduser()
    return ImagePuller(config.docker.url, credentials, wake, deadline=config.node.pull_deadline_seconds)


def _supervision(plan: Plan, attempts: Attempts, container: Container | None, pull: Pull | None) -> Supervision:
    young = container is not None and container.alive  # it may last: no failure yet
    return Supervision(
        doing=_with_error(plan.doing, attempts.last_error),
        starts=attempts.starts,
        restarts=attempts.restarts,
        failures=max(0, attempts.failures - young),
        next_attempt=plan.next_attempt,
        pull=pull,
    )


def _with_error(doing: str, error: str) -> str:
    return f"{doing} (the last try: {error})" if error else doing
