"""Nodes in groups: those that a selector matches, those with an address, all."""

from collections.abc import Iterable
from dataclasses import dataclass

from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.calico.selector import Labels, Selector
from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Group:
    """Some nodes: those among them that are route reflectors, and the AS numbers that they have."""

    nodes: tuple[Node, ...]
    names: frozenset[str]
    reflectors: tuple[Node, ...]
    as_numbers: frozenset[int]


class NodeGroups:
    """The groups of one cluster. A selector is tried on all nodes once, however many BGPPeers have it."""

    def __init__(self, nodes: tuple[Node, ...], bgp: BgpSettings) -> None:
        self.nodes = nodes
        self._as_number = bgp.as_number
        self._named = {node.name: node for node in nodes}
        self._holders = {found.ip: node for node in nodes for found in (node.ipv4, node.ipv6) if found is not None}
        self._labelled: tuple[tuple[Node, Labels], ...] = ()
        self._groups: dict[Selector | None, Group] = {}

    def as_number(self, node: Node) -> int:
        """Return a node's own AS number, else the cluster's."""
        return node.as_number or self._as_number

    def holds(self, address: IPAddress) -> bool:
        """True if a node is registered with this address."""
        return address in self._holders

    def holder(self, address: IPAddress) -> Group:
        """Return the node that is registered with this address, as a group of one or none."""
        return self._made(filter(None, (self._holders.get(address),)))

    def named(self, name: str) -> Group:
        """Return the node of this name, as a group of one or none."""
        return self._made(filter(None, (self._named.get(name),)))

    def matching(self, selector: Selector | None) -> Group:
        """Return the nodes that a selector matches, all for None."""
        if selector not in self._groups:
            if not self._labelled:
                self._labelled = tuple((node, dict(node.labels)) for node in self.nodes)
            found = (node for node, labels in self._labelled if selector is None or selector.matches(labels))
            self._groups[selector] = self._made(found)
        return self._groups[selector]

    def _made(self, nodes: Iterable[Node]) -> Group:
        members = tuple(nodes)
        return Group(
            members,
            frozenset(node.name for node in members),
            tuple(node for node in members if node.route_reflector_cluster_id),
            frozenset(map(self.as_number, members)),
        )
