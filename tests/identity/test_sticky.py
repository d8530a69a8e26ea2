"""The last choice: kept while it is as good as it was, over restarts and whatever is added to the host."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.identity.sticky import addresses_in_use, remember
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import KeptAddress, KeptIdentity
from calico_agent.model.network.address import IPAddress
from calico_agent.model.observation import Unreadable
from tests.identity.machine import (
    BRIDGE_NETWORK,
    CHOSEN_AT,
    DOCKER0,
    ETH0,
    LO,
    Machine,
    docker_network,
    held,
    kept,
    link,
    node,
    pool,
    source,
)

NOW = datetime(2026, 11, 23, 12, 3, 11, tzinfo=UTC)
ETH1 = link("eth1", "192.168.7.3/24")
# The default route says eth1; the last choice was eth0.
TWO = Machine(
    links=(LO, ETH0, ETH1, DOCKER0),
    default_sources=(source("198.51.100.1", "192.168.7.3", "eth1"),),
    kept=kept("10.0.0.13/24"),
)
WG0 = link("wg0", "10.9.0.3/24", kind="wireguard")

HOLDS = {
    "nothing changed": TWO,
    "a link was added": TWO.having(links=(*TWO.links, link("eth7", "10.7.0.1/24"))),
    "a network of Docker was added": TWO.having(
        links=(*TWO.links, link("br-0123456789ab", "172.18.0.1/16", kind="bridge")),
        docker=Docker(networks=(BRIDGE_NETWORK, docker_network("shop", "br-0123456789ab", "172.18.0.0/16"))),
    ),
    "the cable is pulled": TWO.having(links=(LO, link("eth0", "10.0.0.13/24", running=False), ETH1)),
    "the link is switched off": TWO.having(links=(LO, link("eth0", "10.0.0.13/24", up=False), ETH1)),
    "the datastore cannot be read": TWO.having(datastore=Unreadable("etcd", "connection refused")),
    "Docker cannot be asked": TWO.having(docker=Unreadable("Docker", "there is no socket")),
    "the other nodes are reached from another address": TWO.having(
        datastore=Datastore(nodes=(node("host1", "192.168.7.1/24"),)),
        sources=(source("192.168.7.1", "192.168.7.3", "eth1"),),
    ),
    "a pool was made over it": TWO.having(datastore=Datastore(pools=(pool("10.0.0.0/16"),))),
    "another address of its network was configured first": TWO.having(
        links=(LO, link("eth0", "10.0.0.100/24", held("10.0.0.13/24", secondary=True)), ETH1),
        default_sources=(source("198.51.100.1", "10.0.0.100"),),
    ),
    "a whole network was configured beside its single address": TWO.having(
        links=(LO, link("eth0", "10.0.0.100/24", "10.0.0.13/32"), ETH1), kept=kept("10.0.0.13/32")
    ),
    "it got a label": TWO.having(links=(LO, link("eth0", "10.0.0.100/24", held("10.0.0.13/24", label="eth0:1")), ETH1)),
    "the address moved to the bridge that was made over its link": TWO.having(
        links=(LO, link("br0", "10.0.0.13/24", kind="bridge", index=7), link("eth0", master=7), ETH1)
    ),
    "the prefix length was corrected": TWO.having(links=(LO, link("eth0", "10.0.0.13/23"), ETH1)),
}


@pytest.mark.parametrize("machine", HOLDS.values(), ids=HOLDS.keys())
def test_the_last_choice_holds(machine: Machine) -> None:
    choice = machine.identify().ipv4
    assert (str(choice.chosen and choice.chosen.ip), choice.rule, choice.lost) == ("10.0.0.13", "last choice", None)


LOST = {
    "the address was removed": (TWO.having(links=(LO, link("eth0"), ETH1)), "is on no link of this host any more"),
    "the link is gone": (TWO.having(links=(LO, ETH1)), "is on no link of this host any more"),
    "the address moved to another link, where something speaks against it": (
        TWO.having(links=(LO, link("eth0"), ETH1, link("wg0", "10.0.0.13/24", kind="wireguard"))),
        "has moved to wg0, and is on a WireGuard tunnel",
    ),
    "its link is another now, which leads nowhere": (
        TWO.having(links=(LO, link("eth0", "10.0.0.13/24", kind="dummy"), ETH1)),
        "is on a dummy device, which leads nowhere",
    ),
    "Docker made a network of its bridge": (
        TWO.having(
            links=(LO, link("eth0", "10.0.0.13/24", kind="bridge"), ETH1),
            docker=Docker(networks=(docker_network("shop", "eth0", "10.0.0.0/24"),)),
        ),
        "belongs to Docker's network 'shop' (docker network ls)",
    ),
    "another host has it, too": (
        TWO.having(datastore=Datastore(nodes=(node("host9", "10.0.0.13/24", "10.0.0.13", "10.0.0.99"),))),
        "is an address that other hosts carry too (host9): it cannot tell this one from them",
    ),
}


@pytest.mark.parametrize(("machine", "why"), LOST.values(), ids=LOST.keys())
def test_the_last_choice_is_lost(machine: Machine, why: str) -> None:
    """The rules choose anew, and what was lost is told with its reason."""
    choice = machine.identify().ipv4
    assert (str(choice.chosen), choice.rule) == ("192.168.7.3/24", "default route")
    assert choice.lost is not None
    assert (str(choice.lost.kept.interface), choice.lost.why) == ("10.0.0.13/24", why)


def test_an_address_that_is_chosen_again_on_another_link_is_not_lost() -> None:
    """A link was renamed (eth0 to ens3): the node is where it was."""
    choice = TWO.having(links=(LO, link("ens3", "10.0.0.13/24"))).identify().ipv4
    assert (choice.link, choice.rule, choice.lost) == ("ens3", "last choice", None)


def test_what_is_configured_comes_before_the_last_choice() -> None:
    choice = TWO.configured("192.168.7.3").identify().ipv4
    assert (str(choice.chosen), choice.lost) == ("192.168.7.3/24", None)


def test_what_the_kubelet_was_given_comes_before_the_last_choice() -> None:
    choice = TWO.with_kubelet("192.168.7.3").identify().ipv4
    assert (str(choice.chosen), choice.rule) == ("192.168.7.3/24", "kubelet")


def test_a_doubt_that_was_there_when_it_was_chosen_does_not_end_it() -> None:
    """A node over WireGuard, once chosen by hand, goes on when the line is taken out of the configuration."""
    machine = TWO.having(links=(LO, ETH0, WG0), kept=kept("10.9.0.3/24", "wg0", reason="virtual-link"))
    assert machine.identify().ipv4.link == "wg0"
    fresh = TWO.having(links=(LO, ETH0, WG0), kept=kept("10.9.0.3/24", "wg0"))
    assert fresh.identify().ipv4.lost is not None


def remembered(machine: Machine, *in_use: str) -> KeptIdentity:
    used: frozenset[IPAddress] = frozenset(ip_address(address) for address in in_use)
    return remember(machine.kept, machine.identify(), "ab" * 16, used, NOW, names=frozenset({"host3"}))


def test_a_first_choice_is_kept_with_its_rule_and_time() -> None:
    found = remembered(TWO.having(kept=KeptIdentity()), "192.168.7.3")
    assert found == KeptIdentity(
        machine_id="ab" * 16,
        name="host3",
        name_source="host name",
        ipv4=KeptAddress(ip_interface("192.168.7.3/24"), "eth1", "default route", NOW),
    )


def test_a_choice_that_calico_node_has_not_got_yet_is_not_kept() -> None:
    """While the datastore cannot be read the default route may decide, and be wrong."""
    assert remembered(TWO.having(kept=KeptIdentity(), datastore=Unreadable("etcd", "refused"))).ipv4 is None


def test_an_old_choice_keeps_its_time() -> None:
    found = remembered(TWO, "10.0.0.13")
    assert found.ipv4 == TWO.kept.ipv4
    assert found.ipv4 is not None
    assert found.ipv4.since == CHOSEN_AT


def test_a_lost_address_is_kept_while_it_is_used() -> None:
    """Else the next pass would not know that anything changed."""
    gone = TWO.having(links=(LO, ETH1))
    assert remembered(gone, "10.0.0.13", "192.168.7.3").ipv4 == TWO.kept.ipv4
    found = remembered(gone, "192.168.7.3").ipv4
    assert found is not None
    assert str(found.interface) == "192.168.7.3/24"


def test_without_an_answer_the_last_choice_stays() -> None:
    none = TWO.having(links=(LO, DOCKER0))
    assert none.identify().ipv4.chosen is None
    assert remembered(none).ipv4 == TWO.kept.ipv4


def test_a_family_that_is_not_used_keeps_nothing() -> None:
    both = replace(TWO.kept, ipv6=KeptAddress(ip_interface("2001:db8::1/64"), "eth0", "default route", CHOSEN_AT))
    assert remembered(TWO.having(kept=both)).ipv6 is None


def test_used_are_the_registered_and_the_given_addresses() -> None:
    def made(state: ContainerState, **env: str) -> Container:
        return Container("id", "calico-node", "calico/node:v3.31.7", state, env=tuple(env.items()))

    docker = Docker(
        containers=(
            made(ContainerState.RUNNING, IP="10.0.0.14/24", IP6="autodetect"),
            made(ContainerState.EXITED, IP="10.0.0.15"),
        )
    )
    datastore = Datastore(nodes=(node("host3", "10.0.0.13/24"), node("host4", "10.0.0.16/24")))
    found = addresses_in_use(docker, datastore, "host3")
    assert {str(address) for address in found} == {"10.0.0.13", "10.0.0.14"}
    assert addresses_in_use(Unreadable("Docker", "x"), Unreadable("etcd", "x"), "host3") == frozenset()


ID = "ab" * 16
NAMED = KeptIdentity(machine_id=ID, name="host3", name_source="host name")
NAMES_AFTER: dict[str, tuple[KeptIdentity, str, set[str], KeptIdentity]] = {
    "a name that calico/node runs under": (KeptIdentity(), "host3", {"host3"}, NAMED),
    "a name that nothing runs under yet": (KeptIdentity(), "host3", set(), KeptIdentity(machine_id=ID)),
    "another name that nothing runs under yet": (NAMED, "web7", {"host3"}, NAMED),
    "the name of before": (NAMED, "host3", {"host3"}, NAMED),
    "the name of the machine that a disk was cloned from": (
        replace(NAMED, machine_id="cd" * 16, name="host1"),
        "host3",
        set(),
        KeptIdentity(machine_id=ID),
    ),
}


@pytest.mark.parametrize(("before", "hostname", "running", "after"), NAMES_AFTER.values(), ids=NAMES_AFTER.keys())
def test_a_name_is_kept_once_calico_node_runs_under_it(
    before: KeptIdentity, hostname: str, running: set[str], after: KeptIdentity
) -> None:
    """So a kubelet that came and went names nobody for good."""
    identity = Machine(host=Host(hostname, ID)).identify()
    assert remember(before, identity, ID, frozenset(), NOW, names=frozenset(running)) == after


DEFAULT = (source("0.0.0.0", "10.0.0.13"),)


def test_what_another_machine_chose_is_nothing_here() -> None:
    """Its directory was copied, or its disk was, and the machine-id made anew: its other address may be here, too."""
    theirs = replace(kept("192.168.122.1", "virbr0"), machine_id="b" * 32)
    links = (LO, ETH0, link("eth1", "192.168.122.1/24"))
    here = Machine().having(links=links, kept=theirs, host=Host("host3", "a" * 32), default_sources=DEFAULT)
    assert str(here.identify().ipv4.chosen) == "10.0.0.13/24"
    assert str(here.having(kept=replace(theirs, machine_id="a" * 32)).identify().ipv4.chosen) == "192.168.122.1/24"
    assert str(here.having(host=Host("host3", "")).identify().ipv4.chosen) == "192.168.122.1/24"
    assert theirs.of("a" * 32) == KeptIdentity()
