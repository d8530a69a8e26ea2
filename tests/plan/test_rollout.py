"""A replacement, from every state that an agent killed in between can leave: it always comes to the same end.

`World` does what `act.container` does to an Engine, one call at a time, so that it can be cut off after each.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from calico_agent.model.assessment import StageReached
from calico_agent.model.container.action import (
    Action,
    CreateContainer,
    Promote,
    RemoveContainer,
    RenameContainer,
    ReplaceContainer,
    Retire,
    Rollback,
    StartContainer,
)
from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    Container,
    ContainerSpec,
    ContainerState,
    Docker,
)
from calico_agent.model.container.image import LocalImage, Pull, PullPolicy
from calico_agent.model.container.program import Stage
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan, Progress, Succession
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.remediation import plan_supervision

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAME = "calico-node"
ENV = (("IP", "10.77.0.11/24"), ("NODENAME", "host1"))
OLD = ContainerSpec(NAME, "calico/node:v3.30.0", ENV)
NEW = ContainerSpec(NAME, "calico/node:v3.31.7", ENV)
NEWEST = ContainerSpec(NAME, "calico/node:v3.32.1", ENV)
MOVED = ContainerSpec(NAME, "calico/node:v3.31.7", (("IP", "10.77.0.99/24"), ("NODENAME", "host1")))
SETTINGS = SuperviseSettings()
READY = Progress(StageReached(Stage.READY, "sessions and routes are as they should be"), 2)
STARTING = Progress(StageReached(Stage.STARTING, "no program runs yet"))


def container(spec: ContainerSpec, name: str = NAME, state: ContainerState = ContainerState.RUNNING) -> Container:
    ended = state is ContainerState.EXITED
    return Container(
        id=f"{spec.hash}",
        name=name,
        image=spec.image,
        image_id=f"sha256:{spec.image}",
        state=state,
        started_at=None if state is ContainerState.CREATED else NOW - timedelta(seconds=5),
        finished_at=NOW - timedelta(seconds=1) if ended else None,
        env=spec.env,
        labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, spec.hash)),
        network_mode="host",
        privileged=True,
    )


def old(name: str = NAME, state: ContainerState = ContainerState.RUNNING) -> Container:
    return container(OLD, name, state)


def new(name: str = NAME, state: ContainerState = ContainerState.RUNNING) -> Container:
    return container(NEW, name, state)


RUNNING, EXITED, CREATED = ContainerState.RUNNING, ContainerState.EXITED, ContainerState.CREATED
NEXT, PREVIOUS, REFUSED = f"{NAME}-next", f"{NAME}-previous", f"{NAME}-refused"


def plan(
    *containers: Container,
    spec: ContainerSpec = NEW,
    attempts: Attempts | None = None,
    settings: SuperviseSettings = SETTINGS,
    progress: Progress = READY,
    problems: tuple[TimedProblem, ...] = (),
    unproved: str = "",
    pull: Pull | None = None,
    etcd_since: datetime | None = NOW - timedelta(days=1),
    now: datetime = NOW,
) -> Plan:
    return plan_supervision(
        Docker(containers=containers, image=LocalImage(spec.image, f"sha256:{spec.image}")),
        DesiredContainer(spec, unproved=unproved),
        attempts or Attempts(),
        settings,
        problems=problems,
        progress=progress,
        pull=pull,
        etcd_since=etcd_since,
        now=now,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )


# Every state between the containers of before and the end, and what is done about it.
STATES: dict[str, tuple[tuple[Container, ...], ContainerSpec, Progress, Action | None]] = {
    "made, the old one runs": (
        (old(), new(NEXT, CREATED)), NEW, READY,
        Promote(new().id, old().id, NAME, "its image, environment or mounts are not the wanted ones"),
    ),
    "the old one has given its name away": (
        (old(PREVIOUS), new(NEXT, CREATED)), NEW, READY, Promote(new().id, old().id, NAME, "its place is free"),
    ),
    "both have their names, the old one still runs": (
        (old(PREVIOUS), new(state=CREATED)), NEW, READY,
        Promote(new().id, old().id, NAME, f"{PREVIOUS} still runs"),
    ),
    "the old one is stopped, the new one not started": (
        (old(PREVIOUS, EXITED), new(state=CREATED)), NEW, READY, StartContainer(new().id, "it was never started"),
    ),
    "both are stopped and the new one has not its name": (
        (old(PREVIOUS, EXITED), new(NEXT, CREATED)), NEW, READY,
        Promote(new().id, old().id, NAME, "its place is free"),
    ),
    "the new one runs and is not ready": ((old(PREVIOUS, EXITED), new()), NEW, STARTING, None),
    "the new one is ready": (
        (old(PREVIOUS, EXITED), new()), NEW, READY, RemoveContainer(old().id, f"{NAME} is ready"),
    ),
    "the new one ended for the first time": (
        (old(PREVIOUS, EXITED), new(state=EXITED)), NEW, STARTING, StartContainer(new().id, "it exited with code 0"),
    ),
    "Docker could not start the new one": (
        (old(PREVIOUS, EXITED), replace(new(state=CREATED), error="not a directory")), NEW, STARTING,
        Rollback(new().id, old().id, NAME, "Docker could not start it: not a directory"),
    ),
    "the new one was refused, the old one has not its name": (
        (old(PREVIOUS, EXITED), new(REFUSED, EXITED)), NEW, STARTING,
        Rollback("", old().id, NAME, "its successor is gone"),
    ),
    "the old one runs again and has not its name": (
        (old(PREVIOUS), new(REFUSED, EXITED)), NEW, READY, RenameContainer(old().id, NAME, "its successor is gone"),
    ),
    "the old one runs again": ((old(), new(REFUSED, EXITED)), NEW, READY, None),
    "the old one ended after it was taken back": (
        (old(state=EXITED), new(REFUSED, EXITED)), NEW, READY, StartContainer(old().id, "it exited with code 0"),
    ),
    "what was refused is not wanted any more": (
        (old(), new(REFUSED, EXITED)), OLD, READY, RemoveContainer(new().id, "nobody wants it any more"),
    ),
    "what was made is not wanted any more": (
        (old(), new(NEXT, CREATED)), OLD, READY, RemoveContainer(new().id, "it is not wanted any more"),
    ),
    "the configuration changed back before the new one was ready": (
        (old(PREVIOUS, EXITED), new()), OLD, STARTING,
        Rollback(new().id, old().id, NAME, "the configuration has changed again, and it was not ready yet"),
    ),
    "the configuration changed on before the new one was ready": (
        (old(PREVIOUS, EXITED), new()), NEWEST, STARTING,
        Rollback(new().id, old().id, NAME, "the configuration has changed again, and it was not ready yet"),
    ),
    "one of another address is never gone back to": (
        (old(PREVIOUS, EXITED), container(MOVED)), MOVED, STARTING,
        RemoveContainer(old().id, "it was made for another name or address"),
    ),
    "one of another address is not gone back to when it is all there is": (
        (old(PREVIOUS, EXITED),), MOVED, STARTING,
        RemoveContainer(old().id, "it was made for another name or address"),
    ),
    "only the one that was refused is left": (
        (new(REFUSED, EXITED),), NEW, STARTING, CreateContainer(NEW, "there is none"),
    ),
    "both run": (
        (old(PREVIOUS), new()), NEW, READY, Promote(new().id, old().id, NAME, f"{PREVIOUS} still runs"),
    ),
}  # fmt: skip


# The hold-down has passed: that another specification is wanted was seen before.
HELD = {spec.hash: Attempts(drift=spec.hash, drift_since=NOW - timedelta(minutes=1)) for spec in (OLD, NEW, NEWEST)}


@pytest.mark.parametrize(("containers", "spec", "progress", "action"), STATES.values(), ids=STATES.keys())
def test_each_state_has_its_next_step(
    containers: tuple[Container, ...], spec: ContainerSpec, progress: Progress, action: Action | None
) -> None:
    assert plan(*containers, spec=spec, progress=progress, attempts=HELD.get(spec.hash)).action == action


def test_what_was_begun_is_finished_although_etcd_cannot_be_asked() -> None:
    begun = plan(old(PREVIOUS, EXITED), new(NEXT, CREATED), unproved="etcd does not answer")
    assert isinstance(begun.action, Promote)
    assert plan(old(), attempts=HELD[NEW.hash], unproved="etcd does not answer").action is None


ISOLATED = Progress(StageReached(Stage.PROGRAMS_UP, "BGPEstablished is False"))

# What a running successor has, and what becomes of it when its deadline has passed.
VERDICTS: dict[str, tuple[int, Progress, type[Action] | None]] = {
    "ready": (2, READY, RemoveContainer),
    "all sessions of before, although a route is missing": (
        2, Progress(StageReached(Stage.PROGRAMS_UP, "RoutesInPlace is False"), 2), RemoveContainer,
    ),
    "one session of two: a peer may have died": (
        2, Progress(StageReached(Stage.PROGRAMS_UP, "BGPEstablished is False"), 1), RemoveContainer,
    ),
    "no session of two": (2, ISOLATED, Rollback),
    "no session, as before": (0, Progress(StageReached(Stage.PROGRAMS_UP, "no peers")), RemoveContainer),
    "BIRD does not answer": (2, STARTING, Rollback),
    "nothing is known, which is no verdict": (2, Progress(), None),
    "BIRD cannot be asked, which is no verdict": (2, replace(STARTING, seen=False), None),
    "no peer is there, which is not its fault": (2, replace(ISOLATED, alone=True), None),
}  # fmt: skip


@pytest.mark.parametrize(("sessions", "progress", "action"), VERDICTS.values(), ids=VERDICTS.keys())
def test_at_the_deadline_there_is_a_verdict(sessions: int, progress: Progress, action: type[Action] | None) -> None:
    late = NOW + SETTINGS.start_deadline
    found = plan(old(PREVIOUS, EXITED), new(), progress=progress, attempts=Attempts(sessions=sessions), now=late)
    assert found.action is None if action is None else isinstance(found.action, action)


def test_before_the_deadline_all_sessions_must_be_back() -> None:
    one = Progress(StageReached(Stage.PROGRAMS_UP, "BGPEstablished is Unknown"), 1)
    waiting = plan(old(PREVIOUS, EXITED), new(), progress=one, attempts=Attempts(sessions=2))
    assert waiting.action is None
    assert "kept until it is ready" in waiting.doing


@pytest.mark.parametrize("state", [RUNNING, EXITED])
def test_without_the_datastore_nothing_is_taken_back(state: ContainerState) -> None:
    """Whatever keeps etcd away: the link of this host (which explains it), or that etcd has lost its data."""
    late, ended = NOW + timedelta(hours=1), Attempts(failures=3, spec=NEW.hash)
    containers = (old(PREVIOUS, EXITED), new(state=state))
    blind = plan(*containers, progress=STARTING, attempts=ended, etcd_since=None, now=late)
    assert not isinstance(blind.action, Rollback)
    assert isinstance(plan(*containers, progress=STARTING, attempts=ended, now=late).action, Rollback)


def test_a_start_that_waited_for_etcd_has_its_whole_time_when_etcd_is_back() -> None:
    back = NOW + timedelta(hours=1)
    containers, deadline = (old(PREVIOUS, EXITED), new()), SETTINGS.start_deadline
    waiting = plan(*containers, progress=STARTING, etcd_since=back, now=back + deadline / 2)
    assert waiting.action is None
    assert isinstance(plan(*containers, progress=STARTING, etcd_since=back, now=back + deadline).action, Rollback)


def test_a_successor_that_ends_twice_is_taken_back_at_once() -> None:
    ended = new(state=EXITED)
    attempts = Attempts(failures=2, spec=NEW.hash, not_before=NOW + timedelta(seconds=2))
    found = plan(old(PREVIOUS, EXITED), ended, progress=STARTING, attempts=attempts)
    assert isinstance(found.action, Rollback)
    assert found.attempts.refusal == "it exited with code 0"


def test_how_many_sessions_there_were_is_remembered_when_it_is_replaced() -> None:
    found = plan(old(), attempts=HELD[NEW.hash])
    assert isinstance(found.action, ReplaceContainer)
    assert found.attempts.sessions == 2


def test_going_back_that_fails_waits_like_any_start() -> None:
    attempts = Attempts(failures=3, spec=NEW.hash, not_before=NOW + timedelta(seconds=2), last_error="Docker refuses")
    found = plan(old(PREVIOUS, EXITED), new(state=EXITED), progress=STARTING, attempts=attempts)
    assert (found.action, found.next_attempt) == (None, NOW + timedelta(seconds=2))


def test_an_image_that_was_pushed_anew_replaces_only_where_it_is_always_asked_for() -> None:
    stale = replace(new(), image_id="sha256:of-yesterday")
    assert plan(stale, attempts=HELD[NEW.hash]).action is None
    always = replace(SETTINGS, pull=PullPolicy.ALWAYS)
    asked = Pull(NEW.image, NOW, NOW)
    assert isinstance(plan(stale, attempts=HELD[NEW.hash], settings=always, pull=asked).action, ReplaceContainer)
    assert plan(new(), attempts=HELD[NEW.hash], settings=always, pull=asked).action is None


@pytest.mark.parametrize("wanted", [NEW, NEWEST], ids=["changed back", "changed on"])
def test_one_that_is_taken_back_because_the_configuration_changed_is_not_refused(wanted: ContainerSpec) -> None:
    """It had no time to get ready: when it is wanted again it is tried like any other."""
    taken = plan(old(PREVIOUS, EXITED), new(), spec=NEWEST, progress=STARTING)
    assert isinstance(taken.action, Rollback)
    later = NOW + timedelta(minutes=1)
    found = plan(old(), new(REFUSED, EXITED), spec=wanted, attempts=taken.attempts, now=later)
    assert found.action == RemoveContainer(new().id, "it was never tried to the end, and may be wanted again")
    again = plan(old(), spec=NEW, attempts=replace(found.attempts, drift=NEW.hash, drift_since=NOW), now=later)
    assert isinstance(again.action, ReplaceContainer)


def test_one_that_had_failed_before_the_configuration_changed_stays_refused() -> None:
    ended = Attempts(failures=2, spec=NEW.hash)
    taken = plan(old(PREVIOUS, EXITED), new(state=EXITED), progress=STARTING, attempts=ended)
    assert isinstance(taken.action, Rollback)
    back = plan(old(), new(REFUSED, EXITED), spec=NEW, attempts=taken.attempts)
    assert back.action is None
    assert "did not get ready" in back.doing


@dataclass
class World:
    """Containers by id, and what can be done to them; `broken` images end as soon as they are started."""

    containers: dict[str, Container]
    broken: frozenset[str] = frozenset()
    now: datetime = NOW
    most_running: int = field(default=0)

    def put(self, found: Container) -> None:
        self.containers[found.id] = found
        self.most_running = max(self.most_running, sum(one.alive for one in self.containers.values()))

    def call(self, identity: str, name: str) -> None:
        self.containers = {key: one for key, one in self.containers.items() if one.name != name or key == identity}
        self.put(replace(self.containers[identity], name=name))

    def stop(self, identity: str) -> None:
        if self.containers[identity].alive:
            self.put(replace(self.containers[identity], state=EXITED, finished_at=self.now))

    def start(self, identity: str) -> None:
        found = self.containers[identity]
        state, ended = (EXITED, self.now) if found.image in self.broken else (RUNNING, None)
        self.put(replace(found, state=state, started_at=self.now, finished_at=ended))

    def steps(self, action: Action) -> Iterator[None]:
        """The calls to the Engine, in their order."""
        match action:
            case CreateContainer(spec=spec):
                self.put(container(spec, spec.name, CREATED))
                yield
                self.start(spec.hash)
            case StartContainer(id=identity):
                self.start(identity)
            case RenameContainer(id=identity, name=name):
                self.call(identity, name)
            case Retire(id=identity, new_name=name):
                self.stop(identity)
                yield
                self.call(identity, name)
            case RemoveContainer(id=identity):
                del self.containers[identity]
            case ReplaceContainer(id=identity, spec=spec):
                self.put(container(spec, NEXT, CREATED))
                yield
                yield from self.steps(Promote(spec.hash, identity, spec.name, ""))
            case Promote(next=successor, previous=previous, name=name):
                if previous:
                    self.call(previous, PREVIOUS)
                    yield
                self.call(successor, name)
                yield
                if previous:
                    self.stop(previous)
                    yield
                self.start(successor)
            case Rollback(id=identity, previous=previous, name=name):
                if identity:
                    self.stop(identity)
                    yield
                    self.call(identity, REFUSED)
                    yield
                self.start(previous)
                yield
                self.call(previous, name)
            case _:
                raise AssertionError(action)
        yield


def live(
    world: World, spec: ContainerSpec, killed_at: int, *, keeps: bool, settings: SuperviseSettings = SETTINGS
) -> list[str]:
    """Passes until nothing more is done; at call `killed_at` the agent is killed, and forgets unless it `keeps` state.

    Returns the actions, by name.
    """
    attempts = HELD[spec.hash]
    calls = 0
    done: list[str] = []
    for _ in range(60):
        world.now += timedelta(seconds=3)
        running = next((one for one in world.containers.values() if one.running), None)
        progress = READY if running is not None else Progress()
        found = plan(
            *world.containers.values(),
            spec=spec,
            attempts=attempts,
            settings=settings,
            progress=progress,
            now=world.now,
        )
        attempts = found.attempts
        if found.action is None:
            if found.next_attempt is None and "if that lasts" not in found.doing:
                return done
            continue
        done.append(type(found.action).__name__)
        for _ in world.steps(found.action):
            calls += 1
            if calls == killed_at:
                attempts = attempts if keeps else Attempts()
                break
    raise AssertionError(f"no end: {done[-10:]}")


@pytest.mark.parametrize("keeps", [True, False], ids=["state kept", "state lost"])
@pytest.mark.parametrize("killed_at", range(8))
def test_an_agent_killed_after_any_call_ends_with_the_new_container_alone(killed_at: int, keeps: bool) -> None:
    world = World({old().id: old()})
    live(world, NEW, killed_at, keeps=keeps)
    assert {(one.name, one.image, one.state) for one in world.containers.values()} == {(NAME, NEW.image, RUNNING)}
    assert world.most_running == 1


@pytest.mark.parametrize("keeps", [True, False], ids=["state kept", "state lost"])
@pytest.mark.parametrize("killed_at", range(14))
def test_an_agent_killed_after_any_call_ends_with_the_old_one_when_the_new_one_does_not_last(
    killed_at: int, keeps: bool
) -> None:
    world = World({old().id: old()}, broken=frozenset({NEW.image}))
    done = live(world, NEW, killed_at, keeps=keeps)
    assert {(one.name, one.image, one.state) for one in world.containers.values()} == {
        (NAME, OLD.image, RUNNING),
        (REFUSED, NEW.image, EXITED),
    }
    assert world.most_running == 1
    assert done.count("ReplaceContainer") == 1, "what was refused is not tried again"


def remains() -> Iterator[tuple[Container, ...]]:
    """What agents that were killed, and people, can leave: each part made from any specification, in any state."""
    parts = []
    for name in (NAME, NEXT, PREVIOUS, REFUSED):
        made = product((OLD, NEW, MOVED), (CREATED, RUNNING, EXITED, ContainerState.PAUSED))
        parts.append([None, *(replace(container(spec, name, state), id=f"{name}-id") for spec, state in made)])
    for found in random.Random(7).sample(list(product(*parts)), 1500):
        yield tuple(part for part in found if part is not None)


@pytest.mark.parametrize("spec", [NEW, MOVED, NEWEST], ids=["new", "moved", "newest"])
def test_what_lives_is_never_removed_nor_stopped_for_what_must_not_start(spec: ContainerSpec) -> None:
    for containers in remains():
        alive = {found.id for found in containers if found.alive}
        for wanted in (
            DesiredContainer(spec),
            DesiredContainer(spec, refused="no"),
            DesiredContainer(spec, succession=Succession(barred="no")),
        ):
            found = plan_supervision(
                Docker(containers=containers, image=LocalImage(spec.image, f"sha256:{spec.image}")),
                wanted,
                HELD.get(spec.hash, Attempts()),
                SETTINGS,
                progress=READY,
                etcd_since=NOW - timedelta(days=1),
                now=NOW,
                hold_down=timedelta(seconds=10),
                jitter=0,
            )
            if isinstance(found.action, RemoveContainer):
                assert found.action.id not in alive or len(alive) > 1, (containers, found)
            if wanted.refused or wanted.succession.barred:
                assert not isinstance(found.action, ReplaceContainer | Promote | CreateContainer), (
                    containers,
                    found,
                )
            if wanted.refused and isinstance(found.action, Rollback):
                assert found.action.previous in alive, (containers, found)
                assert found.action.id not in alive, (containers, found)


def test_a_new_one_that_somebody_stops_by_hand_does_not_bring_the_old_one_back() -> None:
    stopped = replace(new(state=EXITED), stopped_by_hand=True)
    respects = SuperviseSettings(respect_stop=True)
    late = Attempts(failures=3)
    left = plan(old(PREVIOUS, EXITED), stopped, settings=respects, attempts=late)
    assert left.action is None
    assert "as somebody asked" in left.doing
    assert isinstance(plan(old(PREVIOUS, EXITED), stopped, attempts=late).action, Rollback)
