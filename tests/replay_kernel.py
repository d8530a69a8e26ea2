"""A recorded host's links and routes: `ip-addr.json` (`ip -d -j addr`), `ip-route.json` (`ip -d -j route`, all tables).

A recording has no kernel to ask for single look-ups, so they are answered from its tables.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from calico_agent.model.address import IPAddress, IPNetwork, Link, LinkAddress, interface_of
from calico_agent.model.kernel import Kernel, Source
from calico_agent.model.route import (
    PROTOCOL_NAMES,
    TABLE_LOCAL,
    TABLE_MAIN,
    Fib,
    NextHop,
    Route,
    RouteType,
)

_TABLES = {"main": TABLE_MAIN, "local": TABLE_LOCAL, "default": 253}
_PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()}
_FAR = {4: ip_address("8.8.8.8"), 6: ip_address("2001:4860:4860::8888")}


def kernel_from(addresses: list[Any], routes: list[Any], destinations: Iterable[IPAddress]) -> Kernel:
    """The kernel as recorded, with look-ups towards `destinations`. Raises ValueError, KeyError, TypeError."""
    links = _links(addresses)
    fib = Fib.of(map(_route, routes))
    sources = tuple(_source(destination, fib, links) for destination in destinations)
    defaults = tuple(_source(far, fib, links) for version, far in _FAR.items() if _has_default(fib, version))
    return Kernel(links=links, fib=fib, sources=sources, default_sources=defaults)


def _links(rows: list[Any]) -> tuple[Link, ...]:
    indices = {row["ifname"]: int(row["ifindex"]) for row in rows}
    return tuple(_link(row, indices) for row in rows)


def _link(row: Mapping[str, Any], indices: Mapping[str, int]) -> Link:
    flags = row.get("flags", [])
    return Link(
        index=int(row["ifindex"]),
        name=str(row["ifname"]),
        kind=str(row.get("linkinfo", {}).get("info_kind", "")),
        up="UP" in flags,
        running="LOWER_UP" in flags,
        loopback="LOOPBACK" in flags,
        master=indices.get(row.get("master", ""), 0),
        mtu=int(row.get("mtu", 0)),
        mac=str(row.get("address", "")),
        addresses=tuple(map(_address, row.get("addr_info", []))),
    )


def _address(row: Mapping[str, Any]) -> LinkAddress:
    return LinkAddress(
        interface_of(ip_address(row["local"]), int(row["prefixlen"])),
        scope=str(row.get("scope", "global")),
        label=str(row.get("label", "")),
        secondary=bool(row.get("secondary")),
        deprecated=bool(row.get("deprecated")),
        tentative=bool(row.get("tentative") or row.get("dadfailed")),
        temporary=bool(row.get("temporary")),
        peer=ip_address(row["address"]) if "address" in row else None,
    )


def _route(row: Mapping[str, Any]) -> Route:
    hops = row.get("nexthops") or ([row] if "dev" in row and row["type"] == "unicast" else [])
    protocol = str(row.get("protocol", "boot"))
    table = str(row.get("table", "main"))
    return Route(
        prefix=_prefix(row),
        type=RouteType[str(row["type"]).upper()],
        next_hops=tuple(map(_next_hop, hops)),
        protocol=_PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol),
        metric=int(row.get("metric", 0)),
        table=_TABLES[table] if table in _TABLES else int(table),
        source=ip_address(row["prefsrc"]) if "prefsrc" in row else None,
    )


def _prefix(row: Mapping[str, Any]) -> IPNetwork:
    if row["dst"] != "default":
        return ip_network(row["dst"])
    # Only IPv6 routes have a preference; the gateway tells as well.
    return ip_network("::/0" if "pref" in row or ":" in str(row.get("gateway", "")) else "0.0.0.0/0")


def _next_hop(row: Mapping[str, Any]) -> NextHop:
    gateway = row.get("gateway") or row.get("via", {}).get("host")
    flags = row.get("flags", [])
    return NextHop(
        gateway=ip_address(gateway) if gateway else None,
        device=str(row["dev"]),
        onlink="onlink" in flags,
        weight=int(row.get("weight", 1)),
        dead="dead" in flags,
        linkdown="linkdown" in flags,
    )


def _has_default(fib: Fib, version: int) -> bool:
    return bool(fib.paths(ip_network("0.0.0.0/0" if version == 4 else "::/0")))


def _source(destination: IPAddress, fib: Fib, links: tuple[Link, ...]) -> Source:
    """What `ip route get` would say: the preferred source, else an address of the device that covers the gateway."""
    held = next((link for link in links for own in link.addresses if own.address == destination), None)
    if held is not None:
        return Source(destination, destination, "lo")
    route = fib.lookup(destination)
    if route is None or route.type is not RouteType.UNICAST:
        return Source(destination, None, error="no route to host")
    hop = route.next_hops[0]
    device = next((link for link in links if link.name == hop.device), None)
    addresses = [
        own for own in (device.addresses if device else ()) if own.family == destination.version and own.scope != "link"
    ]
    near = [own for own in addresses if (hop.gateway or destination) in own.network]
    chosen = next(iter(near or addresses), None)
    return Source(destination, route.source or (chosen.address if chosen else None), hop.device, hop.gateway)
