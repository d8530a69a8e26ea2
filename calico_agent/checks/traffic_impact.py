"""What happens now to packets that a finding is about."""

from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import PROTOCOL_NAMES, Route, RouteAttributes, RouteType

_REFUSED = {
    RouteType.BLACKHOLE: "dropped without a word",
    RouteType.UNREACHABLE: "refused as unreachable",
    RouteType.PROHIBIT: "refused as prohibited",
}


def fate_without(fib: Fib, prefix: IPNetwork) -> str:
    """Return the fate of packets to `prefix` when it has no route of its own: they follow the next shorter one."""
    covering = fib.covering(prefix)
    if covering is None or covering.type is RouteType.THROW:
        return "packets to it have no route: they are refused as unreachable"
    return f"packets to it follow {_shown(covering)}{_end(covering.path)}"


def fate_with(path: RouteAttributes) -> str:
    """Return the fate of packets that take this path."""
    if path.type in _REFUSED:
        return f"packets to it are {_REFUSED[path.type]} on this host"
    if path.type is RouteType.THROW:
        return "packets to it are looked up in other tables, or refused"
    hops = " and ".join(str(hop) for hop in path.next_hops)
    return f"packets to it go {hops}"


def shown(path: RouteAttributes) -> str:
    """Return a path as `ip route` prints it, without the prefix."""
    kind = "" if path.type is RouteType.UNICAST else path.type.name.lower()
    hops = " + ".join(str(hop) for hop in path.next_hops)
    return " ".join(word for word in (kind, hops, f"proto {protocol(path)}") if word)


def protocol(path: RouteAttributes) -> str:
    """Return who wrote it, as `ip route` names it."""
    return PROTOCOL_NAMES.get(path.protocol, str(path.protocol))


def _shown(route: Route) -> str:
    prefix = "default" if route.prefix.prefixlen == 0 else str(route.prefix)
    hops = " + ".join(str(hop) for hop in route.next_hops)
    return f"{prefix} {hops}".strip()


def _end(path: RouteAttributes) -> str:
    return f", where they are {_REFUSED[path.type]}" if path.type in _REFUSED else ""
