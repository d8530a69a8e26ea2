"""RTM_NEWNEIGH messages -> who of some neighbours gives signs of life (include/uapi/linux/neighbour.h)."""

from collections.abc import Collection, Iterable
from itertools import compress
from typing import NamedTuple

from calico_agent.sources.kernel.decode.neighbor_table import neighbour_entries
from calico_agent.sources.kernel.uapi import (
    NDA_DST,
    NTF_ROUTER,
    NUD_DELAY,
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
)

_USER_HZ = 100
_KNOWN = NUD_REACHABLE | NUD_STALE | NUD_DELAY
_BY_HAND = NUD_NOARP | NUD_PERMANENT

NeighbourKey = tuple[int, bytes]
"""Link and packed address."""


class NeighborState(NamedTuple):
    """State and flags of a neighbour entry."""

    state: int
    flags: int

    @property
    def failed(self) -> bool:
        """Whether the neighbour did not answer."""
        return self.state == NUD_FAILED

    @property
    def awaited(self) -> bool:
        """Whether it was asked and may still answer."""
        return bool(self.state & (NUD_INCOMPLETE | NUD_PROBE))

    @property
    def sent_to(self) -> bool:
        """Whether packets are sent to it, be it in doubt or not."""
        return bool(self.state & (_KNOWN | NUD_PROBE))

    @property
    def learned(self) -> bool:
        """Whether the kernel keeps the entry itself: nobody wrote it in, and no program manages it."""
        return not self.flags & ~NTF_ROUTER and not self.state & _BY_HAND


class NeighborLiveness(NamedTuple):
    """What the kernel knows of some neighbours. Who has just proved to be there is in none of the three.

    `absent` have no entry. The kernel believes in those that are `silent`, by a proof of this age (1/100 s). `others`
    did not answer, are being asked or looked for, or their entries are kept by somebody else.
    """

    absent: set[NeighbourKey]
    silent: list[tuple[int, NeighbourKey]]
    others: dict[NeighbourKey, NeighborState]


def decode_lives(
    datagrams: Iterable[bytes], wanted: Collection[NeighbourKey], fresh_seconds: float
) -> NeighborLiveness:
    """The lives of the wanted, out of one dump. Raises Malformed, Interrupted and Refused.

    A proof that is younger than `fresh_seconds` has just been given.
    """
    lives = NeighborLiveness(set(wanted), [], {})
    for entries in neighbour_entries(datagrams):
        ages, destinations = entries.ages(), [*entries.values(NDA_DST)]
        lives.absent.difference_update(zip(entries.indexes, destinations, strict=True))
        rows = zip(entries.indexes, destinations, entries.states, entries.flags, ages, strict=True)
        for index, destination, state, flags, age in compress(rows, map(round(fresh_seconds * _USER_HZ).__le__, ages)):
            key = (index, destination)
            if key not in wanted:
                continue
            if state & _KNOWN and not flags & ~NTF_ROUTER:
                lives.silent.append((age, key))
            else:
                lives.others[key] = NeighborState(state, flags)
    return lives
