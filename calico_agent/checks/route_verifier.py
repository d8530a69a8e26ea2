"""The verdict on one expected route: whether what the kernel has leads the way that its node is reached.

What it is judged by, beside way and paths, is the same in most passes: the bridges of this host, and the routers by
which the kernel reaches nodes. As long as it is, a judge keeps what it has learned.
"""

from collections.abc import Container, Iterable, Mapping

from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.route_table import Paths
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_FOREIGN, RT_PROHIBIT, RT_SHADOWED
from calico_agent.faults.routes.table import (
    RT_BLACKHOLE,
    RT_ECMP,
    RT_MISSING,
    RT_UNREACHABLE,
    RT_WRONG_DEVICE,
    RT_WRONG_NEXTHOP,
)
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD
from calico_agent.model.finding import Fault
from calico_agent.model.identity import Candidate
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, Link
from calico_agent.model.network.detour import Detours
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.model.network.route import PROTOCOL_BOOT, NextHop, RouteAttributes, RouteType
from calico_agent.model.network.tunnel import IPIP_DEVICE, TUNNEL_DEVICES

_DROPS = {
    RouteType.BLACKHOLE: RT_BLACKHOLE,
    RouteType.UNREACHABLE: RT_UNREACHABLE,
    RouteType.THROW: RT_UNREACHABLE,
    RouteType.PROHIBIT: RT_PROHIBIT,
}


_DETOURS = Detours()


class RouteVerifier:
    """The verdict on a way and the paths that were found: None for right, a fault for wrong.

    `right` are the paths that each way was last found right with. Thousands of routes share a way and their paths: they
    are recognised as the very objects, which costs next to nothing.
    """

    def __init__(
        self,
        bridges: Iterable[Candidate],
        routers: Mapping[IPAddress, frozenset[IPAddress]],
        protocols: frozenset[int],
        nodes: Container[IPAddress],
    ) -> None:
        self._bridges = frozenset(found.link for found in bridges)
        self._bridged = tuple(found.interface.network for found in bridges)
        self._routers = routers
        self._protocols = protocols
        self._nodes = nodes
        self.right: dict[ForwardingPath | None, Paths] = {}

    def verdict(self, way: ForwardingPath, paths: Paths) -> Fault | None:
        """Return the verdict on one route."""
        if not paths:
            return RT_MISSING
        best = paths[0]
        if best.dead:
            return RT_NEXTHOP_DEAD
        if self._fits(way, best):
            # BIRD learns and advertises a foreign route, also one that the kernel does not use.
            return RT_FOREIGN if way.by_bgp and foreign(paths[1:], self._protocols) else None
        if any(self._fits(way, other) for other in paths[1:]):
            return RT_SHADOWED
        if best.type in _DROPS:
            return _DROPS[best.type]
        if not by_calico(best, self._protocols):
            return RT_FOREIGN
        if len(best.next_hops) > 1:
            return RT_ECMP
        return RT_WRONG_NEXTHOP if all(self._device_fits(way, hop) for hop in best.next_hops) else RT_WRONG_DEVICE

    def _fits(self, way: ForwardingPath, path: RouteAttributes) -> bool:
        if path.type is not RouteType.UNICAST or not path.next_hops or path.encapsulated:
            return False
        if not way.judged:
            return all(hop.device != IPIP_DEVICE or hop.gateway in self._nodes for hop in path.next_hops)
        return all(self._device_fits(way, hop) and self._gateway_fits(way, hop) for hop in path.next_hops)

    def _gateway_fits(self, way: ForwardingPath, hop: NextHop) -> bool:
        if way.gateway is None and any(way.registered in network for network in self._bridged):
            return True  # the record is wrong, not the route
        # BIRD resolves a next hop by the routes that it learns from the kernel.
        routers = frozenset() if way.device else self._routers.get(way.registered, frozenset())
        right = {*routers, way.gateway} if way.gateway is not None else routers
        at_hand = not way.device and hop.gateway == way.registered  # whether it answers is another question
        return not right or at_hand or hop.gateway in right

    def _device_fits(self, way: ForwardingPath, hop: NextHop) -> bool:
        if way.device:
            return hop.device == way.device
        return hop.device not in TUNNEL_DEVICES and hop.device not in self._bridges and hop.device != "lo"


def judge_of(view: View, ways: Iterable[ForwardingPath]) -> RouteVerifier:
    """Return the judge of these ways: the one of before while nothing has changed that verdicts depend on."""
    judged = tuple(ways)
    kernel = view.kernel or Kernel()
    routers = _routers(kernel.links, kernel.fib, kernel.rules, kernel.tables, judged)
    return _judge(judged, view.local.bridges(), routers, view.local.felix.protocols, _nodes(view))


def verdict_alone(view: View, way: ForwardingPath, paths: Paths) -> Fault | None:
    """Return the verdict on a single way, which is not one of those that the judge of all has learned about."""
    known = {} if view.kernel is None or way.device else {way.registered: _gateways(view.kernel, way.registered)}
    return RouteVerifier(view.local.bridges(), known, view.local.felix.protocols, _nodes(view)).verdict(way, paths)


def _nodes(view: View) -> Mapping[IPAddress, tuple[str, ...]]:
    """The addresses at which IPIP ends: Felix of a node takes its packets out of the tunnel, a router does not."""
    return view.cluster.holders if view.cluster is not None else {}


@LastValueCache
def _judge(
    _ways: tuple[ForwardingPath, ...],
    bridges: tuple[Candidate, ...],
    routers: Mapping[IPAddress, frozenset[IPAddress]],
    protocols: frozenset[int],
    nodes: Mapping[IPAddress, tuple[str, ...]],
) -> RouteVerifier:
    return RouteVerifier(bridges, routers, protocols, nodes)


@LastValueCache
def _routers(
    links: tuple[Link, ...],
    fib: Fib,
    rules: Mapping[Family, tuple[PolicyRule, ...]],
    tables: Mapping[int, Fib],
    ways: tuple[ForwardingPath, ...],
) -> Mapping[IPAddress, frozenset[IPAddress]]:
    """The routers of the nodes that have some: all that are far, and those of this host's networks led another way."""
    kernel = Kernel(links=links, fib=fib, rules=rules, tables=tables)
    plain = [way for way in ways if not way.device]
    near = _DETOURS.among(kernel, tuple(way.registered for way in plain if way.gateway is not None))
    far = {way.registered for way in plain if way.gateway is None}
    found = {address: _gateways(kernel, address) for address in near | far}
    return {address: gateways for address, gateways in found.items() if gateways}


def _gateways(kernel: Kernel, address: IPAddress) -> frozenset[IPAddress]:
    """The routers by which the kernel reaches an address, as BIRD resolves a next hop; empty when by none."""
    route = kernel.route_to(address)
    gateways = [hop.gateway for hop in route.next_hops] if route is not None else []
    return frozenset() if None in gateways else frozenset(filter(None, gateways))


def foreign(paths: Paths, protocols: frozenset[int]) -> RouteAttributes | None:
    """Return the first that neither BIRD nor Felix wrote."""
    return next((path for path in paths if not by_calico(path, protocols)), None)


def by_calico(path: RouteAttributes, protocols: frozenset[int]) -> bool:
    """True if BIRD or Felix wrote it: Felix writes VXLAN routes as `boot` (deviceRouteProtocol).

    Both use devices for their tunnels, so that what encapsulates without one is somebody else's, whatever it says.
    """
    through_tunnel = any(hop.device in TUNNEL_DEVICES for hop in path.next_hops)
    written = path.protocol in protocols or (path.protocol == PROTOCOL_BOOT and through_tunnel)
    return written and not path.encapsulated
