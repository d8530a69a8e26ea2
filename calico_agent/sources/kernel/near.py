"""Which addresses are on a network of this host, and over which link they are reached."""

from collections.abc import Mapping

from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.network.detour import Detours
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import RouteAttributes

_DETOURS = Detours()

Near = tuple[IPAddress, int]
"""An address on a network of this host, and the index of the link to it."""


def on_link(addresses: tuple[IPAddress, ...], kernel: Kernel) -> tuple[Near, ...]:
    """Each address that is on a network of this host and that packets reach without a router, with the link's index.

    The routing table says which link: of two in one network the kernel uses one, and asks on no other. Without carrier
    nobody can answer there.
    """
    usable = {link.name: link.index for link in kernel.links if link.up and link.running and not link.loopback}
    networks = {one.network for link in kernel.links if link.name in usable for one in link.addresses}
    own = frozenset(one.address for link in kernel.links for one in link.addresses)
    led = frozenset((network, _link(kernel.fib.paths(network), usable)) for network in networks)
    near = _by_network(addresses, led, own)
    routed = _DETOURS.among(kernel, addresses)
    if not routed:
        return near
    links = ((one, _led(kernel, one, usable) if one in routed else link) for one, link in near)
    return tuple((address, link) for address, link in links if link)


@LastValueCache
def _by_network(
    addresses: tuple[IPAddress, ...], networks: frozenset[tuple[IPNetwork, int]], own: frozenset[IPAddress]
) -> tuple[Near, ...]:
    """The addresses in the networks, the longest one first. A network with one address has no neighbours."""
    ordered = sorted(networks, key=lambda one: -one[0].prefixlen)
    found = (
        (address, next((link for network, link in ordered if address in network), 0))
        for address in addresses
        if address not in own
    )
    return tuple((address, link) for address, link in found if link)


def _led(kernel: Kernel, address: IPAddress, links: Mapping[str, int]) -> int:
    route = kernel.route_to(address)
    return _link((route.path,), links) if route is not None else 0


def _link(paths: tuple[RouteAttributes, ...], links: Mapping[str, int]) -> int:
    """The link that packets leave by for a network or host at its other end; 0 for none."""
    hops = next((path.next_hops for path in paths if not path.dead), ())
    return links.get(hops[0].device, 0) if hops and hops[0].gateway is None else 0
