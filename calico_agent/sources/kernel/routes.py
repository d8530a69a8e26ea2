"""The kernel's routes: the whole table by our own RTM_GETROUTE dump, and single look-ups.

Our own, because an audit of 50,000 routes every few seconds must cost no more than `ip route show`; pyroute2 needs over
four seconds for them. One dump proves nothing about a route that is missing: under churn the kernel may pass over
routes without saying so. Whoever reports one looks twice.
"""

import errno
from collections.abc import Iterable, Mapping

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import RouteLookup
from calico_agent.model.network.route import TABLE_MAIN
from calico_agent.sources.decode_error import KernelRefusal
from calico_agent.sources.kernel.decode.fib import Learned, decode_routes
from calico_agent.sources.kernel.decode.next_hops import NextHopObjects, decode_next_hops
from calico_agent.sources.kernel.decode.route import decode_source
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, attribute
from calico_agent.sources.kernel.uapi import NHMSG, RTA_DST, RTM_GETNEXTHOP, RTM_GETROUTE, RTMSG

_ADDRESS_FAMILY = {Family.IPV4: 2, Family.IPV6: 10}
_PORTS = {Family.IPV4: 901, Family.IPV6: 902}  # nobody's


def dump_routes(link_names: Mapping[int, str], table: int = TABLE_MAIN, learned: Learned | None = None) -> Fib:
    """The routes of one table, both families. Raises Malformed, Interrupted, Refused and OSError.

    Whoever reads again and again hands in the same `learned`.

    A kernel without IPv6 answers that dump with IPv4's routes; decoding leaves them out.
    """
    objects = _dump_next_hops(link_names)
    with NetlinkSocket(_PORTS[Family.IPV4]) as ipv4, NetlinkSocket(_PORTS[Family.IPV6]) as ipv6:
        dumps = {
            Family.IPV4: ipv4.dump(RTM_GETROUTE, _route_request(Family.IPV4)),
            Family.IPV6: ipv6.dump(RTM_GETROUTE, _route_request(Family.IPV6)),
        }
        return decode_routes(dumps, link_names, table=table, objects=objects, learned=learned)


def look_up(destinations: Iterable[IPAddress], link_names: Mapping[int, str]) -> tuple[RouteLookup, ...]:
    """How packets to these addresses would leave. Raises Malformed, Refused and OSError."""
    with NetlinkSocket() as netlink:
        return tuple(
            decode_source(netlink.request(RTM_GETROUTE, _look_up_request(destination)), destination, link_names)
            for destination in destinations
        )


def _dump_next_hops(link_names: Mapping[int, str]) -> NextHopObjects:
    try:
        with NetlinkSocket() as netlink:
            return decode_next_hops(netlink.dump(RTM_GETNEXTHOP, NHMSG.pack(0, 0, 0, 0, 0)), link_names)
    except KernelRefusal as refused:
        if refused.errno != errno.EOPNOTSUPP:
            raise
        return {}  # Linux before 5.3


def _route_request(family: Family) -> bytes:
    return RTMSG.pack(_ADDRESS_FAMILY[family], 0, 0, 0, 0, 0, 0, 0, 0)


def _look_up_request(destination: IPAddress) -> bytes:
    family = _ADDRESS_FAMILY[Family(destination.version)]
    route = RTMSG.pack(family, destination.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    return route + attribute(RTA_DST, destination.packed)
