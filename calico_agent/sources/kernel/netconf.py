"""On which links the kernel forwards packets, by rtnetlink: the sysctls of this network namespace."""

from collections.abc import Mapping

from calico_agent.model.network.address import Family
from calico_agent.sources.decode_error import KernelRefusal
from calico_agent.sources.kernel.decode.netconf import decode_forwards
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket
from calico_agent.sources.kernel.uapi import RTM_GETNETCONF

_REQUEST = {Family.IPV4: bytes((2, 0, 0, 0)), Family.IPV6: bytes((10, 0, 0, 0))}  # struct netconfmsg: family
_UNSUPPORTED = frozenset({95, 97})  # EOPNOTSUPP, EAFNOSUPPORT: a kernel without IPv6


def read_forwards(family: Family, names: Mapping[int, str]) -> Mapping[str, bool]:
    """As `decode_forwards`; nothing where the kernel has not got the family."""
    try:
        with NetlinkSocket() as netlink:
            return decode_forwards(netlink.dump(RTM_GETNETCONF, _REQUEST[family]), family, names)
    except KernelRefusal as refused:
        if refused.errno not in _UNSUPPORTED:
            raise
        return {}
