"""The programs that run in a calico/node container, and how far they have come."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from calico_agent.model.calico.felix_health import FelixHealth


class Stage(Enum):
    """How far a calico/node that was started has come. Running is not started: see `checks.container.stage`."""

    CREATED = "created"
    STARTING = "starting"
    PROGRAMS_UP = "programs up"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Child:
    """A process that one of calico/node's programs started, and waits for."""

    name: str
    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Program:
    """One of calico/node's programs (`felix`, `bird`, `bird6`, `confd`) in the process tree of its container.

    `pid` 0: it does not run, and its supervisor is about to start it again. `kept_since` is when the supervisor began
    to keep it running, None where it has none. `stopped`: a signal (SIGSTOP) holds it, so that it does nothing. `child`
    is the oldest process that it waits for. `health` is what Felix says of itself, None where it has no health port, or
    does not answer there.
    """

    name: str
    pid: int = 0
    started_at: datetime | None = None
    kept_since: datetime | None = None
    stopped: bool = False
    child: Child | None = None
    health: FelixHealth | None = None
