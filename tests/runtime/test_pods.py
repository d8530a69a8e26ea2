"""What one pass asks about pods: blocks of this node, and records only for what nothing else explains."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface

from calico_agent.expected.view import view_of
from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.network.address import IPAddress, IPNetwork, Link, LinkAddress
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from calico_agent.runtime.pods import with_pods
from tests.checks.cluster import BOOT, DATASTORE, HEALTHY, IDENTITY, also, contained, node, stored, via

VETH = Link(7, "cali0123456789a", "veth", addresses=(LinkAddress(ip_interface("fe80::1/64"), scope="link"),))


@dataclass
class Asked:
    """What was asked, and blocks of which the first two addresses are pods' of their owners."""

    blocks: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    links: set[int] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def blocks_of(self, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        self.blocks |= set(map(str, wanted))
        return tuple(replace(one, at_home=0b11) for one in DATASTORE.blocks if one.cidr in wanted)

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints:
        self.nodes |= nodes
        self.links |= links
        self.lost |= set(map(str, lost))
        return WorkloadEndpoints(nodes)


def ask(observation: Observation) -> tuple[Asked, Observation]:
    """The questions, and the observation with the answers."""
    asked = Asked()
    view = view_of(observation, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    return asked, with_pods(view, asked.blocks_of, asked.endpoints_of)


LED = also(HEALTHY, *(via(f"192.168.1.{last}/32", None, f"cali{last}", BOOT) for last in (0, 1)))


def test_a_host_without_anything_unexplained_asks_for_its_own_blocks_alone() -> None:
    asked, seen = ask(LED)
    assert asked == Asked(blocks={"192.168.1.0/26"})
    assert seen.held == frozenset(map(ip_address, ("192.168.1.0", "192.168.1.1")))
    assert (seen.given, seen.pods) == ({}, None)


def test_addresses_that_lead_nowhere_and_links_without_a_route_ask_for_the_records_of_this_node() -> None:
    asked, seen = ask(also(HEALTHY, links=(VETH,)))
    assert (asked.nodes, asked.links, asked.lost) == ({"host1"}, {7}, {"192.168.1.0", "192.168.1.1"})
    assert isinstance(seen.pods, WorkloadEndpoints)


def test_the_name_is_the_one_that_calico_node_runs_under() -> None:
    asked, seen = ask(contained(also(HEALTHY, links=(VETH,)), env=(("NODENAME", "host2"),)))
    assert asked.blocks >= {"192.168.2.0/26"}
    assert "host2" in asked.nodes
    assert ip_address("192.168.2.0") in (seen.held or ())


def test_the_records_of_names_that_this_host_may_have_had_are_asked_for_as_well() -> None:
    gone = stored(also(HEALTHY, links=(VETH,)), nodes=DATASTORE.nodes[:2])
    assert ask(gone)[0].nodes == {"host1", "host3"}
    twice = stored(also(HEALTHY, links=(VETH,)), nodes=(*DATASTORE.nodes, node("host1-old", "10.77.0.11/24")))
    assert ask(twice)[0].nodes == {"host1", "host1-old"}


def test_a_pod_here_in_a_block_of_such_a_name_asks_for_its_record() -> None:
    gone = stored(also(LED, via("192.168.3.1/32", None, "cali9", BOOT)), nodes=DATASTORE.nodes[:2])
    assert ask(gone)[0].nodes == {"host1", "host3"}


def test_a_route_into_another_nodes_block_asks_to_whom_the_address_was_given() -> None:
    asked, seen = ask(also(LED, via("192.168.3.1/32", None, "cali9", BOOT), via("192.168.2.9/32", None, "cali8", BOOT)))
    assert asked.blocks == {"192.168.1.0/26", "192.168.2.0/26", "192.168.3.0/26"}
    assert seen.given == {ip_address("192.168.3.1"): "host3"}


def test_nothing_is_asked_where_the_kernel_or_the_datastore_cannot_be_read() -> None:
    blind = Unreadable("etcd", "down")
    assert ask(replace(HEALTHY, datastore=blind))[0] == ask(replace(HEALTHY, kernel=blind))[0] == Asked()
