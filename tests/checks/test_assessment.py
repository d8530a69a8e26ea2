"""All rules together: what could not be read, and properties that hold for every observation."""

from dataclasses import fields, replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.faults.agent import AGENT_FILES, AGENT_HTTP, AGENT_TLS
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.node import Datastore
from calico_agent.model.configuration import Configuration
from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.observation import AgentTrouble, Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.bad_keys import bad_record
from tests.checks.bgp import test_bird_daemon
from tests.checks.case import Case, check
from tests.checks.cluster import AT, BIRD4, DATASTORE, HEALTHY, IDENTITY, look, routed, statuses_of, stored, via
from tests.checks.container import test_state
from tests.checks.identity import test_own, test_peers
from tests.checks.routes import test_check

READ = [kind for kind in ConditionType if kind is not ConditionType.HOST_PREPARED]  # for that nothing is read here
SOURCES = ("host", "kernel", "docker", "datastore", "bird")
NOTHING = Observation(
    at=AT,
    host=Unreadable("host", "denied", "denied"),
    kernel=Unreadable("kernel", "no netlink", "denied"),
    docker=Unreadable("Docker", "no socket", "absent"),
    datastore=Unreadable("etcd", "nobody said where it is", "unset"),
    bird=Unreadable("BIRD", "no socket", "absent"),
)
CASES = {
    "the datastore cannot be read: nothing is called wrong": Case(
        replace(routed(without=["192.168.3.0/26"]), datastore=Unreadable("etcd", "connection refused", "refused")),
        {"DS-UNREADABLE etcd": set()},
        status={
            "IdentityConfirmed": Status.UNKNOWN,
            "DatastoreReachable": Status.UNKNOWN,
            "RoutesInPlace": Status.UNKNOWN,
        },
    ),
    "a record that cannot be understood explains what follows from it": Case(
        stored(
            routed(without=["192.168.3.0/26"]),
            nodes=DATASTORE.nodes[:2],
            bad_keys=(bad_record(ResourceKind.NODE, "host3"),),
        ),
        {"DS-BAD-KEY key-of-host3": {"NODE-NO-RECORD host3"}},
        says=("there is no node host3: it gets no sessions and no routes",),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "one bad key is left out, the rest goes on": Case(
        stored(bad_keys=tuple(bad_record(ResourceKind.BLOCK_AFFINITY, name) for name in "xy")),
        {"DS-BAD-KEY key-of-x": {"DS-BAD-KEY key-of-y"}},
        status={},
    ),
    "etcd is away: the routes are held against what it held, and that is said": Case(
        replace(
            stored(routed(without=["192.168.3.0/26"]), read_at=AT - timedelta(minutes=3)),
            datastore_trouble=Unreadable("etcd", "connection refused", "refused"),
        ),
        {"RT-MISSING 192.168.3.0/26": set(), "DS-UNREADABLE etcd": set()},
        says=("held against the records of 3 min ago",),
        status={"DatastoreReachable": Status.UNKNOWN, "RoutesInPlace": Status.FALSE},
    ),
    "most of the datastore is gone: that is shouted, and the routes are right as before": Case(
        replace(HEALTHY, datastore_trouble=Unreadable("etcd", "3 of 3 nodes vanished at once", "shrunk")),
        {"DS-SHRUNK etcd": set()},
        says=("3 of 3 nodes vanished at once", "restore the datastore"),
        status={"DatastoreReachable": Status.FALSE},
    ),
    "a reload was refused: that is said until it is put right": Case(
        replace(HEALTHY, configuration=Configuration(AT, ("a.toml: level is wrong", "b"), reload_failed=True)),
        {"CFG-REFUSED configuration": set()},
        says=("the reload was refused: a.toml: level is wrong (and 1 more)", "does not start with the one on disk"),
        status={},
    ),
    "what is on disk is bad, and nobody has tried to reload it": Case(
        replace(HEALTHY, configuration=Configuration(AT, ("a.toml: the file is gone",))),
        {"CFG-REFUSED configuration": set()},
        says=("the configuration on disk cannot be used: a.toml: the file is gone",),
        status={},
    ),
    "what was refused was put right, and waits for its reload": Case(
        replace(HEALTHY, configuration=Configuration(AT, reload_failed=True, waiting=True)),
        {"CFG-REFUSED configuration": set()},
        says=("what is on disk by now is good and not taken over", "systemctl reload calico-agent"),
        status={},
    ),
    "what was refused was taken back": Case(
        replace(HEALTHY, configuration=Configuration(AT, reload_failed=True)), {}, status={}
    ),
    "a certificate is gone, and the connection that was made with it goes on": Case(
        replace(HEALTHY, files_trouble=Unreadable("etcd", "the file of the client key, /x, does not exist", "file")),
        {"DS-FILE etcd": set()},
        says=("for the next connection to etcd: the file of the client key, /x, does not exist",),
        status={},
    ),
    "a password is not there and nothing was read: that is said once": Case(
        replace(
            HEALTHY,
            datastore_trouble=Unreadable("etcd", "the password file /x cannot be read", "file"),
            files_trouble=Unreadable("etcd", "the password file /x cannot be read", "file"),
        ),
        {"DS-UNREADABLE etcd": set()},
        status={"DatastoreReachable": Status.UNKNOWN},
    ),
    "the last reading cannot be kept on disk": Case(
        replace(HEALTHY, snapshot_trouble=Unreadable("snapshot", "/x cannot be written: No space left on device")),
        {"DS-SNAPSHOT snapshot": set()},
        status={},
    ),
    "who this host is cannot be kept on disk": Case(
        replace(HEALTHY, state_trouble=(Unreadable("identity.json", "/x/identity.json cannot be written: Read-only"),)),
        {"SV-STATE identity.json": set()},
        says=("cannot be kept: /x/identity.json cannot be written", "chosen anew when the agent is started again"),
        status={},
    ),
    "nobody knows whether the agent is paused": Case(
        replace(HEALTHY, state_trouble=(Unreadable("pause.json", "/x/pause.json is of no use: it is not JSON"),)),
        {"SV-STATE pause.json": set()},
        says=("/x/pause.json is of no use", "is not known", "calico-agent resume"),
        status={},
    ),
    "the agent is out of files: that is why nothing can be read, and nobody else is to blame": Case(
        replace(
            NOTHING,
            bird=Unreadable("BIRD", "bird.ctl cannot be asked: Too many open files", "error"),
            agent_troubles=(AgentTrouble(AGENT_FILES, "calico-agent", "the agent itself is out of file descriptors"),),
        ),
        {
            "AGENT-FILES calico-agent": {
                *("HOST-UNREADABLE host", "KERNEL-UNREADABLE kernel", "DOCKER-UNREADABLE Docker"),
                *("DS-UNREADABLE etcd", "BIRD-UNREADABLE BIRD"),
            }
        },
        status={kind.value: Status.UNKNOWN for kind in READ},
    ),
    "a port that is taken is a warning, and the host is as well as before": Case(
        replace(
            HEALTHY, agent_troubles=(AgentTrouble(AGENT_HTTP, "127.0.0.1 port 9197", "it is taken", cure="free it"),)
        ),
        {"AGENT-HTTP 127.0.0.1 port 9197": set()},
        says=("it is taken", "free it"),
        status={},
    ),
    "a new certificate of the agent's port that is of no use is a warning, and the host is as well as before": Case(
        replace(HEALTHY, agent_troubles=(AgentTrouble(AGENT_TLS, "renewal", "it is of no use", cure="see [http]"),)),
        {"AGENT-TLS renewal": set()},
        says=("it is of no use", "see [http]"),
        status={},
    ),
    "nothing at all can be read: every condition is unknown, none is false": Case(
        NOTHING,
        {
            "HOST-UNREADABLE host": set(),
            "KERNEL-UNREADABLE kernel": set(),
            "DOCKER-UNREADABLE Docker": set(),
            "DS-UNREADABLE etcd": set(),
        },
        status={kind.value: Status.UNKNOWN for kind in READ},
    ),
}
TABLES = (test_bird_daemon, test_state, test_own, test_peers, test_check)
OBSERVATIONS = [case.observation for table in TABLES for case in table.CASES.values()]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_assessment(case: Case) -> None:
    check(case)


@given(st.tuples(*(st.sampled_from(OBSERVATIONS) for _ in SOURCES)), st.sampled_from(Mode))
def test_any_mixture_of_sources_is_assessed(mixture: tuple[Observation, ...], mode: Mode) -> None:
    observation = replace(HEALTHY, **{name: getattr(part, name) for name, part in zip(SOURCES, mixture, strict=True)})
    found = look(observation, IDENTITY, mode)
    assert look(observation, IDENTITY, mode) == found, "nothing is remembered"
    assert [condition.type for condition in found.conditions] == READ
    routes = found.routes
    assert routes is None or routes.expected == routes.present + routes.missing + routes.wrong
    keys = [one.key for problem in found.problems for one in (problem.cause, *problem.consequences)]
    assert len(keys) == len(set(keys)), "each finding is told once"


@given(st.sampled_from(OBSERVATIONS), st.sampled_from(SOURCES))
def test_what_cannot_be_read_is_never_false(observation: Observation, source: str) -> None:
    blind = replace(observation, **{source: Unreadable(source, "it does not answer", "timeout")})  # type: ignore[arg-type]
    decides = {
        "host": (),
        "kernel": ("RoutesInPlace",),
        "docker": ("ContainerRunning",),
        "datastore": ("DatastoreReachable", "RoutesInPlace"),
        "bird": (),
    }[source]
    statuses = statuses_of(blind)
    assert all(statuses[condition] is Status.UNKNOWN for condition in decides)


def test_the_table_names_every_source_of_an_observation() -> None:
    assert {field.name for field in fields(Observation)} == {
        *SOURCES,
        "at",
        "datastore_addresses",
        "datastore_settings",
        "reachable",
        "bird6",
        "datastore_trouble",
        "snapshot_trouble",
        "snapshot_at",
        "files_trouble",
        "claim_trouble",
        "state_trouble",
        "rivals",
        "cluster_nodes",
        "elsewhere",
        "pull",
        "preparation",
        "held",
        "given",
        "pods",
        "configuration",
        "agent_troubles",
        "maintenance",
    }


def test_a_stale_route_is_no_reason_to_call_the_routes_wrong() -> None:
    observation = routed(via("192.168.7.0/26", "10.77.0.12"))
    assert statuses_of(observation) == {}
    assert isinstance(observation.datastore, Datastore)
    assert all(block.cidr != ip_network("192.168.7.0/26") for block in observation.datastore.blocks)


def test_a_condition_says_what_is_against_it_or_names_the_problem_that_is() -> None:
    alone = {condition.type.value: condition for condition in look(routed(without=["192.168.3.0/26"])).conditions}
    assert alone["RoutesInPlace"].reason == "RtMissing"
    assert alone["RoutesInPlace"].message.startswith("1 of 2 routes right; there is no route to 192.168.3.0/26")
    caused = look(test_own.CASES["our record was deleted while calico/node runs on"].observation).conditions
    assert {condition.reason for condition in caused if condition.status is Status.FALSE} == {"NodeNoRecord"}
    assert caused[-1].message == "0 of 2 routes right; because of NODE-NO-RECORD host1"


def test_conditions_say_what_was_counted() -> None:
    messages = {condition.type.value: condition.message for condition in look(HEALTHY).conditions}
    assert messages == {
        "IdentityConfirmed": "node host1 is registered with 10.77.0.11",
        "DatastoreReachable": "3 nodes, 3 blocks, revision 7",
        "ContainerRunning": "calico-node runs calico/node:v3.31.7",
        "BGPEstablished": "2 of 2 sessions established",
        "RoutesInPlace": "2 of 2 routes right",
    }
    assert look(replace(HEALTHY, bird=replace(BIRD4, sessions=()))).conditions[3].message.startswith("no peers")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        pytest.param(timedelta(seconds=-5), "a time that is not known", id="a clock that was set back"),
        pytest.param(timedelta(seconds=119), "119 s ago", id="under two minutes"),
        pytest.param(timedelta(minutes=119, seconds=59), "119 min ago", id="under two hours"),
        pytest.param(timedelta(hours=47), "47 h ago", id="under two days"),
        pytest.param(timedelta(days=3, hours=5), "3 d ago", id="days"),
    ],
)
def test_a_condition_that_rests_on_an_old_reading_says_how_old(age: timedelta, words: str) -> None:
    gone = Unreadable("etcd", "connection refused", "refused")
    old = replace(stored(read_at=AT - age), datastore_trouble=gone)
    messages = {condition.type.value: condition.message for condition in look(old).conditions}
    assert messages["RoutesInPlace"] == f"2 of 2 routes right, by the datastore's records of {words}"
    assert messages["IdentityConfirmed"].endswith(f", by the datastore's records of {words}")
    assert messages["DatastoreReachable"] == "etcd: connection refused"
