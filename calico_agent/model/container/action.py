"""What the agent may do to the world. It acts on the calico/node container only, never on routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.container.container import ContainerSpec


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
    """Make a new container from `spec` beside container `id`, then put it in its place (`model.container.rollout`)."""

    id: str
    spec: ContainerSpec
    reason: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Stop container `previous` (empty: there is none), and start `next` as `name`.

    The previous one is kept as `model.container.rollout` says.

    Does what is left of that when some of it was done before.
    """

    next: str
    previous: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rollback:
    """Stop container `id`, keeping it as refused (empty: there is none), and start `previous` again as `name`."""

    id: str
    previous: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove container `id`, which this agent made and needs no more."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Rename container `id`, which this agent did not make, so that its name is free and its log is kept.

    A running one is stopped first.
    """

    id: str
    new_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestartContainer:
    """Stop container `id`, whose programs do not do their work, and start it again."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RenameContainer:
    """Give container `id`, which this agent made, its name back."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClearRestartPolicy:
    """Take the restart policy of container `id` back, without touching what runs."""

    id: str
    reason: str


Action = (
    CreateContainer
    | StartContainer
    | ReplaceContainer
    | Promote
    | Rollback
    | RemoveContainer
    | Retire
    | RestartContainer
    | RenameContainer
    | ClearRestartPolicy
)

KINDS: Mapping[type[Action], str] = {
    CreateContainer: "create",
    StartContainer: "start",
    ReplaceContainer: "replace",
    Promote: "promote",
    Rollback: "roll_back",
    RemoveContainer: "remove",
    Retire: "retire",
    RestartContainer: "restart",
    RenameContainer: "rename",
    ClearRestartPolicy: "clear_restart_policy",
}
"""The word for each, as metrics name it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended: `error` is empty when it was done, else one sentence."""

    action: Action
    at: datetime
    error: str = ""
