"""One agent: its sources, its memory, and those who act for it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from calico_agent.act.container import ContainerActor
from calico_agent.act.image import ImagePuller
from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.api.latest import Heartbeat
from calico_agent.config import Config
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.action import Outcome
from calico_agent.model.container.supervision import Plan
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.observation import AgentTrouble, Observation
from calico_agent.model.report import Report
from calico_agent.model.settings import Mode
from calico_agent.plan.remediation import record_error
from calico_agent.runtime.clock import Clock
from calico_agent.runtime.collector import PARTS, Collector
from calico_agent.runtime.memory import Memory, MemoryFiles
from calico_agent.runtime.parts import LONGEST_PASS
from calico_agent.runtime.pipeline import make_pass
from calico_agent.runtime.queries import RouteQueries
from calico_agent.state.asked import Asked


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
        self._caches = Caches()
        self.queries = RouteQueries(self._caches)
        self._config = config
        self._wake = wake
        self._names = NameLeaseKeeper(self._claimed)
        self._puller = _puller(config, wake)
        self._files = MemoryFiles(config)
        self._memory = self._files.load(Memory())
        self._asked = Asked(config.agent.state_dir)
        self._clock = Clock()
        self._sources = self._open(config, wake)
        self._actor = ContainerActor(config.docker.url)
        self._started_at = self._clock.read()[0]
        self._observation: Observation | None = None

    def _open(self, config: Config, wake: Callable[[str], None]) -> Collector:
        return Collector(
            config,
            wake,
            claim_trouble=self._names.error,
            state_trouble=lambda: (*self._files.troubles(), *self._asked.troubles()),
            steadied=self._clock.steadied,
            pull=self._puller.state,
            configuration=self._configuration,
            agent_troubles=self._troubles,
            maintenance=self._asked.read,
        )

    def make_pass(self) -> tuple[Report, Plan]:
        """Make one trip through the stages, up to what should be done; `act` does it."""
        begun = time.monotonic()
        at, jump = self._clock.read()
        if jump:
            self._started_at += jump
            self._memory = self._memory.moved(jump)
        with self._caches.in_use():
            made = make_pass(self._sources, self._config, self._memory, at)
        self._remember(made.memory)
        self._observation = made.evaluation.observation
        self.queries.see(made.evaluation.observation, made.evaluation.identity, self._config)
        seconds = time.monotonic() - begun
        return replace(made.report, started_at=self._started_at, pass_seconds=seconds), made.plan

    def act(self, plan: Plan) -> Outcome | None:
        """Do what the plan says; None when that is nothing."""
        if plan.action is None:
            return None
        outcome = self._actor.perform(plan.action)
        attempts = record_error(self._memory.attempts, outcome.error, outcome.at)
        self._remember(replace(self._memory, attempts=attempts))
        return outcome

    def keep_name(self, plan: Plan) -> None:
        """Have the node name claimed as the plan says. Nothing is waited for: what comes of it a later pass sees."""
        if plan.name is not None or self._config.mode is Mode.OBSERVE:
            settings = self._observation.datastore_settings if self._observation is not None else None
            self._names.want(settings, plan.name.claim if plan.name else None)

    def keep_image(self, plan: Plan) -> None:
        """Have the image fetched as the plan says. Nothing is waited for: what comes of it a later pass sees."""
        if plan.pull is not None:
            self._puller.want(plan.pull)

    def reconfigure(self, config: Config, wake: Callable[[str], None]) -> None:
        """Go on with another configuration: sources are opened anew, what is remembered stays."""
        self._sources.close()
        self._puller.stop()
        self._config, self._wake = config, wake
        self._asked = Asked(config.agent.state_dir)
        files = MemoryFiles(config)
        if files.place != self._files.place:
            self._files, self._memory = files, files.load(self._memory)
        self._puller = _puller(config, wake)
        self._sources = self._open(config, wake)
        self._actor = ContainerActor(config.docker.url)

    def close(self) -> None:
        """Close the sources. The container is left as it is, and so is the claim on its name."""
        self._names.stop()
        self._puller.stop()
        self._sources.close()

    def heartbeats(self) -> Mapping[str, Heartbeat]:
        """Return those of the parts that work beside the passes, for the configuration of now.

        Each makes a few calls in a row between two signs of life.
        """
        limit = LONGEST_PASS + 3 * self._config.datastore.timeout_seconds
        pulls = LONGEST_PASS + 3 * self._config.node.pull_deadline_seconds
        return {
            "name_claim": Heartbeat(self._names.heartbeat, limit),
            "image_pull": Heartbeat(self._puller.heartbeat, pulls),
            **{part: Heartbeat(partial(self._heartbeat, part), limit) for part in PARTS},
        }

    def _claimed(self, reason: str) -> None:
        self._sources.look_at_holders()
        self._wake(reason)

    def _heartbeat(self, part: str) -> float:
        return self._sources.heartbeat(part)  # the sources of now: a reload opens others

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        self._files.save(memory)


def _puller(config: Config, wake: Callable[[str], None]) -> ImagePuller:
    credentials = Path(config.docker.credentials or "~/.docker/config.json").expanduser()
    return ImagePuller(config.docker.url, credentials, wake, deadline=config.node.pull_deadline_seconds)
