"""What `ip -d -j` prints of routes and VXLAN devices: a second opinion on the same tables."""

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from calico_agent.model.network.address import IPAddress, Vxlan
from calico_agent.model.network.route import (
    PROTOCOL_NAMES,
    TABLE_LOCAL,
    TABLE_MAIN,
    NextHop,
    Route,
    RouteAttributes,
    RouteType,
)

_TABLES = {"main": TABLE_MAIN, "local": TABLE_LOCAL}
_PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()}
_NOT_FORWARDING = {RouteType.BLACKHOLE, RouteType.UNREACHABLE, RouteType.PROHIBIT, RouteType.THROW}


def read(text: str) -> list[dict[str, Any]]:
    """What `ip -j` printed. Of an encapsulation it prints `dst` and `tos` as if they were the route's, behind those."""
    shown: list[dict[str, Any]] = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    return shown


def routes(shown: Iterable[Mapping[str, Any]]) -> tuple[Route, ...]:
    """The routes that traffic in general may follow: those for one type of service or source prefix are left out."""
    return tuple(_route(one) for one in shown if not one.get("tos") and "from" not in one)


def vxlan(link_info: Mapping[str, Any]) -> Vxlan | None:
    """What a link's `linkinfo` says of one end of a tunnel."""
    data = link_info.get("info_data", {})
    if link_info.get("info_kind") != "vxlan" or data.get("external"):
        return None
    local = data.get("local") or data.get("local6")
    return Vxlan(data["id"], data["port"], ip_address(local) if local else None)


def _route(shown: Mapping[str, Any]) -> Route:
    source = ip_address(shown["prefsrc"]) if "prefsrc" in shown else None
    hops = shown.get("nexthops") or ([shown] if "dev" in shown else [])
    type_ = RouteType[shown.get("type", "unicast").upper()]
    table, protocol = shown.get("table", "main"), shown.get("protocol", "boot")
    path = RouteAttributes(
        type_,
        () if type_ in _NOT_FORWARDING else tuple(_next_hop(hop) for hop in hops),
        _PROTOCOLS.get(protocol) or int(protocol),
        shown.get("metric", 0),
        _TABLES.get(table) or int(table),
        source,
    )
    return Route(ip_network(_destination(shown)), *path)


def _destination(shown: Mapping[str, Any]) -> str:
    if shown["dst"] != "default":
        return str(shown["dst"])
    gateways = [gateway for hop in (shown, *shown.get("nexthops", ())) if (gateway := _gateway(hop))]
    return "::/0" if gateways and gateways[0].version == 6 else "0.0.0.0/0"


def _next_hop(shown: Mapping[str, Any]) -> NextHop:
    flags = shown.get("flags", ())
    return NextHop(
        _gateway(shown),
        shown["dev"],
        onlink="onlink" in flags,
        weight=shown.get("weight", 1),
        dead="dead" in flags,
        linkdown="linkdown" in flags,
        encapsulation=shown.get("encap", ""),
    )


def _gateway(shown: Mapping[str, Any]) -> IPAddress | None:
    text = shown["via"]["host"] if "via" in shown else shown.get("gateway")
    return ip_address(text) if text else None
