"""What the neighbour table says of the way to an address.

An entry proves something only on the link by which packets really leave: one on another link may have failed years ago,
and stays. And it is the next hop's, which is a router where the address is on no network of this host.
"""

from collections.abc import Mapping

from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.network.route import NextHop

Place = tuple[IPAddress, str]
"""A next hop and the link by which it is reached."""

_BY_HAND = "PERMANENT"


def next_hops(kernel: Kernel, address: IPAddress) -> tuple[Place, ...]:
    """Return where packets to an address are handed over; nowhere while no route leads to it."""
    route = kernel.route_to(address)
    return places(route.next_hops if route is not None else (), address)


def places(hops: tuple[NextHop, ...], address: IPAddress) -> tuple[Place, ...]:
    """Return the same for the next hops of one route. The kernel does not use those that are dead."""
    return tuple((hop.gateway or address, hop.device) for hop in hops if not hop.dead)


def written_by_hand(kernel: Kernel | None, address: IPAddress) -> Neighbour | None:
    """Return the entry that somebody wrote for an address itself: the kernel takes it on trust and never asks."""
    found = _written_by_hand((kernel.neighbours if kernel is not None else None) or ()).get(address)
    if kernel is None or found is None:
        return None
    entries = (found.get(device) for hop, device in next_hops(kernel, address) if hop == address)
    return next(filter(None, entries), None)


@LastValueCache
def _written_by_hand(neighbours: tuple[Neighbour, ...]) -> Mapping[IPAddress, Mapping[str, Neighbour]]:
    """By address and link."""
    found: dict[IPAddress, dict[str, Neighbour]] = {}
    for one in neighbours:
        if one.state == _BY_HAND:
            found.setdefault(one.address, {})[one.device] = one
    return found
