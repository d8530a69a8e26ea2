"""RTM_NEWNEIGH messages by columns: entries of one layout are taken apart together.

A host may have an entry for every node. A loop over them in Python, with a walk along the attributes of each, would be
the most expensive part of a pass. Layouts are those of include/uapi/linux/neighbour.h.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from struct import calcsize
from typing import Any, NamedTuple

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import Run, dump_runs, places
from calico_agent.sources.kernel.uapi import NDA_CACHEINFO, NLATTR, NLMSGHDR, RTM_NEWNEIGH

_NEIGHBOUR = "BxxxiHBx"  # struct ndmsg: family, link, state, flags, type
_NEIGHBOUR_SIZE = 12
_CACHE_SIZE = 16  # struct nda_cacheinfo: confirmed, used, updated (ages in USER_HZ), references


class Entries(NamedTuple):
    """Entries that have the same attributes at the same places. `layout` says where the values of a message stand."""

    run: Run
    layout: Mapping[int, slice]
    families: Sequence[int]
    indexes: Sequence[int]
    states: Sequence[int]
    flags: Sequence[int]

    def values(self, kind: int) -> Iterable[bytes]:
        """An attribute of all of them, empty where they do not have it."""
        if kind not in self.layout:
            return repeat(b"", self.run.messages)
        place = self.layout[kind]
        return _column(self.run, place.start, f"{place.stop - place.start}s")

    def ages(self) -> Sequence[int]:
        """How old the last proof of life of each is, in hundredths of a second."""
        place = self.layout.get(NDA_CACHEINFO)
        if place is None or place.stop - place.start < _CACHE_SIZE:
            raise Malformed("a neighbour entry without its ages")
        return _column(self.run, place.start, "I")


def neighbour_entries(datagrams: Iterable[bytes]) -> Iterator[Entries]:
    """All entries of one dump. Raises Malformed, Interrupted and Refused."""
    for run in dump_runs(datagrams, RTM_NEWNEIGH):
        yield from _of_one_layout(run)


def _of_one_layout(run: Run) -> Iterator[Entries]:
    first = run.data[: run.length]
    start = NLMSGHDR.size + _NEIGHBOUR_SIZE
    if len(first) < start:
        raise Malformed("a neighbour entry is cut short")
    found = [*places(first, start)]
    if run.alike(byte for _, place in found for byte in range(place.start - NLATTR.size, place.start)):
        heads = _column(run, NLMSGHDR.size, _NEIGHBOUR)
        layout = dict(reversed(found))  # of several of one type the first counts
        yield Entries(run, layout, heads[::4], heads[1::4], heads[2::4], heads[3::4])
    else:
        for begin in range(0, len(run.data), run.length):
            yield from _of_one_layout(Run(run.data[begin : begin + run.length], run.length))


def _column(run: Run, start: int, code: str) -> tuple[Any, ...]:
    """The same part of every message, one after the other; `code` is struct's."""
    rest = run.length - start - calcsize(f"={code}")
    return run.unpack("=", f"{start}x{code}{rest}x")
