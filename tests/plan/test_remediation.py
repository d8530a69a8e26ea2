"""What is done about the container in each state it can be found in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.faults.registry import FAULTS
from calico_agent.model.container.action import (
    ClearRestartPolicy,
    CreateContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    Retire,
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
    LogHint,
)
from calico_agent.model.container.image import LocalImage
from calico_agent.model.container.program import Program
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan, Progress, Succession
from calico_agent.model.finding import ConditionType, Finding, Problem, Severity
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import DriftPolicy, OnChange, SuperviseSettings
from calico_agent.plan.remediation import plan_supervision, record_error
from calico_agent.plan.succession import judge_succession
from tests.plan.test_desired_container import IDENTITY

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEC = ContainerSpec("calico-node", "calico/node:v3.31.7", (("IP", "10.77.0.11/24"), ("NODENAME", "host1")))
OURS = Container(
    id="4dd578aa4555",
    name="calico-node",
    image=SPEC.image,
    state=ContainerState.RUNNING,
    started_at=NOW - timedelta(seconds=30),
    env=SPEC.env,
    labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, SPEC.hash)),
    network_mode="host",
    privileged=True,
    restart_policy="no",
)
EXITED = replace(OURS, state=ContainerState.EXITED, exit_code=137, finished_at=NOW)
FOREIGN = replace(OURS, labels=())
OTHER_LABELS = ((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, "another"))
DRIFTED = replace(OURS, labels=OTHER_LABELS, env=(("IP", "172.17.0.1/16"), ("NODENAME", "host1")))
SETTINGS = SuperviseSettings()


def plan(  # the defaults are a host on which all is well
    *containers: Container,
    wanted: DesiredContainer | None = None,
    attempts: Attempts | None = None,
    settings: SuperviseSettings = SETTINGS,
    docker: Docker | Unreadable | None = None,
    problems: tuple[TimedProblem, ...] = (),
    etcd_since: datetime | None = None,
    progress: Progress = Progress(),  # noqa: B008 - a frozen value
) -> Plan:
    return plan_supervision(
        docker or Docker(containers=containers, image=LocalImage(SPEC.image, "sha256:0123")),
        wanted or DesiredContainer(SPEC),
        attempts or Attempts(),
        settings,
        problems=problems,
        progress=progress,
        etcd_since=etcd_since,
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
    assert isinstance(action, Retire)
    assert action.new_name == "calico-node-before-calico-agent-4dd578"


@pytest.mark.parametrize("state", [ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING])
def test_a_living_container_of_somebody_else_is_left_alone_without_leave(state: ContainerState) -> None:
    foreign = replace(FOREIGN, state=state)
    assert plan(foreign).action is None
    leave = replace(SETTINGS, take_over=True)
    paused = state is ContainerState.PAUSED  # somebody meant it
    assert isinstance(plan(foreign, settings=leave).action, ReplaceContainer) is not paused


def test_one_that_runs_is_taken_over_only_when_its_successor_can_be_made() -> None:
    leave = replace(SETTINGS, take_over=True)
    waiting = plan(settings=leave, docker=Docker(containers=(FOREIGN,)))
    assert (waiting.action, waiting.pull) == (None, SPEC.image)
    assert waiting.doing == f"waiting to take over from calico-node: {SPEC.image} is being pulled"


def test_no_second_calico_node_is_started_beside_one_of_another_name() -> None:
    daemonset = replace(FOREIGN, name="k8s_calico-node_calico-node-x7k2p_kube-system_1_0")
    refused = plan(daemonset)
    assert refused.action is None
    assert "pod kube-system/calico-node-x7k2p already runs calico/node" in refused.doing


def test_nothing_is_done_while_docker_does_not_answer() -> None:
    assert plan(docker=Unreadable("Docker", "no answer in 5 s")).action is None


def test_nothing_is_done_without_an_identity_and_what_runs_goes_on() -> None:
    refused = plan(OURS, wanted=DesiredContainer(None, "no unique address"))
    assert (refused.action, refused.doing) == (None, "not starting calico/node: no unique address")


def test_without_the_datastore_only_what_was_proved_before_is_started() -> None:
    unproved = DesiredContainer(SPEC, unproved="etcd does not answer")
    assert plan(wanted=unproved).action is None
    assert plan(wanted=unproved).attempts == Attempts()
    assert isinstance(plan(EXITED, wanted=unproved).action, StartContainer)


HINT = LogHint("address-conflict", "it refuses the address", "already using the IPv4 address", "give it another")


def lasting(
    code: str, seconds: float, subject: str = "BIRD", *consequences: str, family: Family | None = None
) -> TimedProblem:
    """A problem that is seen for so long."""

    def finding(code: str) -> Finding:
        condition = ConditionType.CONTAINER_RUNNING
        return Finding(FAULTS[code], subject, Severity.ERROR, condition, "it is wrong", family=family)

    return TimedProblem(
        Problem(finding(code), tuple(map(finding, consequences))), NOW - timedelta(seconds=seconds), confirmed=True
    )


OLD = replace(OURS, started_at=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("container", "problem", "restarted"),
    [
        pytest.param(OLD, lasting("BIRD-HUNG", 60), True, id="BIRD has hung for the deadline"),
        pytest.param(OLD, lasting("BIRD-HUNG", 59), False, id="BIRD has hung for less than that"),
        pytest.param(
            OLD,
            replace(
                lasting("BIRD-HUNG", 600, "BIRD", "RT-MISSING"),
                each_since=(NOW - timedelta(seconds=1), NOW - timedelta(seconds=600)),
            ),
            False,
            id="BIRD has hung for one pass, and explains routes that are missing for long",
        ),
        pytest.param(OLD, lasting("BIRD-DOWN", 60), True, id="BIRD does not come back"),
        pytest.param(OURS, lasting("BIRD-HUNG", 600), False, id="it hung in the container of before"),
        pytest.param(
            OLD, lasting("SV-NOT-RUNNING", 600, "calico-node", "BIRD-HUNG"), False, id="BIRD hangs because it is paused"
        ),
        pytest.param(OLD, lasting("SV-STUCK", 1, "calico-node"), True, id="start-up is stuck beyond its deadline"),
        pytest.param(OURS, lasting("SV-STUCK", 25, "calico-node"), False, id="start-up is stuck, before the deadline"),
        pytest.param(
            OLD, lasting("DS-UNREADABLE", 600, "etcd", "SV-STUCK"), False, id="start-up waits for an etcd that is down"
        ),
        pytest.param(
            OLD,
            lasting("SV-CRASHLOOP", 600, "calico-node", "BIRD-HUNG"),
            True,
            id="BIRD hangs again after many restarts, which is its own cause",
        ),
        pytest.param(OLD, lasting("SV-FELIX", 600, "felix"), False, id="Felix restarts: runit sees to it"),
        pytest.param(
            replace(OLD, env=(*OLD.env, ("CALICO_NETWORKING_BACKEND", "gobgp"))),
            lasting("BIRD-DOWN", 600),
            False,
            id="BIRD is away where another daemon speaks BGP",
        ),
    ],
)
def test_what_hangs_inside_a_running_container_restarts_it(
    container: Container, problem: TimedProblem, restarted: bool
) -> None:
    assert isinstance(plan(container, problems=(problem,)).action, RestartContainer) is restarted


BIRD, BIRD6 = Program("bird", 11, NOW, NOW), Program("bird6", 12, NOW, NOW)


@pytest.mark.parametrize(
    ("programs", "family", "restarted"),
    [
        pytest.param((BIRD,), Family.IPV4, True, id="its supervisor keeps BIRD"),
        pytest.param(None, Family.IPV4, True, id="its processes cannot be seen"),
        pytest.param((Program("felix", 9),), Family.IPV4, False, id="no BIRD belongs to it, as with gobgp"),
        pytest.param((BIRD, BIRD6), Family.IPV6, True, id="the one for IPv6 is kept, too"),
        pytest.param((BIRD,), Family.IPV6, False, id="one BIRD does both families"),
    ],
)
def test_a_restart_is_for_a_bird_that_the_container_keeps(
    programs: tuple[Program, ...] | None, family: Family, restarted: bool
) -> None:
    container = replace(OLD, programs=programs)
    action = plan(container, problems=(lasting("BIRD-DOWN", 90, family=family),)).action
    assert isinstance(action, RestartContainer) is restarted


@pytest.mark.parametrize("code", ["SV-STUCK", "BIRD-DOWN", "BIRD-HUNG"])
def test_what_cannot_be_seen_restarts_nothing(code: str) -> None:
    assert plan(OLD, problems=(lasting(code, 600),), progress=Progress(seen=False)).action is None


@pytest.mark.parametrize("code", ["SV-STUCK", "BIRD-DOWN"])
def test_a_start_that_waited_for_etcd_gets_its_whole_time_when_etcd_is_back(code: str) -> None:
    late = (lasting(code, 600, "calico-node"),)
    deadline = max(SETTINGS.start_deadline, SETTINGS.hung_deadline)
    assert plan(OLD, problems=late, etcd_since=NOW - timedelta(seconds=5)).action is None
    assert isinstance(plan(OLD, problems=late, etcd_since=NOW - deadline).action, RestartContainer)


def test_a_hung_container_is_restarted_once_and_then_with_backoff() -> None:
    hung = (lasting("BIRD-HUNG", 90),)
    first = plan(OLD, problems=hung)
    assert isinstance(first.action, RestartContainer)
    assert first.attempts.last_failure == "was restarted because BIRD did not answer for 90 s"
    tired = replace(first.attempts, failures=9, not_before=NOW + timedelta(seconds=200))
    again = plan(OLD, problems=hung, attempts=tired)
    assert again.action is None
    assert again.next_attempt == NOW + timedelta(seconds=200)
    assert again.attempts.failures == 9, "an hour of hanging is not an hour of being well"


def test_nothing_that_hangs_is_restarted_while_etcd_cannot_be_asked() -> None:
    unproved = DesiredContainer(SPEC, unproved="etcd does not answer")
    assert plan(OLD, wanted=unproved, problems=(lasting("BIRD-HUNG", 90),)).action is None


AWAY = Unreadable("all", "it was not asked")

# What an identity change may replace when people want to decide it themselves (identity.on_change = "report").
LEFT_TO_PEOPLE = {
    "another address: it goes on": (DRIFTED, False),
    "another name: it goes on": (replace(DRIFTED, env=(("IP", "10.77.0.11/24"), ("NODENAME", "old"))), False),
    "a paused one goes on, too": (replace(DRIFTED, state=ContainerState.PAUSED), False),
    "one that has ended is made anew": (replace(EXITED, labels=OTHER_LABELS, env=DRIFTED.env), True),
    "another image is no change of identity": (replace(DRIFTED, env=SPEC.env, image="calico/node:v3.30.0"), True),
}


@pytest.mark.parametrize(("container", "replaced"), LEFT_TO_PEOPLE.values(), ids=LEFT_TO_PEOPLE.keys())
def test_a_change_of_identity_that_is_left_to_people(container: Container, replaced: bool) -> None:
    report = replace(SETTINGS, on_identity_change=OnChange.REPORT)
    long_ago = Attempts(drift=SPEC.hash, drift_since=NOW - timedelta(hours=1))
    seen = Observation(NOW, AWAY, AWAY, AWAY, AWAY, AWAY)
    wanted = DesiredContainer(SPEC, succession=judge_succession(seen, IDENTITY, SPEC, container, report))
    action = plan(container, wanted=wanted, attempts=long_ago, settings=report).action
    assert isinstance(action, ReplaceContainer) is replaced


def test_drift_is_only_reported_when_that_is_the_policy() -> None:
    report = replace(SETTINGS, on_drift=DriftPolicy.REPORT)
    long_ago = Attempts(drift=SPEC.hash, drift_since=NOW - timedelta(hours=1))
    another = replace(DRIFTED, image="calico/node:v3.30.0", env=SPEC.env)
    assert plan(another, attempts=long_ago, settings=report).action is None
    exited = replace(DRIFTED, image="calico/node:v3.30.0", env=SPEC.env, state=ContainerState.EXITED, finished_at=NOW)
    assert isinstance(plan(exited, attempts=long_ago, settings=report).action, StartContainer)
    assert plan(replace(OURS, restart_policy="always"), settings=report).action is None


def test_another_hash_of_the_same_settings_is_not_replaced() -> None:
    long_ago = Attempts(drift=SPEC.hash, drift_since=NOW - timedelta(hours=1))
    assert plan(replace(OURS, labels=OTHER_LABELS), attempts=long_ago).action is None


def test_a_restart_policy_is_taken_back_and_what_runs_is_not_touched() -> None:
    action = plan(replace(OURS, restart_policy="unless-stopped")).action
    assert action == ClearRestartPolicy(OURS.id, "its restart policy is unless-stopped")


@pytest.mark.parametrize("state", [ContainerState.RUNNING, ContainerState.EXITED])
def test_one_of_ours_that_was_renamed_gets_its_name_back(state: ContainerState) -> None:
    action = plan(replace(OURS, name="old-node", state=state)).action
    assert action == RenameContainer(OURS.id, "calico-node", "it is called old-node")


def test_a_renamed_one_is_not_touched_where_another_has_the_name_or_runs() -> None:
    renamed = replace(OURS, id="b2", name="old-node")
    assert plan(OURS, renamed).action is None
    stopped = replace(renamed, state=ContainerState.EXITED)
    assert plan(replace(FOREIGN, name="k8s_calico-node_x"), stopped).action is None


def test_one_that_was_stopped_by_hand_is_started_unless_that_is_to_be_respected() -> None:
    stopped = replace(EXITED, stopped_by_hand=True)
    assert isinstance(plan(stopped).action, StartContainer)
    respect = replace(SETTINGS, respect_stop=True)
    left = plan(stopped, settings=respect)
    assert left.action is None
    assert "docker start" in left.doing
    drifted = replace(stopped, labels=OTHER_LABELS, env=())
    assert plan(drifted, settings=respect).action is None, "nor is it replaced meanwhile"
    assert isinstance(plan(EXITED, settings=respect).action, StartContainer), "one that crashed is started"
    forgotten = plan(EXITED, settings=respect, attempts=left.attempts)
    assert forgotten.action is None, "Docker forgets in time that it was asked, the agent does not"
    crashed = replace(EXITED, finished_at=NOW + timedelta(seconds=1))
    assert isinstance(plan(crashed, settings=respect, attempts=left.attempts).action, StartContainer)


def test_why_the_last_start_did_not_last_is_remembered() -> None:
    attempts = plan(replace(EXITED, exit_code=1, log_hint=HINT)).attempts
    assert (attempts.last_failure, attempts.hint) == ("exited with code 1", HINT)
    assert plan(OURS, attempts=attempts).attempts.hint == HINT
    stable = replace(OURS, started_at=NOW - SETTINGS.stable_after)
    assert plan(stable, attempts=attempts).attempts == Attempts(starts=1, restarts=1)


def test_a_corrected_configuration_does_not_wait_for_the_failures_of_the_wrong_one() -> None:
    wrong = Attempts(failures=9, starts=9, not_before=NOW + timedelta(minutes=5), spec="of the wrong one")
    assert isinstance(plan(attempts=wrong).action, CreateContainer)
    same = replace(wrong, spec=SPEC.hash)
    assert plan(attempts=same).action is None


def test_a_clock_that_was_set_back_costs_at_most_the_longest_wait() -> None:
    future = Attempts(failures=1, not_before=NOW + timedelta(days=400), spec=SPEC.hash)
    assert plan(EXITED, attempts=future).next_attempt == NOW + SETTINGS.backoff_max


def test_an_action_that_failed_is_not_tried_again_at_once() -> None:
    failed = record_error(Attempts(), "Docker refuses", NOW)
    assert failed.not_before == NOW + timedelta(seconds=1)
    assert plan(replace(OURS, restart_policy="always"), attempts=failed).action is None
    longer = Attempts(not_before=NOW + timedelta(minutes=1))
    assert record_error(longer, "Docker refuses", NOW).not_before == longer.not_before
    assert record_error(Attempts(), "", NOW) == Attempts()


def test_a_paused_one_is_left_and_the_command_is_named() -> None:
    paused = plan(replace(OURS, state=ContainerState.PAUSED))
    assert paused.action is None
    assert "docker unpause calico-node" in paused.doing


@pytest.mark.parametrize("containers", [(), (EXITED,), (DRIFTED,)], ids=["none", "one of ours", "one that drifted"])
def test_nothing_is_started_while_a_finding_bars_it(containers: tuple[Container, ...]) -> None:
    lasting = Attempts(drift=SPEC.hash, drift_since=NOW - timedelta(minutes=1))
    refused = plan(*containers, wanted=DesiredContainer(SPEC, refused="port 179 is taken"), attempts=lasting)
    assert refused.action is None
    assert refused.doing.startswith("not ")
    assert refused.doing.endswith(": port 179 is taken")
    assert refused.attempts.starts == 0


def test_what_runs_is_left_alone_while_a_finding_bars_a_start() -> None:
    assert plan(OURS, wanted=DesiredContainer(SPEC, refused="port 179 is taken")) == plan(OURS)


RENEWED = lasting("SV-CERTIFICATE", 60, "/etc/calico/cert.pem")
LONG_AGO = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("problems", "etcd_since", "settings", "restarted"),
    [
        pytest.param((RENEWED,), LONG_AGO, SETTINGS, True, id="a certificate was renewed a minute ago"),
        pytest.param(
            (lasting("SV-CERTIFICATE", 59, "/x"),), LONG_AGO, SETTINGS, False, id="the other files may still come"
        ),
        pytest.param((RENEWED,), None, SETTINGS, False, id="etcd does not take it from the agent either"),
        pytest.param((RENEWED,), NOW, SETTINGS, False, id="the agent uses it since a moment only"),
        pytest.param(
            (RENEWED, lasting("DS-FILE", 60, "etcd")), LONG_AGO, SETTINGS, False, id="the new key is of another one"
        ),
        pytest.param(
            (RENEWED,), LONG_AGO, SuperviseSettings(on_drift=DriftPolicy.REPORT), False, id="people want to do it"
        ),
    ],
)
def test_a_renewed_certificate_reaches_calico_node_by_a_restart(
    problems: tuple[TimedProblem, ...], etcd_since: datetime | None, settings: SuperviseSettings, restarted: bool
) -> None:
    action = plan(OLD, problems=problems, etcd_since=etcd_since, settings=settings).action
    assert isinstance(action, RestartContainer) is restarted


def test_what_runs_is_taken_over_with_another_address_only_if_that_lasts() -> None:
    """An address that is gone for a moment must not make another node of what somebody else started."""
    elsewhere = replace(FOREIGN, env=(("IP", "10.77.0.99/24"), ("NODENAME", "host1")))
    leave = replace(SETTINGS, take_over=True)
    first = plan(elsewhere, settings=leave)
    assert (first.action, first.attempts.drift_since) == (None, NOW)
    lasting = replace(first.attempts, drift_since=NOW - timedelta(minutes=1))
    assert isinstance(plan(elsewhere, settings=leave, attempts=lasting).action, ReplaceContainer)
    gone = DesiredContainer(
        SPEC, succession=Succession(coming_back="eth0, on which 10.77.0.99 was, has no IPv4 address")
    )
    assert plan(elsewhere, settings=leave, attempts=lasting, wanted=gone).action is None
