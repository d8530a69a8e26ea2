"""RTM_NEWNEIGH messages -> who of some neighbours gives signs of life (include/uapi/linux/neighbour.h)."""

from collections.abc import Collection, Iterable
from itertools import compress
from typing import NamedTuple

from calico_agent.sources.kernel.decode.neighbor_table import DST, neighbour_entries

_USER_HZ = 100
_PLAIN_FLAGS = 0x80  # NTF_ROUTER, which says nothing about who keeps the entry
_BELIEVED = 0x02 | 0x04 | 0x08  # NUD_REACHABLE, NUD_STALE, NUD_DELAY
_INCOMPLETE, _PROBE = 0x01, 0x10
_FAILED = 0x20
_WRITTEN_IN = 0x40 | 0x80  # NUD_NOARP, NUD_PERMANENT

NeighbourKey = tuple[int, bytes]
"""Link and packed address."""


class NeighborState(NamedTuple):
    """State and flags of a neighbour entry."""

    state: int
    flags: int

    @property
    def failed(self) -> bool:
        """Whether the neighbour did not answer."""
        return self.state == _FAILED

    @property
    def awaited(self) -> bool:
        """Whether it was asked and may still answer."""
        return bool(self.state & (_INCOMPLETE | _PROBE))

    @property
    def sent_to(self) -> bool:
        """Whether packets are sent to it, be it in doubt or not."""
        return bool(self.state & (_BELIEVED | _PROBE))

    @property
    def learned(self) -> bool:
        """Whether the kernel keeps the entry itself: nobody wrote it in, and no program manages it."""
        return not self.flags & ~_PLAIN_FLAGS and not self.state & _WRITTEN_IN


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
        ages, destinations = entries.ages(), [*entries.values(DST)]
        lives.absent.difference_update(zip(entries.indexes, destinations, strict=True))
        rows = zip(entries.indexes, destinations, entries.states, entries.flags, ages, strict=True)
        for index, destination, state, flags, age in compress(rows, map(round(fresh_seconds * _USER_HZ).__le__, ages)):
            key = (index, destination)
            if key not in wanted:
                continue
            if state & _BELIEVED and not flags & ~_PLAIN_FLAGS:
                lives.silent.append((age, key))
            else:
                lives.others[key] = NeighborState(state, flags)
    return lives
