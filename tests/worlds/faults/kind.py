"""What a fault is, and what most of them are made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.worlds.model import history
from tests.worlds.model.kernel import Device
from tests.worlds.model.settle import settle
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import Host, Node, World

Done = Callable[[World, str], World | None]
"""Takes the world and the name of a host; None where it cannot be done there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind. `roots` are the codes of which one must be the first root cause on the host that knows it best.

    `here`: that is its own host; else it is one of the others. `everywhere`: it is a fault of all hosts, so that each
    may say of itself what is said. `follows` are codes that must be said beside, as consequences or for themselves.
    `incurable` is why no printed cure makes all well in the model; empty where one must.
    """

    name: str
    do: Done
    roots: frozenset[str]
    here: bool = True
    everywhere: bool = False
    follows: frozenset[str] = frozenset()
    incurable: str = ""


def codes(words: str) -> frozenset[str]:
    """Some codes."""
    return frozenset(words.split())


def troubled(world: World, hostname: str, **changes: Any) -> World:
    """The same with a host that something ails."""
    host = world.host(hostname)
    return history.with_host(world, replace(host, trouble=replace(host.trouble, **changes)))


def ailing(**changes: Any) -> Done:
    """A fault that is the same on every host."""

    def do(world: World, hostname: str) -> World | None:
        return troubled(world, hostname, **changes)

    return do


def own_node(world: World, hostname: str) -> Node | None:
    """The record of a host's node."""
    return world.node(node_name(world, world.host(hostname)))


def others(world: World, hostname: str) -> Iterator[tuple[Host, Node]]:
    """The other hosts with their nodes."""
    for host in world.hosts:
        node = own_node(world, host.hostname)
        if host.hostname != hostname and node is not None:
            yield host, node


def with_node(world: World, node: Node, **changes: Any) -> World:
    """The same with another record of a node."""
    nodes = tuple(replace(one, **changes) if one is node else one for one in world.nodes)
    return replace(world, nodes=nodes)


def uplink(world: World, hostname: str) -> Device | None:
    """The link with the IPv4 address that is registered for a host, where it ends on a wire."""
    node = own_node(world, hostname)
    made = settle(world).machines[hostname].devices
    held = (one for one in made for each in one.addresses if node and node.ipv4 and each.ip == node.ipv4.ip)
    found = next(held, None)
    return found if found is not None and found.segment else None
