"""Neighbour entries that somebody wrote by hand: the kernel takes them on trust and never asks."""

from collections.abc import Mapping

from calico_agent.model.address import IPAddress
from calico_agent.model.kernel import Kernel
from calico_agent.model.route import Neighbour
from calico_agent.model.unchanged import MadeOnce

_BY_HAND = "PERMANENT"


def written_by_hand(kernel: Kernel | None) -> Mapping[IPAddress, Neighbour]:
    """Their entries by address; those of VXLAN devices, which are all Felix's, among them."""
    return _entries((kernel.neighbours if kernel is not None else None) or ())


@MadeOnce
def _entries(neighbours: tuple[Neighbour, ...]) -> Mapping[IPAddress, Neighbour]:
    return {one.address: one for one in neighbours if one.state == _BY_HAND}
