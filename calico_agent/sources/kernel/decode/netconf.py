"""RTM_NEWNETCONF messages -> on which links the kernel forwards packets of a family.

Layout and meanings are those of include/uapi/linux/netconf.h.
"""

from collections.abc import Iterable, Mapping

from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import ALL_LINKS
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, attributes, dump_bodies, link_name, number
from calico_agent.sources.kernel.uapi import (
    NETCONFA_FORWARDING,
    NETCONFA_IFINDEX,
    NETCONFA_IFINDEX_ALL,
    NETCONFA_IFINDEX_DEFAULT,
    NETCONFMSG,
    RTM_NEWNETCONF,
)


def decode_forwards(datagrams: Iterable[bytes], family: Family, names: Mapping[int, str]) -> dict[str, bool]:
    """By the name of the link whether packets that come in there are forwarded, and under ALL_LINKS what is set for
    all. Raises Malformed, Interrupted and Refused."""
    found: dict[str, bool] = {}
    for body in dump_bodies(datagrams, RTM_NEWNETCONF):
        if len(body) < NETCONFMSG.size:
            raise Malformed("the settings of a link are cut short")
        told = attributes(body, NETCONFMSG.size)
        link = number(told.get(NETCONFA_IFINDEX))
        if FAMILIES.get(body[0]) is family and link != NETCONFA_IFINDEX_DEFAULT and NETCONFA_FORWARDING in told:
            found[ALL_LINKS if link == NETCONFA_IFINDEX_ALL else link_name(link, names)] = (
                number(told[NETCONFA_FORWARDING]) != 0
            )
    return found
