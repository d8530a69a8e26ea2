"""The links of this host with their addresses.

pyroute2 decodes them: their messages are deeply nested. It takes its time, while a host has a link for every pod. So it
gets of each message only what is asked of a link, and only when that is not what it was the last time. The rest changes
with every packet: counters, timers of bridges, lifetimes.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec
from ipaddress import ip_address
from struct import Struct
from typing import Any

from calico_agent.model.network.address import Link, LinkAddress, Vxlan, interface_of
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import dump_bodies, places
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, attribute
from calico_agent.sources.kernel.uapi import (
    IFA_F_DEPRECATED,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    IFA_F_TENTATIVE,
    IFADDRMSG,
    IFF_LOOPBACK,
    IFF_RUNNING,
    IFF_UP,
    IFINFOMSG,
    IFLA_EXT_MASK,
    NLMSGHDR,
    RTEXT_FILTER_SKIP_STATS,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
)

_SKIP_STATS = Struct("=I").pack(RTEXT_FILTER_SKIP_STATS)

# What is asked of a link, with what is asked of that: IFLA_ADDRESS, IFNAME, MTU, LINK, MASTER, LINKINFO, LINK_NETNSID;
# IFLA_INFO_KIND, INFO_DATA; IFLA_VXLAN_ID, LOCAL, PORT, LOCAL6, COLLECT_METADATA. With other kinds the last are other
# things, unused.
_Wanted = Mapping[int, "_Wanted"]
_OF_VXLAN: _Wanted = {1: {}, 4: {}, 15: {}, 17: {}, 25: {}}
_OF_LINK: _Wanted = {1: {}, 3: {}, 4: {}, 5: {}, 10: {}, 18: {1: {}, 2: _OF_VXLAN}, 37: {}}
_OF_ADDRESS: _Wanted = {1: {}, 2: {}, 3: {}, 8: {}}  # IFA_ADDRESS, LOCAL, LABEL, FLAGS
_REMEMBERED = 4096  # links

# IFA_F_. For IPv6 the first is IFA_F_TEMPORARY; an address whose duplicate detection failed stays tentative.
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}


def read_links() -> tuple[Link, ...]:
    """All of them. Raises Malformed, Interrupted, Refused and OSError."""
    with NetlinkSocket() as netlink:
        asked = IFINFOMSG.pack(0, 0, 0, 0, 0) + attribute(IFLA_EXT_MASK, _SKIP_STATS)
        return links_in(netlink.dump(RTM_GETLINK, asked), netlink.dump(RTM_GETADDR, IFADDRMSG.pack(0, 0, 0, 0, 0)))


def links_in(link_dump: Iterable[bytes], address_dump: Iterable[bytes]) -> tuple[Link, ...]:
    """The links out of the datagrams of both dumps, the second begun when the first has ended.

    Raises Malformed and Refused.
    """
    links = [*_abridged(dump_bodies(link_dump, RTM_NEWLINK), IFINFOMSG, _OF_LINK)]
    addresses: dict[int, list[bytes]] = {}
    for body in _abridged(dump_bodies(address_dump, RTM_NEWADDR), IFADDRMSG, _OF_ADDRESS):
        addresses.setdefault(IFADDRMSG.unpack_from(body)[4], []).append(body)
    return tuple(link_of(body, tuple(addresses.get(IFINFOMSG.unpack_from(body)[2], ()))) for body in links)


@lru_cache(_REMEMBERED)
def link_of(link: bytes, addresses: tuple[bytes, ...]) -> Link:
    """A link out of the bodies of an RTM_NEWLINK message and the RTM_NEWADDR messages for it. Raises Malformed."""
    ifinfmsg, ifaddrmsg = _message_classes()
    try:
        held = tuple(_address(_decoded(ifaddrmsg, body)) for body in addresses)
        return _link(_decoded(ifinfmsg, link), held)
    except (TypeError, ValueError) as error:  # pyroute2 hands out as bytes what it cannot decode
        raise Malformed(f"a link that cannot be: {error}") from error


@cache
def _message_classes() -> tuple[Any, Any]:
    """pyroute2's classes for the two kinds of messages.

    Its package loads all of its modules as soon as one of them is imported (9 MiB, 0.1 s). So they are imported from a
    package that was not run, which is forgotten again: whoever wants all of pyroute2 gets it.
    """
    whole, spec = sys.modules.get("pyroute2"), find_spec("pyroute2")
    if whole is None and spec is not None:
        sys.modules["pyroute2"] = module_from_spec(spec)
    try:
        from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # noqa: PLC0415
        from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # noqa: PLC0415
    finally:
        if whole is None:
            sys.modules.pop("pyroute2", None)
    return ifinfmsg, ifaddrmsg


def _decoded(kind: Any, body: bytes) -> Any:  # noqa: ANN401 - pyroute2 ships no types
    message = kind(NLMSGHDR.pack(NLMSGHDR.size + len(body), 0, 0, 0, 0) + body)
    message.decode()
    return message


def _link(message: Any, addresses: tuple[LinkAddress, ...]) -> Link:  # noqa: ANN401 - pyroute2 ships no types
    flags, kind = message["flags"], message.get(("linkinfo", "kind")) or ""
    return Link(
        index=message["index"],
        name=message.get("ifname") or "",
        kind=kind,
        up=bool(flags & IFF_UP),
        running=bool(flags & IFF_RUNNING),
        loopback=bool(flags & IFF_LOOPBACK),
        master=message.get("master") or 0,
        # With a namespace's number it is an index there.
        parent=message.get("link") or 0 if message.get("link_netnsid") is None else 0,
        mtu=message.get("mtu") or 0,
        mac=message.get("address") or "",
        addresses=addresses,
        vxlan=_vxlan(message) if kind == "vxlan" else None,
    )


def _vxlan(message: Any) -> Vxlan | None:  # noqa: ANN401 - pyroute2 ships no types
    data = message.get(("linkinfo", "data"))
    if data is None or data.get("vxlan_collect_metadata"):
        return None
    local = data.get("vxlan_local") or data.get("vxlan_local6")
    return Vxlan(data.get("vxlan_id"), data.get("vxlan_port"), ip_address(local) if local else None)


def _address(message: Any) -> LinkAddress:  # noqa: ANN401 - pyroute2 ships no types
    # IFA_LOCAL is the link's own address. Where it is absent (most of IPv6), or equal, IFA_ADDRESS is not a peer's.
    far = ip_address(message.get("address") or message.get("local"))
    own = ip_address(message.get("local") or message.get("address"))
    flags = message.get("flags") or 0
    return LinkAddress(
        interface_of(own, message["prefixlen"]),
        scope=_SCOPES.get(message["scope"], str(message["scope"])),
        label=message.get("label") or "",
        secondary=bool(flags & IFA_F_SECONDARY) and own.version == 4,
        deprecated=bool(flags & IFA_F_DEPRECATED),
        tentative=bool(flags & IFA_F_TENTATIVE),
        temporary=bool(flags & IFA_F_SECONDARY) and own.version == 6,
        leased=not flags & IFA_F_PERMANENT,
        peer=far if far != own else None,
    )


def _abridged(bodies: Iterable[bytes], head: Struct, wanted: _Wanted) -> Iterator[bytes]:
    """The messages with nothing in them but their heads and what is asked of them."""
    for body in bodies:
        if len(body) < head.size:
            raise Malformed("a link or an address is cut short")
        yield body[: head.size] + _chosen(body, head.size, wanted)


def _chosen(data: bytes, start: int, wanted: _Wanted) -> bytes:
    found = ((kind, data[place]) for kind, place in places(data, start) if kind in wanted)
    return b"".join(
        attribute(kind, _chosen(value, 0, wanted[kind]) if wanted[kind] else value) for kind, value in found
    )
