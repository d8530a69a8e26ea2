"""The kernel's policy rules, by rtnetlink."""

from struct import Struct

from calico_agent.model.network.address import Family
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.sources.decode_error import KernelRefusal
from calico_agent.sources.kernel.decode.policy_rules import decode_rules
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket
from calico_agent.sources.kernel.uapi import RTM_GETRULE

_HEADER = Struct("=BBBBBxxBI")  # struct fib_rule_hdr: family, two lengths, tos, table, action, flags
_ADDRESS_FAMILY = {Family.IPV4: 2, Family.IPV6: 10}
_UNSUPPORTED = frozenset({95, 97})  # EOPNOTSUPP, EAFNOSUPPORT: a kernel without policy rules, or without IPv6


def read_rules(family: Family) -> tuple[PolicyRule, ...]:
    """The rules of one family, first the one that is asked first. Raises Malformed, Interrupted, Refused, OSError."""
    try:
        with NetlinkSocket() as netlink:
            request = _HEADER.pack(_ADDRESS_FAMILY[family], 0, 0, 0, 0, 0, 0)
            return decode_rules(netlink.dump(RTM_GETRULE, request), family)
    except KernelRefusal as refused:
        if refused.errno not in _UNSUPPORTED:
            raise
        return ()
