"""What is done about the container in each state it can be found in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.model.action import (
    Attempts,
    CreateContainer,
    Plan,
    ReplaceContainer,
    SetAside,
    StartContainer,
    Wanted,
)
from calico_agent.model.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    Container,
    ContainerSpec,
    ContainerState,
    Docker,
)
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.remediation import plan_supervision

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEC = ContainerSpec("calico-node", "calico/node:v3.31.7", (("IP", "10.77.0.11/24"), ("NODENAME", "host1")))
OURS = Container(
    id="4dd578aa4555",
    name="calico-node",
    image=SPEC.image,
    state=ContainerState.RUNNING,
    started_at=NOW - timedelta(seconds=30),
    labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, SPEC.hash)),
)
EXITED = replace(OURS, state=ContainerState.EXITED, exit_code=137, finished_at=NOW)
FOREIGN = replace(OURS, labels=())
DRIFTED = replace(OURS, labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, "another")))
SETTINGS = SuperviseSettings()


def plan(  # the defaults are a host on which all is well
    *containers: Container,
    wanted: Wanted | None = None,
    attempts: Attempts | None = None,
    settings: SuperviseSettings = SETTINGS,
    docker: Docker | Unreadable | None = None,
) -> Plan:
    return plan_supervision(
        docker or Docker(containers=containers),
        wanted or Wanted(SPEC),
        attempts or Attempts(),
        settings,
        now=NOW,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )


def test_a_matching_running_container_is_adopted_and_never_touched() -> None:
    assert plan(OURS).action is None


def test_no_container_is_created() -> None:
    assert plan().action == CreateContainer(SPEC, "there is none")


@pytest.mark.parametrize("state", [ContainerState.EXITED, ContainerState.CREATED])
def test_one_of_ours_that_does_not_run_is_started(state: ContainerState) -> None:
    assert isinstance(plan(replace(EXITED, state=state)).action, StartContainer)


def test_a_dead_one_is_replaced() -> None:
    assert isinstance(plan(replace(EXITED, state=ContainerState.DEAD)).action, ReplaceContainer)


@pytest.mark.parametrize("state", [ContainerState.PAUSED, ContainerState.REMOVING])
def test_a_state_that_passes_or_somebody_chose_is_left_alone(state: ContainerState) -> None:
    assert plan(replace(OURS, state=state)).action is None


def test_the_first_restart_is_immediate_and_the_next_waits() -> None:
    first = plan(EXITED)
    assert isinstance(first.action, StartContainer)
    again = plan(EXITED, attempts=first.attempts)
    assert again.action is None
    assert "in 1 s" in again.doing
    assert again.next_attempt == NOW + timedelta(seconds=1)


def test_each_failure_doubles_the_wait_and_a_stable_container_forgets_them() -> None:
    tired = Attempts(failures=5, starts=5, not_before=NOW)
    counted = plan(EXITED, attempts=tired).attempts
    assert counted.not_before == NOW + timedelta(seconds=32)
    stable = replace(OURS, started_at=NOW - SETTINGS.stable_after)
    assert plan(stable, attempts=counted).attempts.failures == 0
    assert plan(OURS, attempts=counted).attempts.failures == 6


def test_another_specification_replaces_a_running_container_only_after_the_hold_down() -> None:
    first = plan(DRIFTED)
    assert first.action is None
    early = replace(first.attempts, drift_since=NOW - timedelta(seconds=9))
    assert plan(DRIFTED, attempts=early).action is None
    lasting = replace(first.attempts, drift_since=NOW - timedelta(seconds=10))
    assert isinstance(plan(DRIFTED, attempts=lasting).action, ReplaceContainer)


def test_a_drift_that_goes_away_is_forgotten() -> None:
    assert plan(OURS, attempts=plan(DRIFTED).attempts).attempts == Attempts()


def test_a_stopped_container_of_somebody_else_is_set_aside_and_not_removed() -> None:
    action = plan(replace(FOREIGN, state=ContainerState.EXITED)).action
    assert isinstance(action, SetAside)
    assert action.new_name == "calico-node-before-calico-agent-4dd578"


@pytest.mark.parametrize("state", [ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING])
def test_a_living_container_of_somebody_else_is_left_alone_without_leave(state: ContainerState) -> None:
    foreign = replace(FOREIGN, state=state)
    assert plan(foreign).action is None
    leave = replace(SETTINGS, take_over=True)
    assert isinstance(plan(foreign, settings=leave).action, SetAside)


def test_no_second_calico_node_is_started_beside_one_of_another_name() -> None:
    daemonset = replace(FOREIGN, name="k8s_calico-node_calico-node-x7k2p_kube-system_1_0")
    refused = plan(daemonset)
    assert refused.action is None
    assert daemonset.name in refused.doing


def test_nothing_is_done_while_docker_does_not_answer() -> None:
    assert plan(docker=Unreadable("Docker", "no answer in 5 s")).action is None


def test_nothing_is_done_without_an_identity_and_what_runs_goes_on() -> None:
    refused = plan(OURS, wanted=Wanted(None, "no unique address"))
    assert (refused.action, refused.doing) == (None, "not starting calico/node: no unique address")


def test_without_the_datastore_only_what_was_proved_before_is_started() -> None:
    unproved = Wanted(SPEC, unproved="etcd does not answer")
    assert plan(wanted=unproved).action is None
    assert plan(wanted=unproved).attempts == Attempts()
    assert isinstance(plan(EXITED, wanted=unproved).action, StartContainer)
