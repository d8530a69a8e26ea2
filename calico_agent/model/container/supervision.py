"""What supervision wants of the calico/node container, what it remembers of it, and what it plans to do."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calico_agent.model.assessment import StageReached
from calico_agent.model.container.action import Action
from calico_agent.model.container.container import Container, ContainerSpec, LogHint
from calico_agent.model.name_lease import NameState
from calico_agent.model.settings import SuperviseSettings


@dataclass(frozen=True, slots=True)
class Succession:
    """Whether the container that is there gives way to the wanted one, and may be started again if it does not.

    `barred`: why calico/node must not be started as it is wanted. `own_barred`: why the container that is there must
    not be started again, which has another name or address. `stays`: why it keeps them, and `on_purpose` how they are
    changed all the same. `coming_back`: why the address of before may be here again in a moment. Empty: nothing of that
    kind.
    """

    barred: str = ""
    own_barred: str = ""
    stays: str = ""
    on_purpose: str = ""
    coming_back: str = ""

    def keeps(self, container: Container) -> bool:
        """Whether a container of ours goes on under another name or address than the wanted one.

        One that has ended does so, too, where its successor must not be started and it may be: this host had it before.
        """
        return bool(self.stays) or (not container.alive and bool(self.barred) and not self.own_barred)


@dataclass(frozen=True, slots=True)
class DesiredContainer:
    """The container that should run, or why none may be started (`spec` is None then).

    `refused` says what forbids any start now. `unproved` says why it cannot be known whether something does: then one
    that was made for this identity before may still be started again. `succession` is what becomes of another one.
    """

    spec: ContainerSpec | None
    why_not: str = ""
    refused: str = ""
    unproved: str = ""
    succession: Succession = Succession()


@dataclass(frozen=True, slots=True)
class Attempts:
    """The memory of supervision, a value that is handed in and out.

    `failures` counts starts in a row that did not last or are still young, all made from the specification of the hash
    `spec`; `starts` counts all starts and `restarts` those of a container that had run before; no start before
    `not_before`. `last_failure` and `hint` say why the last start did not last.
    `drift` is the hash of the specification that differs from the container's, first seen at `drift_since`.
    `last_error` is why the last action did not work. `stopped_at` is the end of a container that was stopped by hand.
    `sessions` is how many BGP sessions were established when the container was replaced last, and `refusal` why its
    successor was taken back, the last time that was so. `order` is the id of the last order that was obeyed.
    """

    failures: int = 0
    starts: int = 0
    restarts: int = 0
    not_before: datetime | None = None
    spec: str = ""
    last_failure: str = ""
    hint: LogHint | None = None
    stopped_at: datetime | None = None
    drift: str = ""
    drift_since: datetime | None = None
    last_error: str = ""
    sessions: int = 0
    refusal: str = ""
    order: str = ""

    def moved(self, jump: timedelta) -> "Attempts":
        """The same after the system clock was set: each wait is as long as it was."""
        later = {name: value + jump for name in ("not_before", "drift_since") if (value := getattr(self, name))}
        return replace(self, **later)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far calico/node has come since it was started, and how many BGP sessions it has.

    `seen`: whether that could be seen; else `stage` is no evidence. `alone`: no peer is there to have a session with.
    """

    stage: StageReached | None = None
    established: int = 0
    seen: bool = True
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now (mostly nothing), in one sentence, and the memory for the next time.

    `next_attempt` is when a start that waits for its backoff will be tried, None when none waits. `name` is what to do
    about the node name's claim, None for nothing while that is not known. `pull` is the image whose fetching should be
    under way, empty for none, None while that is not known.
    """

    action: Action | None
    doing: str
    attempts: Attempts
    next_attempt: datetime | None = None
    name: NameState | None = None
    pull: str | None = None


@dataclass(frozen=True, slots=True)
class Supervising:
    """What supervision wants, remembers and was told to do: for the rules that judge how it goes.

    `spec` is None where it is not known which container should run. `succession` is what the plan goes by, so that no
    text announces what the plan does not do.
    """

    spec: ContainerSpec | None
    attempts: Attempts
    settings: SuperviseSettings
    succession: Succession = Succession()
