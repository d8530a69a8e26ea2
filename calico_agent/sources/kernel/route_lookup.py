"""How a packet that this host sends to one address would go, by the kernel, which looks at rules and all tables."""

from collections.abc import Mapping

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.model.network.route import NextHop
from calico_agent.model.network.route_trace import Lookup
from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import KernelRefusal
from calico_agent.sources.kernel.decode.route import decode_match, decode_source
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, attribute, retry_transient
from calico_agent.sources.kernel.uapi import RTA_DST, RTM_F_FIB_MATCH, RTM_F_LOOKUP_TABLE, RTM_GETROUTE, RTMSG

_ADDRESS_FAMILY = {Family.IPV4: 2, Family.IPV6: 10}


def read_lookup(destination: IPAddress, kernel: Kernel) -> Lookup | Unreadable:
    """The kernel's answer now; `kernel` gives the names of the links, and the rules."""
    names = {link.index: link.name for link in kernel.links}
    return retry_transient(lambda: _read(destination, names, kernel.rules.get(Family(destination.version), ())))


def _read(destination: IPAddress, names: Mapping[int, str], rules: tuple[PolicyRule, ...]) -> Lookup:
    family = Family(destination.version)
    with NetlinkSocket() as netlink:
        source = decode_source(netlink.request(RTM_GETROUTE, _question(destination, 0)), destination, names)
    try:
        with NetlinkSocket() as netlink:
            answer = netlink.request(RTM_GETROUTE, _question(destination, RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH))
            route = decode_match(answer, family, names)
    except KernelRefusal:
        route = None
    hop = NextHop(source.gateway, source.device) if source.device else None
    return Lookup(destination, route, hop, source.address, source.error, rules)


def _question(destination: IPAddress, flags: int) -> bytes:
    family = _ADDRESS_FAMILY[Family(destination.version)]
    route = RTMSG.pack(family, destination.max_prefixlen, 0, 0, 0, 0, 0, 0, flags)
    return route + attribute(RTA_DST, destination.packed)
