"""The kernel's routes as pyroute2 reads them: one more opinion on the same table."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from pyroute2 import IPRoute

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.route import NextHop, Route, RouteType

_ADDRESS_FAMILIES = {Family.IPV4: 2, Family.IPV6: 10}
_EVERYTHING = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}
_ONLINK, _DEAD, _LINKDOWN = 4, 1, 16  # RTNH_F_
_ENCAPSULATIONS = {1: "mpls", 2: "ip", 4: "ip6", 5: "seg6"}


def read_routes(names: Mapping[int, str], table: int) -> tuple[Route, ...]:
    """The routes that traffic in general may follow: those for one type of service or source prefix are left out."""
    with IPRoute() as netlink:
        return tuple(
            _route(route, family, names, table)
            for family in Family
            for route in netlink.get_routes(family=_ADDRESS_FAMILIES[family], table=table)
            if not route["tos"] and not route["src_len"]
        )


def _route(route: Any, family: Family, names: Mapping[int, str], table: int) -> Route:
    type_ = RouteType(route["type"])
    hops = [(hop, hop["oif"], hop["hops"] + 1) for hop in route.get("multipath") or ()]
    if not hops and route.get("oif"):
        hops = [(route, route.get("oif"), 1)]
    return Route(
        ip_network((route.get("dst") or _EVERYTHING[family], route["dst_len"])),
        type_,
        () if type_ > RouteType.MULTICAST else tuple(_next_hop(hop, names[link], weight) for hop, link, weight in hops),
        route["proto"],
        route.get("priority") or 0,
        table,
        ip_address(route.get("prefsrc")) if route.get("prefsrc") else None,
    )


def _next_hop(hop: Any, device: str, weight: int) -> NextHop:
    flags = hop["flags"]
    return NextHop(
        _gateway(hop),
        device,
        onlink=bool(flags & _ONLINK),
        weight=weight,
        dead=bool(flags & _DEAD),
        linkdown=bool(flags & _LINKDOWN),
        encapsulation=_ENCAPSULATIONS[hop.get("encap_type")] if hop.get("encap_type") else "",
    )


def _gateway(hop: Any) -> IPAddress | None:
    text = (hop.get("via") or {}).get("addr") or hop.get("gateway")
    return ip_address(text) if text else None
