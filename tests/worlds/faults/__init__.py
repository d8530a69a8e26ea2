"""The catalogue of faults: what is done to a healthy world, and what must be said of it. A file for each subject."""

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

__all__ = ["FAULTS", "Fault"]
