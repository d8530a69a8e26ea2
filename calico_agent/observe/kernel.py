"""Links, addresses, routes, look-ups, neighbours: everything the kernel says about this host, by rtnetlink.

Needs no privilege. Works in the network namespace of the thread that calls it.

pyroute2 decodes links and addresses, whose messages are deeply nested and few. It is imported when first used (0.2 s,
22 MiB) and its IPRoute lives for one reading only: a long-lived one keeps some memory of every request.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from struct import Struct
from typing import Any

from calico_agent.decode.errors import Interrupted, Refused
from calico_agent.decode.neighbours import decode_forwarding, decode_neighbours
from calico_agent.decode.netlink import Learned
from calico_agent.model.address import IPAddress, Link, LinkAddress, interface_of
from calico_agent.model.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.model.route import Fib, ForwardingEntry, Neighbour, RouteType
from calico_agent.observe.netlink import RouteSocket, steadily
from calico_agent.observe.routes import dump_routes, look_up

# Addresses of well-known resolvers, far from any cluster. Nothing is sent there: the kernel is asked how it would be.
_FAR = tuple(
    ip_address(text) for text in ("8.8.8.8", "1.1.1.1", "9.9.9.9", "2001:4860:4860::8888", "2606:4700:4700::1111")
)
_DEFAULTS = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

_GET_NEIGHBOUR, _BRIDGE = 30, 7  # RTM_GETNEIGH, AF_BRIDGE
_NEIGHBOUR = Struct("=BxxxiHBB")  # struct ndmsg: family, link, state, flags, type

_UP, _LOOPBACK, _RUNNING = 0x1, 0x8, 0x40  # IFF_
# IFA_F_. For IPv6 the first is IFA_F_TEMPORARY; an address whose duplicate detection failed stays tentative.
_SECONDARY, _DEPRECATED, _TENTATIVE = 0x01, 0x20, 0x40
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}


def read_kernel(
    destinations: tuple[IPAddress, ...] = (), learned: Learned | None = None, *, every_neighbour: bool = False
) -> Kernel | Unreadable:
    """All of it, with look-ups towards `destinations`. `learned` makes a repeated reading cheaper (`dump_routes`).

    Unless `every_neighbour` is wanted, those that answer are left out, except on VXLAN devices.
    """
    return steadily(lambda: _read(destinations, learned, every_neighbour))


def _read(destinations: tuple[IPAddress, ...], learned: Learned | None, every_neighbour: bool) -> Kernel:
    links = _read_links()
    names = {link.index: link.name for link in links}
    tunnels = frozenset(link.index for link in links if link.kind == "vxlan")
    fib = dump_routes(names, learned=learned)
    return Kernel(
        links=links,
        fib=fib,
        sources=look_up(destinations, names),
        default_sources=look_up(_far_along_default(fib), names),
        neighbours=_read_neighbours(names, None if every_neighbour else tunnels),
        forwarding=_read_forwarding(names) if tunnels else (),
    )


def _far_along_default(fib: Fib) -> Iterable[IPAddress]:
    """For each family with a default route an address that follows it, unless longer prefixes take all of them."""
    for default in _DEFAULTS:
        for far in _FAR:
            route = fib.lookup(far) if far.version == default.version else None
            if route and route.prefix == default and route.type is RouteType.UNICAST:
                yield far
                break


def _read_neighbours(names: Mapping[int, str], devices: frozenset[int] | None) -> tuple[Neighbour, ...]:
    with RouteSocket() as netlink:
        return decode_neighbours(netlink.dump(_GET_NEIGHBOUR, _NEIGHBOUR.pack(0, 0, 0, 0, 0)), names, devices)


def _read_forwarding(names: Mapping[int, str]) -> tuple[ForwardingEntry, ...]:
    with RouteSocket() as netlink:
        return decode_forwarding(netlink.dump(_GET_NEIGHBOUR, _NEIGHBOUR.pack(_BRIDGE, 0, 0, 0, 0)), names)


def _read_links() -> tuple[Link, ...]:
    from pyroute2 import IPRoute  # noqa: PLC0415
    from pyroute2.netlink.exceptions import NetlinkDumpInterrupted, NetlinkError  # noqa: PLC0415

    try:
        with IPRoute() as netlink:
            links = list(netlink.get_links())
            addresses: dict[int, list[LinkAddress]] = {}
            for message in netlink.get_addr():
                addresses.setdefault(message["index"], []).append(_address(message))
    except NetlinkDumpInterrupted as error:
        raise Interrupted("the links changed while the kernel dumped them") from error
    except NetlinkError as error:
        raise Refused(error.code) from error
    return tuple(_link(message, tuple(addresses.get(message["index"], ()))) for message in links)


def _link(message: Any, addresses: tuple[LinkAddress, ...]) -> Link:  # noqa: ANN401 - pyroute2 ships no types
    flags = message["flags"]
    return Link(
        index=message["index"],
        name=message.get("ifname") or "",
        kind=message.get(("linkinfo", "kind")) or "",
        up=bool(flags & _UP),
        running=bool(flags & _RUNNING),
        loopback=bool(flags & _LOOPBACK),
        master=message.get("master") or 0,
        mtu=message.get("mtu") or 0,
        mac=message.get("address") or "",
        addresses=addresses,
    )


def _address(message: Any) -> LinkAddress:  # noqa: ANN401 - pyroute2 ships no types
    # IFA_LOCAL is the link's own address. Where it is absent (most of IPv6), or equal, IFA_ADDRESS is not a peer's.
    far = ip_address(message.get("address") or message.get("local"))
    own = ip_address(message.get("local") or message.get("address"))
    flags = message.get("flags") or 0
    return LinkAddress(
        interface_of(own, message["prefixlen"]),
        scope=_SCOPES.get(message["scope"], str(message["scope"])),
        label=message.get("label") or "",
        secondary=bool(flags & _SECONDARY) and own.version == 4,
        deprecated=bool(flags & _DEPRECATED),
        tentative=bool(flags & _TENTATIVE),
        temporary=bool(flags & _SECONDARY) and own.version == 6,
        peer=far if far != own else None,
    )
