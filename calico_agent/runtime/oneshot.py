"""The commands that look for themselves, once, without a running agent. They change nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.model.action import DesiredContainer
from calico_agent.model.container.rollout import drift
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check
from calico_agent.model.report import Report
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted
from calico_agent.report.config_diff import Outlook
from calico_agent.report.timeline import History, advance
from calico_agent.runtime.collector import Collector
from calico_agent.runtime.compose import compose
from calico_agent.runtime.pipeline import look, succession_of
from calico_agent.runtime.queries import RouteQueries

# BIRD puts a deleted route back within its scan of 2 s: a fault that one look finds must still be there at the next.
_SECOND_LOOK = timedelta(seconds=3)


def report_once(config: Config) -> Report:
    """What `status --once` prints: one look, and a second one before anything is called wrong."""
    with _opened(config, preflight=True) as sources:
        history, report = _report(config, sources, History())
        if report.problems:
            time.sleep(_SECOND_LOOK.total_seconds())
            _, report = _report(config, sources, history)
        return report


def explore_now(config: Config) -> RouteQueries:
    """What `routes --once` and `trace --once` ask."""
    with _opened(config) as sources:
        observation, identity, _ = look(sources, config)
    explorer = RouteQueries()
    explorer.see(observation, identity, config)
    return explorer


def wanted_now(config: Config) -> DesiredContainer:
    """What `run --dry-run` prints: the container this host should run."""
    return outlook_now(config).wanted


def outlook_now(config: Config) -> Outlook:
    """The same, and the calico/node that is here now."""
    with _opened(config) as sources:
        observation, identity, assessment = look(sources, config)
        wanted = decide_wanted(
            config.node_settings(),
            sources.datastore,
            identity,
            observation.current_datastore,
            without_datastore=config.identity.start_without_datastore,
        )
        succession = succession_of(config, sources, observation, identity)
        wanted = replace(apply_start_gates(wanted, assessment), succession=succession)
        docker = observation.docker
        if isinstance(docker, Unreadable):
            return Outlook(wanted, None, unreadable=docker.reason)
        container = node_container(docker, config.node.container_name)
        if container is None or wanted.spec is None:
            return Outlook(wanted, container)
        return Outlook(wanted, container, drift(container, wanted.spec, docker, config.node.pull))


def identify_now(config: Config) -> Identity:
    """What `detect` prints: who this host is."""
    with _opened(config) as sources:
        return look(sources, config)[1]


def checks_now(config: Config) -> tuple[Check, ...]:
    """What `preflight` prints."""
    with _opened(config, preflight=True) as sources:
        return look(sources, config)[2].checks


@contextmanager
def _opened(config: Config, *, preflight: bool = False) -> Iterator[Collector]:
    sources = Collector(config, lambda _: None, one_shot=True, preflight=preflight)
    try:
        yield sources
    finally:
        sources.close()


def _report(config: Config, sources: Collector, history: History) -> tuple[History, Report]:
    """One look. What was there at an earlier one and still is, is confirmed."""
    begun = time.monotonic()
    observation, _, assessment = look(sources, config)
    history, conditions, problems = advance(history, assessment, observation.at, _SECOND_LOOK)
    report = compose(config, sources, observation, assessment, conditions, problems)
    return history, replace(report, pass_seconds=time.monotonic() - begun)
