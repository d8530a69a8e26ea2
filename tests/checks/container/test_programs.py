"""The programs inside calico/node, and how far its start has come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.container.stage import stage_by
from calico_agent.model.calico.felix_health import FelixComponent, FelixHealth
from calico_agent.model.container.container import ContainerState, Docker, LogHint
from calico_agent.model.container.program import Child, Program, Stage
from calico_agent.model.finding import Status
from calico_agent.model.observation import Observation, Unreadable
from tests.checks.case import Case, check
from tests.checks.cluster import AT, CONTAINER, HEALTHY, SESSIONS, contained, look, peered, session

BOOT = AT - timedelta(hours=1)
RUNNING = tuple(Program(name, pid, BOOT, BOOT) for pid, name in enumerate(("bird", "confd", "felix"), start=10))
BIRD, CONFD, FELIX = RUNNING
WITHOUT_BIRD = replace(HEALTHY, bird=Unreadable("BIRD", "nobody answers on bird.ctl", "refused"))
WAITING = LogHint("datastore-waiting", "its start-up waits for the datastore", "Skipping", "check etcd")


def young(program: Program, seconds: float) -> Program:
    return replace(program, pid=99, started_at=AT - timedelta(seconds=seconds))


def felix(child: str = "", seconds: int = 0, health: FelixHealth | None = None) -> tuple[Program, ...]:
    """All programs, of which Felix waits for a process since some seconds, and says this of itself."""
    waits_for = Child(child, 224, AT - timedelta(seconds=seconds)) if child else None
    return (BIRD, CONFD, replace(FELIX, child=waits_for, health=health))


LIVE = FelixHealth(live=True)
HUNG = FelixHealth(live=False, hung=(FelixComponent("InternalDataplaneMainLoop", "1m30s", "timed out"),))
CASES = {
    "all programs run": Case(contained(programs=RUNNING), {}, status={}),
    "processes cannot be seen: nothing is claimed": Case(contained(programs=None), {}, status={}),
    "Felix is gone": Case(
        contained(programs=(BIRD, CONFD, replace(FELIX, pid=0, started_at=None))),
        {"SV-FELIX felix": set()},
        says=(
            "felix does not run inside container calico-node",
            "policies",
            "docker exec calico-node sv up /etc/service/enabled/felix where somebody put it down",
            "/var/log/calico/felix/current",
        ),
        status={"ContainerRunning": Status.FALSE},
    ),
    "Felix was started again three seconds ago": Case(
        contained(programs=(BIRD, CONFD, young(FELIX, 3))),
        {"SV-FELIX felix": set()},
        says=("was started again", "process 99 was started 3 s ago"),
    ),
    "Felix ended by design, as its settings changed": Case(
        contained(programs=(BIRD, CONFD, young(FELIX, 3)), felix_ends=(AT - timedelta(seconds=6),)), {}, status={}
    ),
    "Felix ended by design, and is not started yet": Case(
        contained(programs=(BIRD, CONFD, replace(FELIX, pid=0, started_at=None)), felix_ends=(AT,)), {}, status={}
    ),
    "Felix ended by design three times in two minutes: somebody changes settings": Case(
        contained(
            programs=(BIRD, CONFD, young(FELIX, 3)),
            felix_ends=tuple(AT - timedelta(seconds=each) for each in (90, 40, 5)),
        ),
        {},
        status={},
    ),
    "Felix ends by design again and again": Case(
        contained(
            programs=(BIRD, CONFD, young(FELIX, 3)),
            felix_ends=tuple(AT - timedelta(seconds=each) for each in (36, 26, 16, 6)),
        ),
        {"SV-FELIX felix": set()},
    ),
    "Felix ended by design a minute ago, and now it crashed": Case(
        contained(programs=(BIRD, CONFD, young(FELIX, 3)), felix_ends=(AT - timedelta(seconds=60),)),
        {"SV-FELIX felix": set()},
    ),
    "that Felix ended by design says nothing of confd": Case(
        contained(programs=(BIRD, young(CONFD, 3), FELIX), felix_ends=(AT - timedelta(seconds=6),)),
        {"SV-CONFD confd": set()},
    ),
    "Felix was started again nine seconds ago, and has stayed": Case(
        contained(programs=(BIRD, CONFD, young(FELIX, 9))), {}
    ),
    "Felix was started in what is now the future: the clock was set back, and nobody knows its age": Case(
        contained(programs=(BIRD, CONFD, young(FELIX, -3600))), {}
    ),
    "Felix was started late, together with its supervisor: start-up had waited": Case(
        contained(programs=(replace(young(FELIX, 3), kept_since=AT - timedelta(seconds=4)),)), {}
    ),
    "confd does not stay": Case(
        contained(programs=(BIRD, young(CONFD, 1), FELIX)),
        {"SV-CONFD confd": set()},
        says=("BIRD's configuration does not follow the cluster",),
    ),
    "Felix is held": Case(
        contained(programs=(BIRD, CONFD, replace(FELIX, stopped=True))),
        {"SV-FELIX felix": set()},
        says=("felix inside container calico-node is stopped: it runs, and does nothing", "kill -CONT 12"),
        status={"ContainerRunning": Status.FALSE},
    ),
    "Felix says that it hangs, and what it waits for is seen": Case(
        contained(programs=felix("iptables-restor", 128, HUNG)),
        {"SV-FELIX felix": set()},
        says=(
            "felix hangs: it has not finished its work since 2026-11-23 00:57:52 UTC",
            "its health port says: InternalDataplaneMainLoop timed out (1m30s)",
            "it waits for iptables-restor, process 224 of this host",
            "cat /proc/224/stack",
            "docker restart calico-node",
        ),
        status={"ContainerRunning": Status.FALSE},
    ),
    "Felix says that it hangs, and waits for no process": Case(
        contained(programs=felix(health=HUNG)),
        {"SV-FELIX felix": set()},
        says=("felix hangs: it has not finished its work for more than 1m30s",),
    ),
    "a Felix of an older release says that it hangs, and no more": Case(
        contained(programs=felix(health=FelixHealth(live=False))),
        {"SV-FELIX felix": set()},
        says=("felix hangs: it has not finished its work\n", "its health port says that it is not live"),
    ),
    "a Felix without a health port waits for an ipset for two minutes": Case(
        contained(programs=felix("ipset", 120)),
        {"SV-FELIX felix": set()},
        says=("felix hangs: it has not finished its work since 2026-11-23 00:58:00 UTC", "it waits for ipset"),
        status={"ContainerRunning": Status.FALSE},
    ),
    "a Felix without a health port waits for a minute: a large table takes its time": Case(
        contained(programs=felix("iptables-restor", 60)), {}, status={}
    ),
    "a Felix that is live may have a process for hours": Case(
        contained(programs=felix("iptables-restor", 7200, LIVE)), {}, status={}
    ),
    "a process that began in the future, by a clock that was set back": Case(
        contained(programs=felix("iptables-restor", -7200)), {}, status={}
    ),
    "confd waits for its word to BIRD": Case(
        contained(programs=(BIRD, replace(CONFD, child=Child("sv", 9, AT - timedelta(minutes=3))), FELIX)),
        {"SV-CONFD confd": set()},
        says=("confd hangs: it has not finished its work since", "it waits for sv", "new nodes get no session"),
    ),
    "what others wait for is their own matter": Case(
        contained(programs=(replace(BIRD, child=Child("sleep", 9, BOOT)), CONFD, FELIX)), {}, status={}
    ),
    "a container that was just started has no time to hang": Case(
        contained(programs=felix(health=HUNG), started_at=AT - timedelta(seconds=3)), {}
    ),
    "confd is held, and BIRD lacks a session": Case(
        contained(peered(SESSIONS[0]), programs=(BIRD, replace(CONFD, stopped=True), FELIX)),
        {"SV-CONFD confd": {"BGP-NO-SESSION host3"}},
    ),
    "BIRD is held": Case(
        contained(
            replace(HEALTHY, bird=Unreadable("BIRD", "no answer", "timeout")),
            programs=(replace(BIRD, stopped=True), CONFD, FELIX),
        ),
        {"BIRD-HUNG BIRD": set()},
        says=("a signal (SIGSTOP) holds its process 10",),
    ),
    "BIRD does not stay: that it does not answer follows": Case(
        contained(WITHOUT_BIRD, programs=(replace(BIRD, pid=0, started_at=None), CONFD, FELIX)),
        {"SV-RESTARTING bird": {"BIRD-DOWN BIRD"}},
    ),
    "BIRD for IPv6 does not stay where nobody needs it": Case(
        contained(programs=(*RUNNING, Program("bird6", 0, None, BOOT))), {}
    ),
    "a container that was just started is not judged": Case(
        contained(programs=(replace(FELIX, pid=0, started_at=None),), started_at=AT - timedelta(seconds=3)), {}
    ),
    "start-up hangs without a word: no program runs after the deadline": Case(
        contained(
            WITHOUT_BIRD, programs=(), started_at=AT - timedelta(seconds=61), log_tail=("Early log level set", "")
        ),
        {"SV-STUCK calico-node": {"BIRD-DOWN BIRD"}},
        says=("the last line of its log: Early log level set", "neither Felix nor BIRD nor confd"),
    ),
    "start-up goes on, before the deadline": Case(
        contained(WITHOUT_BIRD, programs=(), started_at=AT - timedelta(seconds=59)), {"BIRD-DOWN BIRD": set()}
    ),
    "BIRD ended long after the start: an old line of the log does not explain it": Case(
        contained(WITHOUT_BIRD, programs=(CONFD, FELIX), log_hint=WAITING), {"BIRD-DOWN BIRD": set()}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_programs(case: Case) -> None:
    check(case)


STAGES = {
    "no container": (replace(HEALTHY, docker=Docker()), None, ""),
    "one that exited": (contained(state=ContainerState.EXITED), None, ""),
    "made and not started": (contained(state=ContainerState.CREATED), Stage.CREATED, "nothing runs yet"),
    "waiting for etcd": (
        contained(WITHOUT_BIRD, programs=(), log_hint=WAITING),
        Stage.STARTING,
        "no program runs yet; nobody answers on bird.ctl; its start-up waits for the datastore",
    ),
    "Felix runs, BIRD does not answer yet": (
        contained(WITHOUT_BIRD, programs=(FELIX,)),
        Stage.STARTING,
        "felix running; nobody answers on bird.ctl",
    ),
    "BIRD answers, a session is missing": (
        peered(session("10.77.0.12"), session("10.77.0.13", "Connect"), observation=contained(programs=RUNNING)),
        Stage.PROGRAMS_UP,
        "BGPEstablished is False",
    ),
    "Felix hangs": (contained(programs=felix(health=HUNG)), Stage.PROGRAMS_UP, "ContainerRunning is False"),
    "all is well": (contained(programs=RUNNING), Stage.READY, "sessions and routes are as they should be"),
    "no BIRD is used, Felix runs": (
        contained(WITHOUT_BIRD, env=(("CALICO_NETWORKING_BACKEND", "none"),), programs=(FELIX,)),
        Stage.READY,
        "",
    ),
    "no BIRD is used, nothing runs": (
        contained(WITHOUT_BIRD, env=(("CALICO_NETWORKING_BACKEND", "none"),), programs=()),
        Stage.STARTING,
        "no program runs yet",
    ),
}


@pytest.mark.parametrize(("observation", "stage", "evidence"), STAGES.values(), ids=STAGES.keys())
def test_stage(observation: Observation, stage: Stage | None, evidence: str) -> None:
    assert CONTAINER.running
    reached = look(observation).stage
    assert (reached.stage if reached else None) is stage
    assert evidence in (reached.evidence if reached else "")


def test_what_is_only_suspected_makes_it_no_less_ready() -> None:
    well, lacking = (
        look(contained(programs=RUNNING)),
        look(peered(session("10.77.0.12"), session("10.77.0.13", "Connect"))),
    )
    reached = stage_by(lacking.stage, well.conditions)
    assert reached is not None
    assert reached.stage is Stage.READY
    starting = look(contained(WITHOUT_BIRD, programs=())).stage
    assert stage_by(starting, well.conditions) == starting
    assert stage_by(None, well.conditions) is None
