"""The commands that look for themselves, once, without a running agent. They change nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.model.container.rollout import drift
from calico_agent.model.container.supervision import DesiredContainer
from calico_agent.model.identity import Identity
from calico_agent.model.joining import Area
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.maintenance import Maintenance
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check
from calico_agent.model.report import Report
from calico_agent.report.pages.config_diff import Outlook
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.collector import Collector
from calico_agent.runtime.compose import compose
from calico_agent.runtime.memory import Memory, MemoryFiles
from calico_agent.runtime.pipeline import Evaluation, evaluate
from calico_agent.runtime.queries import RouteQueries
from calico_agent.runtime.supervision import desired_container, succession_of
from calico_agent.state.asked import Asked

# BIRD puts a deleted route back within its scan of 2 s: a fault that one look finds must still be there at the next.
_SECOND_LOOK = timedelta(seconds=3)

# A socket that is not there, a setting of the kernel, a file: no program is about to put these right.
_LASTING = frozenset({Area.HOST, Area.DOCKER, Area.DATASTORE, Area.KERNEL, Area.AGENT, Area.CONFIGURATION})


def report_once(config: Config) -> Report:
    """Return what `status --once` prints: one look, and a second one before anything is called wrong."""
    with _opened(config, preflight=True) as eyes:
        sightings, report = eyes.report(Sightings())
        if not all(timed.confirmed for timed in report.problems):
            time.sleep(_SECOND_LOOK.total_seconds())
            _, report = eyes.report(sightings)
        return report


def glance(config: Config) -> Report:
    """Return what one look alone shows: for what is counted, and not called right or wrong."""
    with _opened(config) as eyes:
        return eyes.report(Sightings())[1]


def queries_now(config: Config) -> RouteQueries:
    """Return what `routes --once` and `trace --once` ask."""
    with _opened(config) as eyes:
        seen = eyes.look()
    queries = RouteQueries(eyes.caches)
    queries.see(seen.observation, seen.identity, config)
    return queries


def look_now(config: Config) -> Evaluation:
    """Return what `forget` goes by: what there is, and what it means."""
    with _opened(config) as eyes:
        return eyes.look()


def wanted_now(config: Config) -> DesiredContainer:
    """Return what `run --dry-run` prints: the container this host should run."""
    return outlook_now(config).wanted


def outlook_now(config: Config) -> Outlook:
    """Return the same, and the calico/node that is here now."""
    with _opened(config) as eyes:
        seen = eyes.look()
    wanted = desired_container(
        seen.observation, seen.assessment, config, succession_of(config, seen.observation, seen.identity)
    )
    docker = seen.observation.docker
    if isinstance(docker, Unreadable):
        return Outlook(wanted, None, unreadable=docker.reason)
    container = node_container(docker, config.node.container_name)
    if container is None or wanted.spec is None:
        return Outlook(wanted, container)
    return Outlook(wanted, container, drift(container, wanted.spec, docker, config.node.pull))


def identify_now(config: Config) -> Identity:
    """Return what `detect` prints: who this host is."""
    with _opened(config) as eyes:
        return eyes.look().identity


def checks_now(config: Config) -> tuple[Check, ...]:
    """Return what `preflight` prints."""
    with _opened(config, preflight=True) as eyes:
        return eyes.look().assessment.checks


class _Eyes:
    """Sources that are open for one command."""

    def __init__(self, config: Config, *, preflight: bool) -> None:
        self._config = config
        self.caches = Caches()
        files, asked = MemoryFiles(config), Asked(config.agent.state_dir)
        self._memory = Memory(kept=files.load_identity())
        self.sources = Collector(
            config,
            lambda _: None,
            one_shot=True,
            preflight=preflight,
            state_trouble=files.troubles,
            maintenance=lambda at: Maintenance(pause=asked.read(at).pause),
        )

    def look(self) -> Evaluation:
        """Look once, with no memory but that of who this host is."""
        with self.caches.in_use():
            return evaluate(self.sources, self._config, self._memory, datetime.now(UTC))

    def report(self, sightings: Sightings) -> tuple[Sightings, Report]:
        """Look once. What was there at an earlier look and still is, is confirmed."""
        begun = time.monotonic()
        seen = self.look()
        found = seen.assessment.problems
        lasting = all(one.fault.area in _LASTING for problem in found for one in (problem.cause, *problem.consequences))
        hold_down = timedelta(0) if lasting else _SECOND_LOOK
        sightings, conditions, problems = advance(sightings, seen.assessment, seen.observation.at, hold_down)
        report = compose(self._config, seen.observation, seen.assessment, conditions, problems)
        return sightings, replace(report, pass_seconds=time.monotonic() - begun)


@contextmanager
def _opened(config: Config, *, preflight: bool = False) -> Iterator[_Eyes]:
    eyes = _Eyes(config, preflight=preflight)
    try:
        yield eyes
    finally:
        eyes.sources.close()
