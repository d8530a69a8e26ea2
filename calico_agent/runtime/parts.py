"""What the loop is made of, as it sees it: a test hands in others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth, Heartbeat
from calico_agent.config import Config
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.action import Outcome
from calico_agent.model.container.supervision import Plan
from calico_agent.model.observation import AgentTrouble
from calico_agent.model.report import Report
from calico_agent.runtime.queries import RouteQueries

# A pass must end well within this (s): the sum of all deadlines of all sources, and of a container that is replaced.
LONGEST_PASS = 60.0


class Agent(Protocol):
    """What the loop asks of the agent (`Reconciler`)."""

    queries: RouteQueries

    def make_pass(self) -> tuple[Report, Plan]: ...
    def act(self, plan: Plan) -> Outcome | None: ...
    def keep_name(self, plan: Plan) -> None: ...
    def keep_image(self, plan: Plan) -> None: ...
    def reconfigure(self, config: Config, wake: Callable[[str], None]) -> None: ...
    def heartbeats(self) -> Mapping[str, Heartbeat]: ...
    def close(self) -> None: ...


class Watcher(Protocol):
    """What wakes the loop, from a thread of its own."""

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DaemonParts:
    """How the parts around the loop are made. A test hands in others."""

    agent: Callable[
        [Config, Callable[[str], None], Callable[[], Configuration], Callable[[], tuple[AgentTrouble, ...]]], Agent
    ]
    server: Callable[[AgentHealth, Config, RouteQueries], HttpServer]
    watches: Callable[[Config, Callable[[str], None], AgentHealth], tuple[Watcher, ...]]
