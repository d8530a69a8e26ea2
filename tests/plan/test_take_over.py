"""Somebody else's calico/node gives way to the agent's only where there is a way back, and nothing undoes it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.action import Promote, RemoveContainer, ReplaceContainer, Retire, Rollback
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.image import LocalImage
from calico_agent.model.container.supervision import Attempts, DesiredContainer
from calico_agent.model.container.waiting_command import Client
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.remediation import plan_supervision
from tests.plan.test_rollout import (
    CREATED,
    EXITED,
    HELD,
    MOVED,
    NAME,
    NEW,
    NEXT,
    NOW,
    PREVIOUS,
    READY,
    REFUSED,
    RUNNING,
    STARTING,
    World,
    container,
    live,
    new,
    old,
    plan,
)

LEAVE = SuperviseSettings(take_over=True)
FOREIGN = replace(old(), id="f0e1d2c3b4a5", labels=(), restart_policy="always")
ASIDE = f"{NAME}-before-calico-agent-f0e1d2"

# Who it is, is said in other ways than the agent's.
SAID = {
    "as the agent would": FOREIGN,
    "a bare address, as in 2017": replace(FOREIGN, env=(("IP", "10.77.0.11"), ("NODENAME", "host1"))),
    "nothing, as by calicoctl": replace(FOREIGN, env=(("NODENAME", "host1"),)),
    "autodetection, as in a DaemonSet": replace(FOREIGN, env=(("IP", "autodetect"),)),
    "the name by HOSTNAME, as kubespray": replace(FOREIGN, env=(("HOSTNAME", "host1"), ("IP", "10.77.0.11"))),
}


def stopped(foreign: Container) -> Container:
    return replace(foreign, name=PREVIOUS, state=EXITED)


@pytest.mark.parametrize("foreign", SAID.values(), ids=SAID.keys())
def test_its_successor_is_made_before_it_is_stopped(foreign: Container) -> None:
    found = plan(foreign, settings=LEAVE, attempts=HELD[NEW.hash])
    assert found.action == ReplaceContainer(FOREIGN.id, NEW, "supervise.take_over")
    assert found.attempts.sessions == READY.established


@pytest.mark.parametrize("foreign", SAID.values(), ids=SAID.keys())
def test_it_runs_again_when_its_successor_does_not_get_ready(foreign: Container) -> None:
    late = Attempts(failures=2, spec=NEW.hash, sessions=2)
    broken = new(state=EXITED)
    found = plan(stopped(foreign), broken, settings=LEAVE, progress=STARTING, attempts=late)
    assert isinstance(found.action, Rollback)
    assert (found.action.id, found.action.previous) == (broken.id, FOREIGN.id)


def test_it_is_kept_for_its_log_when_its_successor_is_ready() -> None:
    found = plan(stopped(FOREIGN), new(), settings=LEAVE)
    assert found.action == Retire(FOREIGN.id, ASIDE, "not made by calico-agent")


def test_what_was_refused_is_not_tried_again() -> None:
    found = plan(FOREIGN, new(REFUSED, EXITED), settings=LEAVE, attempts=HELD[NEW.hash])
    assert found.action is None
    assert f"docker logs {REFUSED}" in found.doing


@pytest.mark.parametrize("failed", [new(state=EXITED), None], ids=["its successor ends", "its successor is gone"])
def test_one_that_says_it_is_another_node_is_not_started_again(failed: Container | None) -> None:
    other = replace(stopped(FOREIGN), env=container(MOVED).env)
    found = plan(other, *((failed,) if failed else ()), settings=LEAVE, progress=STARTING)
    assert found.action == Retire(FOREIGN.id, ASIDE, "not made by calico-agent")


@pytest.mark.parametrize("keeps", [True, False], ids=["state kept", "state lost"])
@pytest.mark.parametrize("killed_at", range(8))
def test_an_agent_killed_after_any_call_ends_with_its_own_and_the_other_set_aside(killed_at: int, keeps: bool) -> None:
    world = World({FOREIGN.id: FOREIGN})
    live(world, NEW, killed_at, keeps=keeps, settings=LEAVE)
    assert {(one.name, one.managed, one.state) for one in world.containers.values()} == {
        (NAME, True, RUNNING),
        (ASIDE, False, EXITED),
    }
    assert world.most_running == 1


@pytest.mark.parametrize("keeps", [True, False], ids=["state kept", "state lost"])
@pytest.mark.parametrize("killed_at", range(14))
def test_an_agent_killed_after_any_call_ends_with_the_other_when_its_own_does_not_last(
    killed_at: int, keeps: bool
) -> None:
    world = World({FOREIGN.id: FOREIGN}, broken=frozenset({NEW.image}))
    done = live(world, NEW, killed_at, keeps=keeps, settings=LEAVE)
    assert {(one.name, one.managed, one.state) for one in world.containers.values()} == {
        (NAME, False, RUNNING),
        (REFUSED, True, EXITED),
    }
    assert world.containers[FOREIGN.id].restart_policy == "always", "as its maker wants it"
    assert world.most_running == 1
    assert done.count("ReplaceContainer") == 1, "what was refused is not tried again"


def test_what_was_made_for_it_is_used_or_removed() -> None:
    made = new(NEXT, CREATED)
    put = plan(FOREIGN, made, settings=LEAVE, attempts=HELD[NEW.hash]).action
    assert put == Promote(made.id, FOREIGN.id, NAME, "supervise.take_over")
    without_leave = plan(FOREIGN, made).action
    assert without_leave == RemoveContainer(made.id, "it is not wanted any more")
    stale = replace(container(MOVED, NEXT, CREATED), image=NEW.image)
    assert plan(FOREIGN, stale, settings=LEAVE).action == RemoveContainer(stale.id, "it is not wanted any more")


def test_without_leave_one_that_runs_is_not_stopped_whatever_it_is_called() -> None:
    running = replace(FOREIGN, name=PREVIOUS)
    assert plan(running, new()).action is None
    assert plan(running).action is None


POD = (("io.kubernetes.pod.name", "calico-node-x7k2p"), ("io.kubernetes.pod.namespace", "kube-system"))

# What would undo it, and what the plan says of that.
STARTERS = {
    "a unit": (
        replace(FOREIGN, client=Client(812, "calico-node.service")), "systemctl disable --now calico-node.service",
    ),
    "a docker run that something started": (replace(FOREIGN, client=Client(812)), "pid 812"),
    "a kubelet, by its labels": (replace(FOREIGN, labels=POD), "kubectl -n kube-system delete pod calico-node-x7k2p"),
    "--rm": (replace(FOREIGN, auto_remove=True), "--rm"),
}  # fmt: skip


@pytest.mark.parametrize(("foreign", "word"), STARTERS.values(), ids=STARTERS.keys())
def test_where_something_would_undo_it_nothing_is_taken_over_and_that_is_named(foreign: Container, word: str) -> None:
    found = plan(foreign, settings=LEAVE, attempts=HELD[NEW.hash])
    assert found.action is None
    assert word in found.doing


@pytest.mark.parametrize("settings", [SuperviseSettings(), LEAVE], ids=["without leave", "with leave"])
def test_a_pods_container_is_left_to_its_kubelet_by_its_name_alone(settings: SuperviseSettings) -> None:
    pod = replace(FOREIGN, name="k8s_calico-node_calico-node-x7k2p_kube-system_4f1e_0")
    found = plan(pod, settings=settings)
    assert found.action is None
    assert "kubectl -n kube-system delete pod calico-node-x7k2p" in found.doing
    unknown = plan(replace(pod, name="k8s_calico-node_x"), settings=settings)
    assert (unknown.action, "a second would fight it" in unknown.doing) == (None, True)


@pytest.mark.parametrize("left", [(), (replace(FOREIGN, state=EXITED),)], ids=["it is removed", "it has ended"])
def test_beside_a_unit_that_is_still_active_nothing_is_started(left: tuple[Container, ...]) -> None:
    """In its RestartSec: what is made now has the name that its ExecStop removes."""
    image = LocalImage(NEW.image, f"sha256:{NEW.image}")
    found = plan_supervision(
        Docker(containers=left, image=image, unit="calico-node.service"),
        DesiredContainer(NEW),
        Attempts(),
        LEAVE,
        now=NOW,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )
    assert found.action is None
    assert "systemctl disable --now calico-node.service" in found.doing
