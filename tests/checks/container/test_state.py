"""The calico/node container."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, ContainerState, Docker, LogHint
from calico_agent.model.container.waiting_command import Client
from calico_agent.model.finding import Status
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import AT, CONTAINER, DATASTORE, HEALTHY, contained, stored

NO_BIRD = Unreadable("BIRD", "nobody listens on /var/run/calico/bird.ctl", "refused")
WITHOUT_BIRD = replace(HEALTHY, bird=NO_BIRD)
CONFLICT = LogHint(
    "address-conflict",
    "node host3 is already registered with the address 172.17.0.1",
    "Calico node 'host3' is already using the IPv4 address 172.17.0.1.",
    "give this host its own address",
)
WAITING = LogHint(
    "datastore-waiting", "its start-up waits for the datastore", "Skipping datastore connection test", "-"
)
OURS = ((LABEL_MANAGED_BY, MANAGED_BY),)
SECOND = replace(CONTAINER, id="c2", name="k8s_calico-node_x", started_at=AT - timedelta(minutes=5))
GONE = {"ContainerRunning": Status.FALSE, "BGPEstablished": Status.UNKNOWN}

CASES = {
    "exited, with the line that explains it": Case(
        contained(WITHOUT_BIRD, state=ContainerState.EXITED, exit_code=1, log_hint=CONFLICT),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        says=("exited with code 1: node host3 is already registered", CONFLICT.line, CONFLICT.cure),
        status=GONE,
    ),
    "exited because it was told to take Docker's address": Case(
        contained(
            WITHOUT_BIRD,
            state=ContainerState.EXITED,
            exit_code=1,
            log_hint=CONFLICT,
            env=(("IP", "172.17.0.1"),),
        ),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        says=("it was started with IP=172.17.0.1, the address of Docker's bridge docker0", "-e IP=10.77.0.11/24"),
    ),
    "exited without a word": Case(
        contained(WITHOUT_BIRD, state=ContainerState.EXITED, exit_code=137),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        says=("exited with code 137", "docker logs calico-node"),
    ),
    "killed for lack of memory": Case(
        contained(WITHOUT_BIRD, state=ContainerState.EXITED, exit_code=137, oom_killed=True),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        says=("was killed for lack of memory",),
    ),
    "restarted again and again": Case(
        contained(WITHOUT_BIRD, state=ContainerState.RESTARTING, exit_code=1, restart_count=12),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        says=("is started again and again (12 times so far)",),
    ),
    "created and never started, so there is no record either": Case(
        contained(stored(WITHOUT_BIRD, nodes=DATASTORE.nodes[1:]), state=ContainerState.CREATED),
        {"SV-NOT-RUNNING calico-node": {"NODE-NO-RECORD host1", "BIRD-DOWN BIRD"}},
        says=("docker start calico-node",),
    ),
    "paused: BIRD is there and does not answer": Case(
        contained(
            replace(HEALTHY, bird=Unreadable("BIRD", "no greeting within 2 s", "timeout")), state=ContainerState.PAUSED
        ),
        {"SV-NOT-RUNNING calico-node": {"BIRD-HUNG BIRD"}},
        says=("docker unpause calico-node",),
    ),
    "none at all": Case(
        replace(WITHOUT_BIRD, docker=Docker()),
        {"SV-ABSENT host1": {"BIRD-DOWN BIRD"}},
        says=("run calico-agent in supervise mode",),
        status=GONE,
    ),
    "none at all, and the agent will make it": Case(
        replace(WITHOUT_BIRD, docker=Docker()),
        {"SV-ABSENT host1": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        says=("calico-agent makes it",),
    ),
    "none in Docker, but BIRD answers: containerd runs it": Case(
        replace(HEALTHY, docker=Docker()), {}, status={"ContainerRunning": Status.UNKNOWN}
    ),
    "it runs, but waits for the datastore": Case(
        contained(WITHOUT_BIRD, log_hint=WAITING),
        {"SV-STUCK calico-node": {"BIRD-DOWN BIRD"}},
        says=("its start does not get on", WAITING.line),
        status=GONE,
    ),
    "it waits for the datastore, which we cannot read either": Case(
        contained(
            replace(WITHOUT_BIRD, datastore=Unreadable("etcd", "connection refused", "refused")), log_hint=WAITING
        ),
        {"DS-UNREADABLE etcd": {"SV-STUCK calico-node", "BIRD-DOWN BIRD"}},
        status={
            "IdentityConfirmed": Status.UNKNOWN,
            "DatastoreReachable": Status.UNKNOWN,
            "RoutesInPlace": Status.UNKNOWN,
        }
        | GONE,
    ),
    "it was started five seconds ago: nothing is asked of it yet": Case(
        contained(WITHOUT_BIRD, log_hint=WAITING, started_at=AT - timedelta(seconds=5)),
        {},
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "a hint in the log of a container that works means nothing": Case(contained(log_hint=WAITING), {}, status={}),
    "an old one that exited beside one that runs means nothing": Case(
        replace(HEALTHY, docker=Docker(containers=(replace(SECOND, state=ContainerState.EXITED), CONTAINER))), {}
    ),
    "two at a time": Case(
        replace(HEALTHY, docker=Docker(containers=(CONTAINER, SECOND))),
        {"SV-TWO k8s_calico-node_x": set()},
        says=("each undoes the routes and rules of the other",),
    ),
    "supervised, somebody else's is only watched": Case(
        HEALTHY, {"SV-FOREIGN calico-node": set()}, mode=Mode.SUPERVISE, says=("take_over = true",), status={}
    ),
    "supervised, what a unit starts again": Case(
        contained(client=Client(812, "calico-node.service")),
        {"SV-FOREIGN calico-node": set()},
        mode=Mode.SUPERVISE,
        says=("calico-node.service would start it again", "systemctl disable --now calico-node.service"),
        status={},
    ),
    "supervised, what a kubelet starts again": Case(
        contained(name="k8s_calico-node_calico-node-x7k2p_kube-system_4f1e_0"),
        {"SV-FOREIGN k8s_calico-node_calico-node-x7k2p_kube-system_4f1e_0": set()},
        mode=Mode.SUPERVISE,
        says=("kubelet (pod kube-system/calico-node-x7k2p)", "kubectl -n kube-system delete pod calico-node-x7k2p"),
        status={},
    ),
    "supervised, our own is fine": Case(contained(labels=OURS), {}, mode=Mode.SUPERVISE, status={}),
    "Docker does not answer": Case(
        replace(HEALTHY, docker=Unreadable("Docker", "no answer within 5 s", "timeout")),
        {"DOCKER-UNREADABLE Docker": set()},
        status={"ContainerRunning": Status.UNKNOWN},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_container(case: Case) -> None:
    check(case)
