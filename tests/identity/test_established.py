"""The name under which a machine is in the cluster already goes on, whatever the machine is called now."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, Container, ContainerState, Docker
from calico_agent.model.host.claimant import Machine as Hardware
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import KeptAddress, KeptIdentity
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import IdentitySettings
from tests.identity.machine import CHOSEN_AT, DOCKER0, LO, Machine, link, node

ID, MAC, BOOT = "ab" * 16, "02:00:00:00:00:13", "b1"
ETH0 = link("eth0", "10.0.0.13/24", mac=MAC)
KEPT = KeptIdentity(
    ID, "host3", "host name", KeptAddress(ip_interface("10.0.0.13/24"), "eth0", "default route", CHOSEN_AT)
)
NODE = Container(
    "1",
    "calico-node",
    "calico/node:v3.31.7",
    ContainerState.RUNNING,
    env=(("NODENAME", "host3"), ("IP", "10.0.0.13/24")),
    labels=((LABEL_MANAGED_BY, MANAGED_BY),),
)
RECORD = Datastore(nodes=(node("host3", "10.0.0.13/24"), node("host1", "10.0.0.11/24")))
NO_ETCD = Unreadable("etcd", "refused")
# host3 was called otherwise while its node ran.
RENAMED = Machine(links=(LO, ETH0, DOCKER0), host=Host("edge-9", ID, boot_id=BOOT), datastore=RECORD, kept=KEPT)
STRANGER = Hardware("cd" * 16, "b2", ("02:00:00:00:00:99",))
THIS = Hardware(ID, BOOT, (MAC,))


def claimed(machine: Hardware, *, alive: Hardware | None = None, base: Datastore = RECORD) -> Datastore:
    """The name host3 claimed by a machine."""
    signs = (AliveSign("host3", alive),) if alive else ()
    return replace(base, claims=(NameOwner("host3", machine, datetime(2026, 1, 1, tzinfo=UTC), "{}"), *signs))


def registered(ipv4: str = "", ipv6: str = "") -> Datastore:
    return Datastore(nodes=(node("host3", ipv4, ipv6=ipv6),))


STAYS: dict[str, tuple[Machine, str]] = {
    "the name of before, with a record of this address": (RENAMED, "last choice"),
    "the name of before, with a record of this IPv6 address": (
        RENAMED.having(links=(LO, link("eth0", "2001:db8::13/64")), datastore=registered(ipv6="2001:db8::13/64")),
        "last choice",
    ),
    "the name of before, with a record of the loopback address that the fabric announces": (
        RENAMED.having(
            links=(link("lo", "127.0.0.1/8", "10.6.251.5/32", loopback=True), ETH0),
            datastore=registered("10.6.251.5/32"),
        ),
        "last choice",
    ),
    "the name of before, while calico/node runs under it and its record was deleted": (
        RENAMED.having(datastore=Datastore(), docker=Docker(containers=(NODE,))),
        "last choice",
    ),
    "the name of before, while etcd cannot be asked": (RENAMED.having(datastore=NO_ETCD), "last choice"),
    "a name that was configured once, and runs": (
        RENAMED.having(kept=replace(KEPT, name_source="configuration")),
        "last choice",
    ),
    "this machine's claim, the state directory being lost": (
        RENAMED.having(kept=KeptIdentity(), datastore=claimed(THIS)),
        "claim",
    ),
    "this machine's claim, whatever boot it is": (
        RENAMED.having(kept=KeptIdentity(), datastore=claimed(replace(THIS, boot_id="b0"))),
        "claim",
    ),
    "the container of this agent, where nothing is claimed and nothing kept": (
        RENAMED.having(kept=KeptIdentity(), docker=Docker(containers=(NODE,))),
        "calico/node",
    ),
    "the name of before, where other hardware had it before it got this disk": (
        RENAMED.having(datastore=claimed(STRANGER)),
        "last choice",
    ),
    "this machine's claim, although the host name has its full form now": (
        RENAMED.having(kept=KeptIdentity(), datastore=claimed(THIS), host=Host("host3.example", ID, boot_id=BOOT)),
        "claim",
    ),
    "the host name, which is what it was": (RENAMED.having(host=Host("host3", ID, boot_id=BOOT)), "host name"),
    "the host name, whatever a kubelet says now": (
        RENAMED.having(host=Host("host3", ID, boot_id=BOOT)).with_kubelet(name="worker-4"),
        "host name",
    ),
    "the kubelet's, where that says the same": (RENAMED.with_kubelet(name="HOST3"), "kubelet"),
    "the name of before, although a kubelet has another now": (RENAMED.with_kubelet(name="worker-4"), "last choice"),
}


@pytest.mark.parametrize(("machine", "source"), STAYS.values(), ids=STAYS.keys())
def test_the_name_stays(machine: Machine, source: str) -> None:
    choice = machine.identify().name
    assert (choice.name, choice.source) == ("host3", source)
    assert choice.evidence


GOES: dict[str, Machine] = {
    "a clone has another address than the record": RENAMED.having(links=(LO, link("eth0", "10.0.0.19/24"))),
    "a clone has another address, and the containers of its original": RENAMED.having(
        links=(LO, link("eth0", "10.0.0.19/24")), docker=Docker(containers=(NODE,))
    ),
    "a clone with another machine-id": RENAMED.having(kept=replace(KEPT, machine_id="cd" * 16)),
    "another machine has claimed the name, and lives": RENAMED.having(datastore=claimed(STRANGER, alive=STRANGER)),
    "the original of a clone keeps the name alive, with the same card": RENAMED.having(
        datastore=claimed(THIS, alive=replace(THIS, boot_id="b7"))
    ),
    "the record has the address of Docker's bridge, as on any host": RENAMED.having(
        datastore=registered("172.17.0.1/16")
    ),
    "the node was deleted, and nothing runs": RENAMED.having(
        datastore=Datastore(), docker=Docker(containers=(replace(NODE, state=ContainerState.EXITED),))
    ),
    "somebody else's container has the name": RENAMED.having(
        kept=KeptIdentity(), docker=Docker(containers=(replace(NODE, labels=()),))
    ),
    "etcd cannot be asked, and the address is another": RENAMED.having(
        links=(LO, link("eth0", "10.0.0.19/24")), datastore=NO_ETCD
    ),
}


@pytest.mark.parametrize("machine", GOES.values(), ids=GOES.keys())
def test_the_host_name_counts_instead(machine: Machine) -> None:
    choice = machine.identify().name
    assert (choice.name, choice.source, choice.renamed) == ("edge-9", "host name", "")


def test_what_is_configured_renames_on_purpose() -> None:
    choice = RENAMED.having(settings=IdentitySettings(name="edge-9")).identify().name
    assert (choice.name, choice.source) == ("edge-9", "configuration")


def test_a_host_name_that_can_be_no_node_name_is_not_offered() -> None:
    """As long as a machine has none it is called localhost."""
    assert RENAMED.having(host=Host("localhost", ID, boot_id=BOOT)).identify().name.renamed == ""


def test_it_is_known_what_the_machine_is_called_now() -> None:
    """Where its name was the host name; a name that was never the host name is not told again and again."""
    choice = RENAMED.identify().name
    assert choice.renamed == "edge-9"
    assert choice.evidence == "node host3 is registered with 10.0.0.13 (eth0), an address of this host"
    assert RENAMED.having(kept=replace(KEPT, name_source="kubelet")).identify().name.renamed == ""


def test_the_own_record_is_known_by_the_name_that_stays() -> None:
    """So the rules know which record is this host's, and a pulled cable moves no node."""
    machine = RENAMED.having(links=(LO, link("eth0", "10.0.0.13/24", running=False)))
    assert machine.identify().ipv4.chosen is not None
    assert ip_address("10.0.0.13") in machine.identify().addresses


TWO_X: dict[str, tuple[Machine, str]] = {
    "the host name in its own case": (Machine(host=Host("Node-C3")), "Node-C3"),
    "a host name with an underscore": (Machine(host=Host("node_c3")), "node_c3"),
    "a configured name in capitals": (Machine(settings=IdentitySettings(name="Node-C3")), "Node-C3"),
}


@pytest.mark.parametrize(("machine", "name"), TWO_X.values(), ids=TWO_X.keys())
def test_calico_2_takes_names_as_they_are_written(machine: Machine, name: str) -> None:
    """It is known by the API of etcd, or by the configuration where etcd cannot be asked."""
    by_etcd = machine.having(datastore=Datastore(is_of_calico_2=True)).identify().name
    settings = replace(machine.settings, as_written=True)
    by_configuration = machine.having(settings=settings, datastore=NO_ETCD).identify().name
    assert (by_etcd.name, by_configuration.name) == (name, name)


def test_the_record_of_a_capital_name_is_this_hosts_own() -> None:
    machine = Machine(
        host=Host("Node-C3"), datastore=Datastore(nodes=(node("Node-C3", "10.0.0.13/24"),), is_of_calico_2=True)
    )
    own = next(one for one in machine.identify().ipv4.opinions if one.rule == "own record")
    assert own.detail.startswith("node Node-C3 is registered with 10.0.0.13 (eth0)")


def test_after_a_reboot_the_sign_of_life_of_before_is_no_strangers() -> None:
    """For a minute it cannot be told from that of a clone with the same card; the record tells."""
    before = claimed(THIS, alive=replace(THIS, boot_id="b0"))
    rebooted = RENAMED.having(host=Host("edge-9", ID, boot_id=BOOT, long_up=False), datastore=before)
    assert rebooted.identify().name.name == "host3"


# Nothing is remembered of this machine: it was started by hand until now.
UNKNOWN = Machine(links=(LO, ETH0, DOCKER0), host=Host("host3.example.com", ID, boot_id=BOOT), datastore=RECORD)
IN_FULL = Datastore(nodes=(node("host3.example.com", "10.0.0.13/24"), node("host1", "10.0.0.11/24")))
BY_RECORD: dict[str, tuple[Machine, tuple[str, str]]] = {
    "the short name, as which it is registered (projectcalico/calicoctl#967)": (UNKNOWN, ("host3", "node record")),
    "the full name, as which it is registered": (
        UNKNOWN.having(host=Host("host3", ID), datastore=IN_FULL),
        ("host3.example.com", "node record"),
    ),
    "its name, whatever a cloud's kubelet without a name of its own is called": (
        UNKNOWN.having(host=Host("host3", ID), datastore=IN_FULL).with_kubelet(),
        ("host3.example.com", "node record"),
    ),
    "what the kubelet says": (UNKNOWN.with_kubelet(name="node-3"), ("node-3", "kubelet")),
    "the host name, where a record has just that": (
        UNKNOWN.having(datastore=replace(RECORD, nodes=(*RECORD.nodes, *IN_FULL.nodes[:1]))),
        ("host3.example.com", "host name"),
    ),
    "the host name, where another machine has the short one": (
        UNKNOWN.having(datastore=registered("10.0.0.99/24")),
        ("host3.example.com", "host name"),
    ),
    "the host name, where another machine has claimed the short one": (
        UNKNOWN.having(datastore=claimed(STRANGER, alive=STRANGER)),
        ("host3.example.com", "host name"),
    ),
    "the host name, where the record has the address of Docker's bridge": (
        UNKNOWN.having(datastore=registered("172.17.0.1/16")),
        ("host3.example.com", "host name"),
    ),
    "the host name, where a host of another domain begins alike": (
        UNKNOWN.having(datastore=Datastore(nodes=(node("host3.example.org", "10.0.0.13/24"),))),
        ("host3.example.com", "host name"),
    ),
    "the host name, while etcd cannot be asked": (
        UNKNOWN.having(datastore=NO_ETCD),
        ("host3.example.com", "host name"),
    ),
}


@pytest.mark.parametrize(("machine", "expected"), BY_RECORD.values(), ids=BY_RECORD.keys())
def test_the_record_of_a_machine_that_is_new_to_the_agent(machine: Machine, expected: tuple[str, str]) -> None:
    name = machine.identify().name
    assert (name.name, name.source) == expected


def test_no_record_makes_localhost_a_node_name() -> None:
    local = Datastore(nodes=(node("localhost", "10.0.0.13/24"),))
    name = UNKNOWN.having(host=Host("localhost.localdomain", ID), datastore=local).identify().name
    assert (name.name, name.refusal_code) == (None, "NAME-LOCALHOST")
