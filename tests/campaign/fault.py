"""What a fault of the catalogue is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.lab import Lab
from tests.lab.options import Pool

Deed = Callable[[Lab], Iterator[None]]


@dataclass(frozen=True, slots=True)
class LabFault:
    """One way to break a lab of three hosts."""

    name: str
    does: str
    """A sentence: what is done."""
    deed: Deed
    """Breaks it, yields, and heals what does not heal by itself."""
    host: str
    """The host that knows best what is wrong."""
    roots: frozenset[str]
    """The codes of which one must be its first root there; empty where nobody must confirm anything."""
    touches: frozenset[str]
    """What is broken, in words that only tell one from the other: faults that share one make no pair."""
    pool: Pool
    patience: float
    """Seconds after which a root that was not confirmed is taken for missed."""

    @property
    def is_quiet(self) -> bool:
        """True if it is none: it heals by itself, or changes nothing that matters."""
        return not self.roots


def fault(
    host: str, *roots: str, touches: str = "", pool: Pool = Pool.NONE, patience: float = 40.0
) -> Callable[[Deed], LabFault]:
    """Make a generator a fault: its name is the function's, its first docstring's sentence tells what is done.

    `touches`: words; the host itself unless it is given.
    """

    def made(deed: Deed) -> LabFault:
        name = str(getattr(deed, "__name__", "")).replace("_", "-")
        does = " ".join((deed.__doc__ or "").split())
        touched = frozenset(touches.split() or [host])
        return LabFault(name, does, deed, host, frozenset(roots), touched, pool, patience)

    return made
