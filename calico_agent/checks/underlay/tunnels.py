"""Whether what lies behind a right route leads to its node: tunnel entries, neighbours.

A VXLAN route names the owner's tunnel address. The neighbour entry gives it a MAC, the forwarding database gives that
MAC the owner's registered address: Felix writes all three (felix/dataplane/linux/vxlan_mgr.go@v3.32.1). A dead host's
route stays for minutes; the neighbour entry of its address fails within seconds.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from calico_agent.checks.commands import restart_here
from calico_agent.checks.neighbors import Place, next_hops, places, written_by_hand
from calico_agent.checks.sentences import in_family
from calico_agent.checks.underlay.hidden_nodes import find_hidden
from calico_agent.checks.underlay.outer_address import find_wrong_source
from calico_agent.expected.agents import machine_of
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.route_table import Paths
from calico_agent.expected.view import View
from calico_agent.faults.routes.host_routes import RT_TUNNEL
from calico_agent.faults.routes.links import RT_NEIGHBOUR
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD
from calico_agent.model.finding import Finding, Writer
from calico_agent.model.host.claimant import Machine
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.model.network.route import RouteType
from calico_agent.model.network.tunnel import TUNNEL_DEVICES
from calico_agent.text import listed

_REFUSE = frozenset({RouteType.BLACKHOLE, RouteType.UNREACHABLE, RouteType.PROHIBIT})
_NO_ANSWER = frozenset({"FAILED", "INCOMPLETE"})


class _Entries(NamedTuple):
    """MACs by tunnel device and address, the state of who does not answer on a link, hosts by tunnel device and MAC."""

    macs: Mapping[tuple[str, IPAddress], str]
    unanswered: Mapping[Place, str]
    hosts: Mapping[tuple[str, str], list[IPAddress]]
    devices: frozenset[str]


@LastValueCache
def _entries(neighbours: Iterable[Neighbour], forwarding: Iterable[ForwardingEntry]) -> _Entries:
    macs: dict[tuple[str, IPAddress], str] = {}
    unanswered: dict[Place, str] = {}
    hosts: dict[tuple[str, str], list[IPAddress]] = {}
    for neighbour in neighbours:
        if neighbour.device in TUNNEL_DEVICES:
            macs[neighbour.device, neighbour.address] = neighbour.mac.lower()
        elif neighbour.state in _NO_ANSWER:
            unanswered[neighbour.address, neighbour.device] = neighbour.state
    for entry in forwarding:
        hosts.setdefault((entry.device, entry.mac.lower()), []).append(entry.destination)
    return _Entries(macs, unanswered, hosts, frozenset(device for device, _ in (*macs, *hosts)))


class Underlay:
    """What lies behind the routes of one observation."""

    def __init__(self, view: View, kernel: Kernel) -> None:
        self._view = view
        self._kernel = kernel
        self._bridges = view.local.bridges()
        self._read = kernel.neighbours is not None and kernel.fdb is not None
        self._entries = _entries(kernel.neighbours or (), kernel.fdb or ())

    def find(self, way: ForwardingPath, paths: Paths = ()) -> Iterator[Finding]:
        """Yield what is wrong on the way to one node; `paths` is what the kernel has for one of its blocks."""
        if self._entries.unanswered and (silent := self._silent(way, paths)) is not None:
            yield _dead(way, silent, self._entries.unanswered[silent])
        yield from self._invented(way)
        if (hidden := find_hidden(self._view, self._kernel, way)) is not None:
            yield hidden
        elif way.device and (refused := self._refused(way)):
            yield _cut_off(way, refused)
        if (source := find_wrong_source(self._view, self._kernel, way)) is not None:
            yield source
        if way.encapsulation is Encapsulation.VXLAN and (broken := self._broken_tunnel(way)):
            yield _tunnel(way, broken, restart_here(self._view))

    def _silent(self, way: ForwardingPath, paths: Paths) -> Place | None:
        """Who does not answer on the way to a node: its host, or every router that leads there."""
        hops = places(paths[0].next_hops, way.registered) if paths and not way.device else ()
        if not hops or any(address != way.gateway for address, _ in hops):
            hops = next_hops(self._kernel, way.registered)
        dead = [hop for hop in hops if hop in self._entries.unanswered]
        return dead[0] if dead and len(dead) == len(hops) else None

    def _refused(self, way: ForwardingPath) -> str:
        """What becomes of packets in a tunnel that no route leads to their node; empty where one does."""
        own = self._view.local.registered(Family(way.registered.version))
        held = self._view.local.candidate(own.ip) if own is not None else None
        if self._kernel.holder(way.registered) is not None or (held is not None and held.reason == "vrf"):
            return ""  # the tunnel itself is in the VRF, and its packets go by the tables there
        route = self._kernel.route_to(way.registered)
        if route is None:
            return "this host has no route"
        return f"this host has only `{route.type.name.lower()}`" if route.type in _REFUSE else ""

    def _invented(self, way: ForwardingPath) -> Iterator[Finding]:
        """A hardware address that is none of the node's. Without an agent there, nobody knows which it has."""
        machine = machine_of(self._view, way.node)
        if machine is None or not machine.macs:
            return
        entry = written_by_hand(self._kernel, way.registered)
        if entry is not None and entry.mac.lower() not in map(str.lower, machine.macs):
            yield _neighbour(way, entry, machine)

    def _broken_tunnel(self, way: ForwardingPath) -> str:
        """Why VXLAN packets do not reach the node, empty when nothing speaks against it."""
        held = self._view.local.candidate(way.registered)
        if held is not None:
            return f"they are sent to {way.registered}, which is this host itself ({held.link})"
        bridge = next((one for one in self._bridges if way.registered in one.interface.network), None)
        if bridge is not None:
            return f"they are sent to {way.registered}, into {bridge.link} of this host"
        # A device in flow-based mode (eBPF) has no entries at all; that is not judged.
        if not self._read or way.gateway is None or way.device not in self._entries.devices:
            return ""
        mac = self._entries.macs.get((way.device, way.gateway))
        if not mac:
            return f"{way.device} has no neighbour entry for {way.gateway}"
        recorded = self._recorded_mac(way)
        if recorded and mac != recorded:
            return f"{way.device} has {mac} for {way.gateway}, and the device of {way.node} has {recorded}"
        hosts = self._entries.hosts.get((way.device, mac), [])
        if way.registered in hosts:
            return ""
        sent = f"they are sent to {listed(tuple(map(str, hosts)))}" if hosts else f"{mac} has no forwarding entry"
        return f"{sent} on {way.device}, and {way.node} is registered with {way.registered}"

    def _recorded_mac(self, way: ForwardingPath) -> str:
        node = self._view.cluster.nodes.get(way.node) if self._view.cluster is not None else None
        return (node.vtep_mac(Family(way.registered.version)) or "").lower() if node is not None else ""


def _dead(way: ForwardingPath, place: Place, state: str) -> Finding:
    silent, device = place
    router = silent != way.registered
    return RT_NEXTHOP_DEAD.finding(
        in_family(way.node, way.registered.version),
        f"node {way.node} cannot be reached: nobody answers for {silent}, the router towards {way.registered}"
        if router
        else f"node {way.node} does not answer: nobody answers for {way.registered}",
        why=f"neighbour entry of {silent}: {state} on {device}",
        effect=f"packets to the pods of {way.node} are lost, though the routes are there",
        cure=f"look at the router {silent}" if router else f"look at host {way.node} and the network between",
        node=way.node,
        family=way.registered.version,
    )


def _cut_off(way: ForwardingPath, refused: str) -> Finding:
    return RT_NEXTHOP_DEAD.finding(
        in_family(way.node, way.registered.version),
        f"node {way.node} cannot be reached: {refused} to {way.registered}, where packets in {way.device} are to go",
        why=f"the routes and policy rules of the kernel, for {way.registered}",
        effect=f"packets to the pods of {way.node} are lost, though the routes are there",
        cure=f"ip route get {way.registered} fails on this host: it needs a default route, or one to that network",
        node=way.node,
        family=way.registered.version,
    )


def _neighbour(way: ForwardingPath, entry: Neighbour, machine: Machine) -> Finding:
    return RT_NEIGHBOUR.finding(
        in_family(way.node, way.registered.version),
        f"packets to node {way.node} do not reach it: somebody wrote that {way.registered} has the hardware address "
        f"{entry.mac}, which it has not",
        why=f"the neighbour entry on {entry.device} is PERMANENT; the agent on {way.node} named {listed(machine.macs)}",
        effect=f"packets to the pods of {way.node} are lost, and the BGP session with it runs out",
        cure=f"ip neigh del {way.registered} dev {entry.device} on this host",
        node=way.node,
        family=way.registered.version,
    )


def _tunnel(way: ForwardingPath, broken: str, restart: str) -> Finding:
    return RT_TUNNEL.finding(
        in_family(way.node, way.registered.version),
        f"VXLAN packets for the pods of {way.node} do not reach it: {broken}",
        why="the routes themselves look right",
        effect=f"packets to the pods of {way.node} are lost",
        cure=f"if {way.registered} is right for {way.node}: {restart} here, Felix writes them anew",
        node=way.node,
        family=way.registered.version,
        writer=Writer.FELIX,
        device=way.device,
    )
