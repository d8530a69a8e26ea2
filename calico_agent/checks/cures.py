"""What to type against a route that is not as it should be."""

from calico_agent.checks.commands import birdcl, logs_here, restart_here, restart_program
from calico_agent.checks.sentences import ip_tool
from calico_agent.checks.traffic_impact import protocol
from calico_agent.expected.bgp_sessions import host_plan
from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.view import View
from calico_agent.model.calico.bird import Bird
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.route import RouteAttributes, RouteType


def delete(prefix: IPNetwork, path: RouteAttributes) -> str:
    """Return the command that deletes this route and no other one."""
    hops = [str(hop) for hop in path.next_hops] if path.type is RouteType.UNICAST else []
    words = [*hops, f"proto {protocol(path)}", *([f"metric {path.metric}"] if path.metric else [])]
    kind = "" if path.type is RouteType.UNICAST else f"{path.type.name.lower()} "
    shown = " ".join(words if len(hops) < 2 else words[len(hops) :])
    return f"{ip_tool(prefix.version)} route del {kind}{prefix} {shown}"


def of_missing(view: View, way: ForwardingPath, prefix: IPNetwork) -> str:
    """Return where to look for a route that is not there and should be."""
    if not way.by_bgp:
        return f"{logs_here(view)}: look for Felix's errors about routes"
    return f"if its session is up: {birdcl(view, prefix.version)} show route for {prefix} all"


def of_wrong_device(view: View, way: ForwardingPath, prefix: IPNetwork, path: RouteAttributes) -> str:
    """Return what brings a route to its device: BIRD leaves one as it is where only that differs, even at a start."""
    writes = "BIRD writes the right one within two seconds" if way.by_bgp else "Felix writes the right one"
    again = f"{delete(prefix, path)} on this host; {writes}"
    return f"{again}. If it comes back: calicoctl get ippool -o wide, {restart_here(view)}"


def of_advertised(host: str, prefix: IPNetwork, hop: IPAddress, *, own: bool = False) -> str:
    """Return what to do on the host that advertises a route to a block of another one; `own`: as its own next hop."""
    version = "-6 " if prefix.version == 6 else ""
    if own:  # it leads to a link there, perhaps to the network of a bridge
        shown = f"ip {version}route show {prefix}"
        return f"on {host}: {shown}; delete it, or give its link another network, if it is not BIRD's or Felix's there"
    foreign = f"ip {version}route del {prefix} via {hop}, if it is not BIRD's or Felix's there"
    return f"on {host}: {foreign} (ip {version}route show {prefix})"


def restart_bird(view: View, version: int) -> str:
    """Return the command that restarts BIRD alone: it looks at the links anew when it starts."""
    return restart_program(view, "bird" if version == 4 else "bird6")


def of_unreachable(view: View, way: ForwardingPath, teller: IPAddress | None) -> tuple[str, str]:
    """Return what is said of a next hop that BIRD does not find, and the cure. BIRD may be late to see that there is a
    way.

    `teller` is the peer that told BIRD of the route there: BIRD takes no next hop that it would find by a route which
    came by BGP itself (nest/rt-table.c of BIRD 1.6.8, "Next hop address resolvable through recursive route"; tried with
    a default route from a router).
    """
    route = view.kernel.route_to(way.registered) if view.kernel is not None else None
    if route is None or route.type is not RouteType.UNICAST:
        return (
            f"BIRD finds no way to {way.registered}",
            f"ip route get {way.registered} fails on this host: it needs a route there, such as the default route",
        )
    if teller is not None:
        return (
            f"BIRD takes no way to {way.registered}: what it knows, {route.prefix}, came by BGP itself, from {teller}",
            f"{_not_told(view, teller)} {route.prefix}; on {teller} itself: do not tell nodes of it",
        )
    sessions = [one for _, bird in view.daemons() if isinstance(bird, Bird) for one in bird.sessions]
    name = next((one.name for one in sessions if one.peer == way.registered), "")
    restart = f"{birdcl(view, way.registered.version)} restart {name}" if name else restart_here(view)
    return f"BIRD finds no way to {way.registered}, although this host has one ({route})", restart


def _not_told(view: View, teller: IPAddress) -> str:
    wanted = host_plan(view)[Family(teller.version)].asked_for.get(teller)
    rule = f"importV{teller.version}: action: Reject, matchOperator: Equal, cidr:"
    return f"a BGPFilter in BGPPeer {wanted.peering if wanted is not None else 'of that session'} with {rule}"


def of_no_node(way: ForwardingPath, hop: IPAddress) -> tuple[str, str]:
    """Return what is said of the end of an IPIP tunnel that is no node, as the end of a sentence, and the cure."""
    keeps = f"have {hop} keep the next hop of what it tells (no next-hop-self)"
    return (
        f": {hop} is no node, and takes nothing out of {way.device}",
        f"{keeps}; or a BGPFilter against its routes to pods; or ipipMode: Never for the pool",
    )
