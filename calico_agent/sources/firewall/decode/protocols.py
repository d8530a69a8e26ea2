"""The names of IP protocols that tools write in place of numbers."""

# Of /etc/protocols, those that rules name; 4 is called `ipencap` by Debian, `ipv4` by others, and 94 `ipip`.
_NUMBERS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "ip-encap": 4,
    "ipv4": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ipv6-crypt": 50,
    "ah": 51,
    "ipv6-auth": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "eigrp": 88,
    "ospf": 89,
    "ospfigp": 89,
    "ipip": 94,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "mh": 135,
    "mobility-header": 135,
    "udplite": 136,
}


def protocol_number(text: object) -> int:
    """The number of a protocol. Raises ValueError for a name that is not known."""
    if isinstance(text, int):
        return text
    found = _NUMBERS.get(str(text).lower())
    return int(str(text)) if found is None else found
