"""What the agent may do to the world. It acts on the calico/node container only, never on routes."""

from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.container import ContainerSpec


@dataclass(frozen=True, slots=True)
class CreateContainer:
    """Make a new container from `spec` and start it."""

    spec: ContainerSpec
    reason: str


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start the existing container `id`, which was made from the wanted specification."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplaceContainer:
    """Stop and remove container `id`, then make a new one from `spec`."""

    id: str
    spec: ContainerSpec
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Rename container `id`, which this agent did not make, so that its name is free and its log is kept.

    A running one is stopped first.
    """

    id: str
    new_name: str
    reason: str


Action = CreateContainer | StartContainer | ReplaceContainer | SetAside


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended: `error` is empty when it was done, else one sentence."""

    action: Action
    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The container that should run, or why none may be started (`spec` is None then).

    `unproved` says what speaks against making a container for this identity now, or why that cannot be known (empty:
    nothing). One that was made for it before may still be started again.
    """

    spec: ContainerSpec | None
    why_not: str = ""
    unproved: str = ""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The memory of supervision, a value that is handed in and out.

    `failures` counts starts in a row that did not last, `starts` all of them; no start before `not_before`.
    `drift` is the hash of the specification that differs from the container's, first seen at `drift_since`.
    `last_error` is why the last action did not work.
    """

    failures: int = 0
    starts: int = 0
    not_before: datetime | None = None
    drift: str = ""
    drift_since: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now (mostly nothing), in one sentence, and the memory for the next time.

    `next_attempt` is when a start that waits for its backoff will be tried, None when none waits.
    """

    action: Action | None
    doing: str
    attempts: Attempts
    next_attempt: datetime | None = None
