"""A recorded host's kernel: `ip-addr.json` (`ip -d -j addr`), `ip-route.json` (`ip -d -j route`, all tables),
`ip-rule.txt` (`ip rule`), `ip6-rule.txt` (`ip -6 rule`), `neigh.txt`, `fdb.txt`.

A recording has no kernel to ask for single look-ups, so they are answered from its tables.
"""

import zlib
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from calico_agent.model.network.address import Family, IPAddress, IPNetwork, Link, LinkAddress, interface_of
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.policy_rule import TABLE_DEFAULT, Mark, PolicyRule, RuleAction, tables_before_main
from calico_agent.model.network.route import PROTOCOL_NAMES, TABLE_LOCAL, TABLE_MAIN, NextHop, Route, RouteType
from tests import ip_json
from tests.replay import entries

_TABLES = {"main": TABLE_MAIN, "local": TABLE_LOCAL, "default": TABLE_DEFAULT}
# The names of iproute2's rt_protos that the program itself has no word for.
# The names of iproute2's rt_protos.
_PROTOCOLS = (
    {"gated": 8, "mrt": 10, "zebra": 11, "dnrouted": 13, "xorp": 14, "ntk": 15, "mrouted": 17, "keepalived": 18}
    | {"babel": 42, "openr": 99, "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192}
    | {name: number for number, name in PROTOCOL_NAMES.items()}
)
_REFUSALS = {
    "blackhole": RuleAction.BLACKHOLE,
    "unreachable": RuleAction.UNREACHABLE,
    "prohibit": RuleAction.PROHIBIT,
    "nop": RuleAction.NOP,
}
_NOT_RECORDED: Mapping[Family, str] = {}
_FAR = {4: ip_address("8.8.8.8"), 6: ip_address("2001:4860:4860::8888")}


def kernel_from(
    addresses: list[Any],
    routes: list[Any],
    destinations: Iterable[IPAddress],
    *,
    rules: Mapping[Family, str] = _NOT_RECORDED,
    neighbours: str | None = None,
    forwarding: str | None = None,
) -> Kernel:
    """The kernel as recorded, with look-ups towards `destinations`; None is what was not recorded.

    Raises ValueError, KeyError, TypeError.
    """
    links = _links(addresses)
    decoded = tuple(map(_route, routes))
    fib = Fib.of(decoded)
    asked = {family: tuple(map(_rule, filter(str.strip, lines.splitlines()))) for family, lines in rules.items()}
    return Kernel(
        links=links,
        fib=fib,
        lookups=tuple(_source(destination, fib, links) for destination in destinations),
        default_lookups=tuple(_source(far, fib, links) for version, far in _FAR.items() if _has_default(fib, version)),
        neighbours=entries.neighbours(neighbours) if neighbours is not None else None,
        fdb=entries.forwarding(forwarding) if forwarding is not None else None,
        rules=asked,
        tables={table: Fib.of(decoded, table) for table in sorted(tables_before_main(asked.values()))},
    )


def _table(name: str) -> int:
    """Its number; one that is recorded by a name of its own gets a number that no other has."""
    if name in _TABLES:
        return _TABLES[name]
    return int(name) if name.isdigit() else 1 << 31 | zlib.crc32(name.encode())


def _rule(line: str) -> PolicyRule:
    """One line of `ip rule`: a priority, then words, of which some take the next one along."""
    number, _, rest = line.partition(":")
    words = iter(rest.split())
    known: dict[str, str] = {}
    selectors: list[str] = []
    for word in words:
        if word in {"not", *_REFUSALS}:
            known[word] = word
        elif word in {"from", "to", "fwmark", "iif", "lookup", "goto", "suppress_prefixlength"}:
            known[word] = next(words)
        else:
            selectors.append(f"{word} {next(words, '')}".strip())
    value, _, mask = known.get("fwmark", "").partition("/")
    table = known.get("lookup", "")
    if table == "[l3mdev-table]":  # that of the VRF of which a packet's link is a member
        table, selectors = "", [*selectors, "l3mdev"]
    refusal = next((action for word, action in _REFUSALS.items() if word in known), RuleAction.TABLE)
    return PolicyRule(
        priority=int(number),
        table=_table(table) if table else 0,
        action=RuleAction.GOTO if "goto" in known else refusal,
        source=_network(known.get("from", "all")),
        destination=_network(known.get("to", "all")),
        mark=Mark(int(value, 0), int(mask or "0xffffffff", 0)) if value else None,
        iif=known.get("iif", ""),
        selectors=tuple(selectors),
        inverted="not" in known,
        target=int(known.get("goto", 0)),
        suppressed=int(known["suppress_prefixlength"]) if "suppress_prefixlength" in known else None,
    )


def _network(word: str) -> IPNetwork | None:
    return None if word == "all" else ip_network(word)


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
        parent=indices.get(row.get("link", ""), 0),
        mtu=int(row.get("mtu", 0)),
        mac=str(row.get("address", "")),
        addresses=tuple(map(_address, row.get("addr_info", []))),
        vxlan=ip_json.vxlan(row.get("linkinfo", {})),
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
        leased=bool(row.get("dynamic")),
        peer=ip_address(row["address"]) if "address" in row else None,
    )


def _route(row: Mapping[str, Any]) -> Route:
    hops = row.get("nexthops") or ([row] if "dev" in row and row.get("type", "unicast") == "unicast" else [])
    protocol = str(row.get("protocol", "boot"))
    table = str(row.get("table", "main"))
    return Route(
        prefix=_prefix(row),
        type=RouteType[str(row.get("type", "unicast")).upper()],
        next_hops=tuple(map(_next_hop, hops)),
        protocol=_PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol),
        metric=int(row.get("metric", 0)),
        table=_table(table),
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


def _source(destination: IPAddress, fib: Fib, links: tuple[Link, ...]) -> RouteLookup:
    """What `ip route get` would say: the preferred source, else an address of the device that covers the gateway.

    For a device without any it is the first global one of the host (inet_select_addr in net/ipv4/devinet.c).
    """
    held = next((link for link in links for own in link.addresses if own.address == destination), None)
    if held is not None:
        return RouteLookup(destination, destination, "lo")
    route = fib.lookup(destination)
    if route is None or route.type is not RouteType.UNICAST:
        return RouteLookup(destination, None, error="no route to host")
    hop = route.next_hops[0]
    device = next((link for link in links if link.name == hop.device), None)
    addresses = [own for own in (device.addresses if device else ()) if _may_be_source(own, destination)]
    near = [own for own in addresses if (hop.gateway or destination) in own.network]
    others = [own for link in links for own in link.addresses if _may_be_source(own, destination)]
    chosen = next(iter(near or addresses or others), None)
    return RouteLookup(destination, route.source or (chosen.address if chosen else None), hop.device, hop.gateway)


def _may_be_source(own: LinkAddress, destination: IPAddress) -> bool:
    return own.family == destination.version and own.scope not in {"link", "host"}
