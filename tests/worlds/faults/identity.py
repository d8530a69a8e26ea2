"""Faults of names and addresses, and of what the datastore says of them."""

import json
from dataclasses import replace
from ipaddress import ip_interface

from tests.worlds import mistakes
from tests.worlds.faults.kind import Fault, codes, others, own_node, uplink, with_node
from tests.worlds.model import history
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CROSS_SUBNET, ETCD, Link, World

_KEEPS = "which machine keeps the name, people decide"
_HAD = "which address the host had, people know"


def without_address(world: World, hostname: str) -> World | None:
    node = own_node(world, hostname)
    return with_node(world, node, ipv4=None, ipv6=None) if node is not None and not node.cluster_id else None


def shared_address(world: World, hostname: str) -> World | None:
    """Somebody wrote the address of another node into the record."""
    node, other = own_node(world, hostname), next(others(world, hostname), None)
    if node is None or other is None or other[1].ipv4 is None:
        return None
    return with_node(world, node, ipv4=other[1].ipv4)


def leftover(world: World, hostname: str) -> World | None:
    """The record of the name that this machine had before: its address is registered twice."""
    node = own_node(world, hostname)
    if node is None or node.cluster_id:
        return None
    old = replace(node, name="oldname", ipip=None, vxlan=None, vxlan6=None, labels=node.labels)
    return replace(world, nodes=(*world.nodes, old))


def moved(world: World, hostname: str) -> World | None:
    """The host got another address of its network, and calico/node was started with an empty IP."""
    return _moved(world, hostname, "")


def moved_and_told(world: World, hostname: str) -> World | None:
    """The same, and calico/node was started with the address of before: the record lists what the links have."""
    node = own_node(world, hostname)
    if node is None or node.ipv4 is None:
        return None
    return _moved(world, hostname, str(node.ipv4)) if world.release.interfaces else None


def _moved(world: World, hostname: str, given: str) -> World | None:
    host, node, link = world.host(hostname), own_node(world, hostname), uplink(world, hostname)
    if node is None or node.ipv4 is None or link is None or node.ipv4.network.prefixlen > 26:
        return None
    fresh = ip_interface(f"{node.ipv4.network.broadcast_address - 5}/{node.ipv4.network.prefixlen}")
    links = tuple(
        replace(one, addresses=tuple(fresh if held.ip == node.ipv4.ip else held for held in one.addresses))
        for one in host.links
    )
    routes = tuple(replace(one, source=None) for one in host.routes)
    return history.restart(history.with_host(world, replace(host, links=links, routes=routes)), hostname, IP=given)


def lone_prefix(world: World, hostname: str) -> World | None:
    """Registered as a /32, while a pool in use tunnels between subnets only."""
    node, link = own_node(world, hostname), uplink(world, hostname)
    pools = (one for one in world.pools if one.cidr.version == 4 and mistakes.used(world, one.cidr))
    crossing = any(CROSS_SUBNET in {one.ipip, one.vxlan} for one in pools)
    if node is None or node.ipv4 is None or not crossing or link is None or node.ipv4.network.prefixlen == 32:
        return None
    return history.restart(world, hostname, IP=f"{node.ipv4.ip}/32")


def management_address(world: World, hostname: str) -> World | None:
    """Registered with an address of a link on which no other node is."""
    host, node = world.host(hostname), own_node(world, hostname)
    if node is None or node.ipv4 is None:
        return None
    aside = ip_interface(f"10.66.{host.machine}.9/24")
    world = history.with_host(world, replace(host, links=(*host.links, Link("mgmt0", addresses=(aside,)))))
    return history.restart(world, hostname, IP=str(aside))


def claimed(world: World, hostname: str) -> World | None:
    """The agent of another machine holds the name."""
    return _claimed(world, hostname, "fe" * 16)


def cloned(world: World, hostname: str) -> World | None:
    """The same, and its disk is a copy of this one."""
    return _claimed(world, hostname, f"{world.host(hostname).machine:032x}")


def _claimed(world: World, hostname: str, machine: str) -> World | None:
    node = own_node(world, hostname)
    if node is None or world.release.v2 or world.store != ETCD or world.host(hostname).disk:
        return None
    said = {"machine_id": machine, "boot_id": "another", "hostname": "other", "address": "10.99.0.9"}
    sign = json.dumps({**said, "macs": ["02:00:00:00:99:99"]}).encode()
    signs = tuple((f"/calico-agent/v1/{kind}/{node.name}", sign) for kind in ("names", "alive"))
    return replace(world, keys=(*world.keys, *signs))


def another_nodes_name(world: World, hostname: str) -> World | None:
    """The same as with a taken name, when the other was started again: its record is its own."""
    taken, name = mistakes.taken_name(world, hostname), node_name(world, world.host(hostname))
    if taken is None:
        return None
    running = node_name(taken, taken.host(hostname))
    other = next(one.hostname for one in taken.hosts if one.hostname != hostname and node_name(taken, one) == running)
    return history.restart(taken, other) if name != running else None


def no_address_left(world: World, hostname: str) -> World | None:
    """Somebody took the addresses off all links."""
    host = world.host(hostname)
    links = tuple(replace(one, addresses=()) for one in host.links)
    return history.with_host(world, replace(host, links=links))


FAULTS = (
    Fault("calico/node is given the address of docker0", mistakes.docker_address, codes("IP-BRIDGE")),
    Fault("calico/node is given an address that no link has", mistakes.nowhere, codes("IP-NOT-LOCAL")),
    Fault("calico/node is given the address of another node", mistakes.taken_address, codes("SV-EXITED")),
    Fault(
        "calico/node is given the name of another node",
        mistakes.taken_name,
        codes("IP-NOT-LOCAL"),
        here=False,
        everywhere=True,
    ),
    Fault(
        "the node is deleted while it runs",
        mistakes.record_deleted,
        codes("NODE-NO-RECORD"),
        incurable="its pods were deleted with it",
    ),
    Fault("the node is registered without any address", without_address, codes("NODE-NO-ADDRESS")),
    Fault(
        "the record has the address of another node",
        shared_address,
        codes("IP-NOT-LOCAL"),
        everywhere=True,
    ),
    Fault("the record of an old name has the address", leftover, codes("IP-CONFLICT")),
    Fault("the host was moved to another address", moved, codes("IP-NOT-LOCAL")),
    Fault("the host was moved, as another host sees it", moved_and_told, codes("IP-ELSEWHERE"), here=False),
    Fault("the node is registered with a full prefix length", lone_prefix, codes("IP-PREFIX")),
    Fault("the node is registered with an address of another link", management_address, codes("IP-MISMATCH")),
    Fault("the name is another machine's by its claim", claimed, codes("NAME-CLAIMED"), incurable=_KEEPS),
    Fault("the disk of another machine is a copy", cloned, codes("NAME-CLONED"), incurable=_KEEPS),
    Fault("the host runs under another node's name", another_nodes_name, codes("NAME-MISMATCH")),
    Fault(
        "the host lost all addresses",
        no_address_left,
        codes("IP-NOT-LOCAL"),
        follows=codes("IP-NONE"),
        incurable=_HAD,
    ),
)
