"""What bars a start of calico/node, on real hosts: a race for one name, and everything else that is in the way."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from calico_agent.model.name_lease import ALIVE, CLAIMS, OWNERS
from tests.lab.conftest import named_lab
from tests.lab.engine import CONTAINER
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.program import process
from tests.patience import eventually, until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2")
NODES = "/calico/resources/v3/projectcalico.org/nodes/"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
ROUNDS, CLONED_ROUNDS = 20, 5


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts on which nothing runs yet. A test takes away what it started."""
    with named_lab("guards") as lab:
        lab.up(Options(hosts=len(HOSTS)), bare=True)
        yield lab


@pytest.fixture(autouse=True)
def nothing_left(lab: Lab) -> Iterator[None]:
    yield
    both(lambda host: clear(lab, host))
    for key in keys(lab, CLAIMS) | keys(lab, NODES):
        lab.datastore.delete(key)


def both(work: Callable[[str], object]) -> None:
    """The same on both hosts at once."""
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        for done in [pool.submit(work, host) for host in HOSTS]:
            done.result()


def clear(lab: Lab, host: str) -> None:
    lab.agent_stop(host)
    lab.engine(host).remove_node()


def agent(lab: Lab, host: str, **settings: str) -> None:
    """Start it; what it remembers over restarts would be the test's of before."""
    lab.agent_start(host, {"CALICO_AGENT_AGENT_STATE_DIR": "", **settings})


def keys(lab: Lab, prefix: str) -> set[str]:
    found = json.loads(lab.datastore.get(prefix, prefix=True)).get("kvs", [])
    return {base64.b64decode(pair["key"]).decode() for pair in found}


def report(lab: Lab, host: str) -> dict[str, Any]:
    """The report of the last pass; the first one takes a moment."""
    answer = eventually(
        lambda: json.loads(lab.exec(host, "calico-agent", "status", "--json").stdout or "{}"),
        lambda now: "problems" in now,
    )
    assert "problems" in answer, answer
    return dict(answer)


def text(lab: Lab, host: str) -> str:
    return " ".join(lab.exec(host, "calico-agent", "status").stdout.split())


def codes(lab: Lab, host: str) -> set[str]:
    problems = report(lab, host)["problems"]
    return {one["code"] for problem in problems for one in (problem, *problem["consequences"])}


def containers(lab: Lab, host: str) -> list[str]:
    """Every container there is or was: the agent never removes one."""
    return lab.engine(host).docker("ps", "--all", "--format", "{{.Names}} {{.State}}").stdout.splitlines()


def runs(lab: Lab, host: str) -> bool:
    return f"{CONTAINER} running" in containers(lab, host)


def refuses(lab: Lab, host: str, code: str, *words: str) -> None:
    """The agent on `host` says so, and has started nothing."""
    until(f"{host} says {code}", lambda: code in codes(lab, host), lambda: text(lab, host))
    said = text(lab, host)
    for word in words:
        assert word in said
    assert f"not creating {CONTAINER}" in said
    assert containers(lab, host) == []


def starts(lab: Lab, host: str) -> None:
    until(f"{host} starts calico/node", lambda: runs(lab, host), lambda: text(lab, host))


@contextmanager
def cloned(lab: Lab) -> Iterator[None]:
    """host2 as a clone of host1's disk: the same machine-id, a boot and a network card of its own."""
    before = lab.exec("host2", "cat", "/etc/machine-id", check=True).stdout
    same = lab.exec("host1", "cat", "/etc/machine-id", check=True).stdout
    set_machine_id(lab, "host2", same)
    boot(lab, "host2")
    try:
        yield
    finally:
        lab.exec("host2", "umount", BOOT_ID, check=True)
        set_machine_id(lab, "host2", before)


def set_machine_id(lab: Lab, host: str, text: str) -> None:
    lab.exec(host, "sh", "-c", "cat >/etc/machine-id", input_text=text, check=True)


def boot(lab: Lab, host: str) -> None:
    """All hosts of a lab share one kernel and its boot id; a file mounted over it gives this one another."""
    mount = f'cat >/run/boot-id-$0 && mount --bind /run/boot-id-$0 "{BOOT_ID}"'
    number = str(uuid.uuid4())
    lab.exec(host, "sh", "-c", mount, number, input_text=f"{number}\n", check=True)


def race(lab: Lab, name: str) -> str:
    """Both agents are started together for one name; returns the host that has it."""
    both(lambda host: agent(lab, host, CALICO_AGENT_IDENTITY_NAME=name))
    until("one runs", lambda: any(runs(lab, host) for host in HOSTS), lambda: text(lab, "host1"))
    winner = next(host for host in HOSTS if runs(lab, host))
    loser = next(host for host in HOSTS if host != winner)
    until(
        "the other says why not",
        lambda: bool({"NAME-CLAIMED", "NAME-CLONED"} & codes(lab, loser)),
        lambda: text(lab, loser),
    )
    assert containers(lab, loser) == [], "it never had a calico/node under this name"
    assert runs(lab, winner)
    return winner


@pytest.mark.timeout(900)  # twenty rounds of 3 s, and three times that on a machine that is busy with other labs
def test_two_that_start_together_never_both_run_under_one_name(lab: Lab) -> None:
    for number in range(ROUNDS):
        name = f"race-{number}"
        race(lab, name)
        both(lambda host: clear(lab, host))
        lab.datastore.delete(NODES + name)  # else the address would be another node's in the next round


def test_two_clones_of_one_disk_that_start_together_never_both_run(lab: Lab) -> None:
    with cloned(lab):
        for number in range(CLONED_ROUNDS):
            name = f"clone-{number}"
            loser = {"host1": "host2", "host2": "host1"}[race(lab, name)]
            assert "systemd-machine-id-setup" in text(lab, loser)
            both(lambda host: clear(lab, host))
            lab.datastore.delete(NODES + name)


def test_a_reboot_is_no_conflict(lab: Lab) -> None:
    agent(lab, "host1")
    starts(lab, "host1")
    lab.agent_stop("host1")
    boot(lab, "host1")
    try:
        agent(lab, "host1")
        until("host1 is known again", lambda: not report(lab, "host1")["problems"], lambda: text(lab, "host1"))
        lab.datastore.delete(f"{ALIVE}host1")  # what etcd does when the lease of before ends, without the minute
        until(
            "the claim is of the new boot",
            lambda: lab.exec("host1", "cat", BOOT_ID).stdout.strip() in lab_value(lab, f"{ALIVE}host1"),
            lambda: lab_value(lab, f"{ALIVE}host1"),
            seconds=120,
        )
    finally:
        lab.exec("host1", "umount", BOOT_ID, check=True)


def lab_value(lab: Lab, key: str) -> str:
    found = json.loads(lab.datastore.get(key)).get("kvs", [])
    return base64.b64decode(found[0]["value"]).decode() if found else ""


def test_a_host_that_is_cut_off_from_etcd_keeps_its_name(lab: Lab) -> None:
    """Its lease ends, which is no proof that it is gone: its node record has an address that is not the other's."""
    agent(lab, "host1", CALICO_AGENT_IDENTITY_NAME="same")
    starts(lab, "host1")
    until("it is registered", lambda: f"{NODES}same" in keys(lab, NODES), lambda: text(lab, "host1"))
    lab.exec("host1", "ip", "route", "add", "blackhole", "10.77.0.1/32", check=True)
    try:
        lab.datastore.delete(f"{ALIVE}same")  # what etcd does when the lease ends, without the minute
        agent(lab, "host2", CALICO_AGENT_IDENTITY_NAME="same")
        refuses(
            lab, "host2", "NAME-CLAIMED", "gave no sign of life", "host1 (10.77.0.11)", "calicoctl delete node same"
        )
    finally:
        lab.exec("host1", "ip", "route", "del", "blackhole", "10.77.0.1/32", check=True)
    until(
        "host1 keeps it alive again", lambda: f"{ALIVE}same" in keys(lab, ALIVE), lambda: text(lab, "host1"), seconds=90
    )
    assert runs(lab, "host1")
    assert containers(lab, "host2") == []


def test_a_machine_that_is_gone_for_good_gives_its_name_to_the_next(lab: Lab) -> None:
    agent(lab, "host1", CALICO_AGENT_IDENTITY_NAME="same")
    starts(lab, "host1")
    until("it is registered", lambda: f"{NODES}same" in keys(lab, NODES), lambda: text(lab, "host1"))
    clear(lab, "host1")
    lab.datastore.delete(f"{ALIVE}same")
    agent(lab, "host2", CALICO_AGENT_IDENTITY_NAME="same")
    refuses(lab, "host2", "NAME-CLAIMED")
    lab.datastore.delete(f"{NODES}same")  # calicoctl delete node same
    starts(lab, "host2")
    assert "10.77.0.12" in lab_value(lab, f"{OWNERS}same")


def test_an_address_of_another_record_is_waited_for(lab: Lab) -> None:
    record = {"kind": "Node", "metadata": {"name": "old"}, "spec": {"bgp": {"ipv4Address": "10.77.0.11/24"}}}
    lab.datastore.put(f"{NODES}old", json.dumps(record))
    agent(lab, "host1")
    refuses(lab, "host1", "IP-CONFLICT", "node old is registered with 10.77.0.11", "calicoctl delete node old")
    lab.datastore.delete(f"{NODES}old")
    starts(lab, "host1")


def test_a_taken_bgp_port_is_named_with_its_holder(lab: Lab) -> None:
    listen = "import socket, time; s = socket.create_server(('', 179)); time.sleep(600)"
    with process(lab, "host1", "python3", "-c", listen) as pid:
        agent(lab, "host1")
        refuses(lab, "host1", "SV-PORT", "TCP port 179", f"(pid {pid})")
    starts(lab, "host1")


def test_a_bird_that_is_not_calico_nodes_is_named(lab: Lab) -> None:
    Path(lab.host("host1").root, "run/stray.conf").write_text("router id 10.0.0.1;\nprotocol device {}\n")
    command = ("bird", "-f", "-c", "/run/stray.conf", "-s", "/run/stray.ctl", "-P", "/run/stray.pid")
    with process(lab, "host1", *command) as pid:
        agent(lab, "host1")
        refuses(lab, "host1", "SV-RIVAL", "BIRD runs on this host outside of calico/node", f"(pid {pid})")
    starts(lab, "host1")


def test_a_bird_that_appears_beside_calico_node_is_named_and_calico_node_is_left_alone(lab: Lab) -> None:
    agent(lab, "host1")
    starts(lab, "host1")
    Path(lab.host("host1").root, "run/stray.conf").write_text("router id 10.0.0.1;\nprotocol device {}\n")
    command = ("bird", "-f", "-c", "/run/stray.conf", "-s", "/run/stray.ctl", "-P", "/run/stray.pid")
    with process(lab, "host1", *command):
        until("it is named", lambda: "SV-RIVAL" in codes(lab, "host1"), lambda: text(lab, "host1"))
        assert runs(lab, "host1")


def test_no_second_calico_node_beside_that_of_a_daemonset(lab: Lab) -> None:
    name = "k8s_calico-node_calico-node-x7k2p_kube-system_2b5f_0"
    environment = {"NODENAME": "host1", "IP": "10.77.0.11/24", **lab.datastore.environment}
    variables = [argument for key, value in environment.items() for argument in ("--env", f"{key}={value}")]
    engine = lab.engine("host1")
    shared = ("/etc/calico/certs", "/var/lib/calico", "/var/run/calico", "/var/log/calico")
    options = ("--net=host", "--privileged", *(f"--volume={path}:{path}" for path in shared))
    engine.docker("run", "--detach", "--name", name, *options, *variables, lab.options.image)
    try:
        agent(lab, "host1")
        until("it is named", lambda: "already runs calico/node" in text(lab, "host1"), lambda: text(lab, "host1"))
        assert name in text(lab, "host1")
        assert "SV-RIVAL" not in codes(lab, "host1"), "its programs are not strangers"
        assert [line.split()[0] for line in containers(lab, "host1")] == [name]
    finally:
        engine.docker("rm", "--force", name)
    starts(lab, "host1")


def test_without_etcd_a_first_start_waits_and_says_what_for(lab: Lab) -> None:
    lab.datastore.stop()
    try:
        agent(lab, "host1")
        until("it waits", lambda: "etcd cannot be asked" in text(lab, "host1"), lambda: text(lab, "host1"))
        assert "start_without_datastore" in text(lab, "host1")
        assert containers(lab, "host1") == []
        lab.agent_stop("host1")
        agent(
            lab, "host1", CALICO_AGENT_IDENTITY_START_WITHOUT_DATASTORE="true", CALICO_AGENT_IDENTITY_IPV4="10.77.0.11"
        )
        starts(lab, "host1")
    finally:
        lab.datastore.start()


def test_who_only_watches_writes_nothing(lab: Lab) -> None:
    agent(lab, "host1", CALICO_AGENT_MODE="observe")
    until("a pass is made", lambda: bool(report(lab, "host1")["conditions"]), lambda: text(lab, "host1"))
    time.sleep(1)
    assert keys(lab, CLAIMS) == set()
