"""RTM_NEWNETCONF messages -> on which links the kernel forwards packets of a family.

Layout and meanings are those of include/uapi/linux/netconf.h.
"""

from collections.abc import Iterable, Mapping
from struct import Struct

from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import ALL_LINKS
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, attributes, dump_bodies, link_name, number

_NEW_NETCONF = 80  # RTM_NEWNETCONF
_NETCONF = Struct("=Bxxx")  # struct netconfmsg: family
_LINK, _FORWARDING = 1, 2  # NETCONFA_IFINDEX, NETCONFA_FORWARDING
_ALL, _DEFAULT = 0xFFFFFFFF, 0xFFFFFFFE  # NETCONFA_IFINDEX_ALL, _DEFAULT: -1 and -2


def decode_forwards(datagrams: Iterable[bytes], family: Family, names: Mapping[int, str]) -> dict[str, bool]:
    """By the name of the link whether packets that come in there are forwarded, and under ALL_LINKS what is set for
    all. Raises Malformed, Interrupted and Refused."""
    found: dict[str, bool] = {}
    for body in dump_bodies(datagrams, _NEW_NETCONF):
        if len(body) < _NETCONF.size:
            raise Malformed("the settings of a link are cut short")
        told = attributes(body, _NETCONF.size)
        link = number(told.get(_LINK))
        if FAMILIES.get(body[0]) is family and link != _DEFAULT and _FORWARDING in told:
            found[ALL_LINKS if link == _ALL else link_name(link, names)] = number(told[_FORWARDING]) != 0
    return found
