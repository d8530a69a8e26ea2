"""The catalogue of faults: what is done to a healthy world, and what must be said of it. A file for each subject."""

import copyreg

from tests.worlds.faults import blocks, container, identity, routes, sessions, sources, underlay
from tests.worlds.faults.kind import Fault

FAULTS = (
    *identity.FAULTS,
    *container.FAULTS,
    *sources.FAULTS,
    *sessions.FAULTS,
    *routes.FAULTS,
    *blocks.FAULTS,
    *underlay.FAULTS,
)

# Those for which no other container is the cure.
NO_CONTAINERS = (*sources.FAULTS, *sessions.FAULTS, *routes.FAULTS, *blocks.FAULTS, *underlay.FAULTS)


def fault_of(name: str) -> Fault:
    """The fault of a name."""
    return next(one for one in FAULTS if one.name == name)


# What most of them do is a function inside a function, which pickle cannot take from one process to another.
copyreg.pickle(Fault, lambda fault: (fault_of, (fault.name,)))

__all__ = ["FAULTS", "NO_CONTAINERS", "Fault", "fault_of"]
