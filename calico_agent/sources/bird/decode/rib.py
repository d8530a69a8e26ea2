"""BIRD's `show route` -> RibRoute.

A row is prefix, direction, `[PROTOCOL SINCE from PEER]`, then `*` for the best route of its prefix, or `!` for a best
one that the kernel did not take (BIRD 1.6.8, `nest/rt-table.c`). A further route to the prefix of the line before
starts with blanks in place of the prefix; the next hops of a multipath route follow it on lines of their own.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

from calico_agent.model.calico.bird import RibRoute
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.sources.bird.decode.reply_lines import ReplyLine, reply_lines
from calico_agent.sources.decode_error import Malformed

_ROUTE = 1007
_ROUTE_ROW = re.compile(
    r"(?P<prefix>\S+)?\s+"
    r"(?:via (?P<gateway>\S+) on (?P<via_device>\S+)(?: onlink)?|dev (?P<device>\S+)"
    r"|(?P<kind>blackhole|unreachable|prohibited|multipath))"
    r" \[(?P<protocol>\S+) [^\]]*?(?: ?from (?P<learned_from>\S+))?\]"
    r"(?: (?P<mark>[*!]))?(?: .*)?"
)
_NEXT_HOP_ROW = re.compile(r"\tvia (?P<gateway>\S+) on (?P<device>\S+)(?: onlink)? weight [0-9]+")
_NOT_IN_TABLE = "8001 "  # the answer to a question about a prefix that BIRD has no route to


def rib_lines(command: str, replies: Mapping[str, str]) -> list[ReplyLine]:
    """The reply to a question about routes; nothing where BIRD knows none. Raises Malformed."""
    return [] if replies[command].startswith(_NOT_IN_TABLE) else reply_lines(command, replies)


def rib_routes(lines: list[ReplyLine], peers: Collection[str]) -> Iterator[RibRoute]:
    """The routes in BIRD's order; a multipath route gives one RibRoute for each next hop.

    `peers` are the names of the protocols that are BGP sessions. Raises Malformed, and ValueError on a bad address.
    """
    prefix: IPNetwork | None = None
    multipath: RibRoute | None = None
    for line in lines:
        if line.code != _ROUTE:
            continue
        if hop := _NEXT_HOP_ROW.fullmatch(line.text):
            if multipath is None:
                raise Malformed(f"BIRD prints a next hop that belongs to no route: {line.text[:80]!r}")
            yield replace(multipath, gateway=ip_address(hop["gateway"]), device=hop["device"])
            continue
        row = _ROUTE_ROW.fullmatch(line.text)
        prefix = ip_network(row["prefix"]) if row and row["prefix"] else prefix
        if row is None or prefix is None:
            raise Malformed(f"BIRD prints a route that is not of BIRD 1.6's form: {line.text[:80]!r}")
        route = _route(prefix, row, peers)
        multipath = route if row["kind"] == "multipath" else None
        if multipath is None:
            yield route


def _route(prefix: IPNetwork, row: re.Match[str], peers: Collection[str]) -> RibRoute:
    gateway = _address(row["gateway"])
    return RibRoute(
        prefix=prefix,
        protocol=row["protocol"],
        best=row["mark"] is not None,
        kind="unicast" if row["kind"] in {None, "multipath"} else row["kind"],
        gateway=gateway,
        device=row["via_device"] or row["device"] or "",
        # BIRD prints `from` only where it differs from the gateway.
        learned_from=_address(row["learned_from"]) or (gateway if row["protocol"] in peers else None),
        refused_by_kernel=row["mark"] == "!",
    )


def _address(text: str | None) -> IPAddress | None:
    return None if text is None else ip_address(text)
