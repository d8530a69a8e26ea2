"""All faults, and pairs of those that do not touch the same thing."""

import random
from itertools import combinations
from types import ModuleType

from tests.campaign.fault import LabFault
from tests.campaign.faults import bgp, container, datastore, host, identity, routes, tunnels


def _of(module: ModuleType) -> tuple[LabFault, ...]:
    """In the order in which they are written."""
    return tuple(value for value in vars(module).values() if isinstance(value, LabFault))


FAULTS = tuple(
    fault for module in (identity, container, datastore, bgp, routes, host, tunnels) for fault in _of(module)
)


def named(names: list[str]) -> tuple[LabFault, ...]:
    """Return the faults of these names, in the catalogue's order; all where none is given.

    Raises:
        ValueError: there is no fault of such a name.
    """
    if unknown := set(names) - {fault.name for fault in FAULTS}:
        raise ValueError(f"there is no fault {', '.join(sorted(unknown))}")
    return tuple(fault for fault in FAULTS if not names or fault.name in names)


def pairs(number: int, seed: int) -> list[tuple[LabFault, LabFault]]:
    """Draw so many pairs of faults that must be named, on one kind of lab, neither touching what the other does."""
    possible = [pair for pair in combinations(FAULTS, 2) if can_be_together(*pair)]
    return random.Random(seed).sample(possible, min(number, len(possible)))


def can_be_together(one: LabFault, other: LabFault) -> bool:
    """True if both can be told apart: neither is quiet, and neither touches what the other does."""
    loud = not one.is_quiet and not other.is_quiet
    return loud and one.pool is other.pool and not one.touches & other.touches
