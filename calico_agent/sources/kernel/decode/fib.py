"""RTM_GETROUTE dumps -> Fib.

A table of 50,000 routes must decode in less than the time that `ip route show` takes to print it. It can, because the
messages of routes that differ in their destination only are equal in all other bytes: such a message is taken apart
once (`decode_route`), and the path it leads over is found again by those other bytes, also in the next dump. Nothing is
done in Python for each route: whole columns of destinations and paths go from one built-in function to the next.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from calico_agent.model.network.address import Family
from calico_agent.model.network.fib import Fib, in_order
from calico_agent.model.network.route import TABLE_MAIN, RouteAttributes
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.next_hops import NextHopObjects
from calico_agent.sources.kernel.decode.route import ADDRESS_SIZE, RouteContext, decode_route
from calico_agent.sources.kernel.decode.rtnetlink import Run, dump_runs
from calico_agent.sources.kernel.uapi import NLATTR, NLMSGHDR, RTA_DST, RTA_TABLE, RTM_NEWROUTE, RTMSG

# The kernel puts the table first and the destination second: so far a message goes up to the destination's own bytes,
# and so the two attribute headers before them read.
_HEAD = RTMSG.size + 8 + 4
_TABLE_HEADER = NLATTR.pack(8, RTA_TABLE)
_DST_HEADER = {family: NLATTR.pack(4 + size, RTA_DST) for family, size in ADDRESS_SIZE.items()}

_Paths = tuple[RouteAttributes, ...]
_Bucket = dict[int, _Paths]
_Known = dict[bytes, dict[bytes, _Paths]]


class _Table(NamedTuple):
    """One family's dump and what it was decoded to.

    `runs` are kept whole, 60 bytes a route: to compare them with the next dump costs a twentieth of hashing it. `known`
    are the paths by what stands before a message's destination, then by what stands behind it; `buckets` the paths by
    prefix length, then by network address.
    """

    runs: list[Run]
    known: _Known
    buckets: dict[int, _Bucket]


@dataclass(slots=True)
class Learned:
    """What one dump teaches about the next, while links and next hop objects are the same."""

    setting: RouteContext | None = None
    tables: Mapping[Family, _Table] = field(default_factory=dict)


def decode_routes(
    dumps: Mapping[Family, Iterable[bytes]],
    link_names: Mapping[int, str],
    *,
    table: int = TABLE_MAIN,
    objects: NextHopObjects | None = None,
    learned: Learned | None = None,
) -> Fib:
    """The routes of one table out of one RTM_GETROUTE dump per family, each read up to its end and not beyond.

    `link_names` are the links by index, `objects` the next hop objects by id (`decode_next_hops`). `learned` is what
    the dump before gave, and is replaced by what this one gives: with it most messages are known already, and a family
    whose dump is the same, byte for byte, is not decoded again.
    Raises Malformed, Interrupted, and Refused when the kernel gave up.
    """
    setting, learned = RouteContext(table, link_names, objects or {}), learned or Learned()
    before = learned.tables if learned.setting == setting else {}
    tables = {family: _decode(family, dump, setting, before.get(family)) for family, dump in dumps.items()}
    learned.setting, learned.tables = setting, tables
    return Fib({family: found.buckets for family, found in tables.items() if found.buckets})


def _decode(family: Family, datagrams: Iterable[bytes], setting: RouteContext, before: _Table | None) -> _Table:
    runs = [*dump_runs(datagrams, RTM_NEWROUTE, alike=NLMSGHDR.size + _HEAD)]
    if before is not None and runs == before.runs:
        return before
    dump = _Dump(family, setting, before.known if before is not None else {})
    for run in runs:
        dump.add(run)
    return _Table(runs, dump.paths, {length: _bucket(*columns) for length, columns in dump.columns.items()})


@dataclass(slots=True)
class _Dump:
    """One family's dump on its way into buckets: for each prefix length the networks, and beside them the paths."""

    family: Family
    setting: RouteContext
    known: _Known
    paths: _Known = field(default_factory=dict)
    columns: dict[int, tuple[list[int], list[_Paths]]] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        """All routes of a run."""
        head = run.data[NLMSGHDR.size : NLMSGHDR.size + _HEAD]
        if (head[-12:-8], head[-4:]) == (_TABLE_HEADER, _DST_HEADER[self.family]):
            self._add_run(run, head)
            return
        for body in run.bodies():
            found = decode_route(body, self.family, self.setting)
            if found is not None:
                length, network, path = found
                self._put(length, (network,), ((path,),))

    def _add_run(self, run: Run, head: bytes) -> None:
        length, size = head[1], ADDRESS_SIZE[self.family]
        # Head decides whether a route is left out, and the first message with this head whether the length can be.
        if head not in self.paths and decode_route(next(run.bodies()), self.family, self.setting) is None:
            return
        if run.length < NLMSGHDR.size + _HEAD + size:
            raise Malformed("the destination of a route is cut short")
        _check_ends(run, length, size)
        networks, tails = self._split(run)
        self._put(length, networks, self._paths(head, tails))

    def _split(self, run: Run) -> tuple[Iterable[int], tuple[bytes, ...]]:
        """The destinations, and what stands behind each."""
        before, size = NLMSGHDR.size + _HEAD, ADDRESS_SIZE[self.family]
        rest = run.length - before - size
        if self.family is Family.IPV4:
            columns = run.unpack(">", f"{before}xI{rest}s")
            return columns[::2], columns[1::2]
        columns = run.unpack(">", f"{before}xQQ{rest}s")
        return (high << 64 | low for high, low in zip(columns[::3], columns[1::3], strict=True)), columns[2::3]

    def _paths(self, head: bytes, tails: tuple[bytes, ...]) -> list[_Paths]:
        here = self.paths.setdefault(head, {})
        with suppress(KeyError):  # mostly none of them is new
            return [*map(here.__getitem__, tails)]
        known = self.known.get(head, {})
        for tail in set(tails) - here.keys():
            here[tail] = known.get(tail) or self._learn(head, tail)
        return [*map(here.__getitem__, tails)]

    def _learn(self, head: bytes, tail: bytes) -> _Paths:
        route = decode_route(head + bytes(ADDRESS_SIZE[self.family]) + tail, self.family, self.setting)
        return (route[2],) if route else ()

    def _put(self, length: int, networks: Iterable[int], paths: Iterable[_Paths]) -> None:
        column = self.columns.setdefault(length, ([], []))
        column[0].extend(networks)
        column[1].extend(paths)


def _bucket(networks: list[int], paths: list[_Paths]) -> _Bucket:
    """The paths by network address, both in the order in which they came."""
    bucket = dict(zip(networks, paths, strict=True))
    if len(bucket) < len(networks):  # of several routes for one prefix the last has taken the place
        bucket = {}
        for network, here in zip(networks, paths, strict=True):
            if bucket.setdefault(network, here) is not here:
                bucket[network] = in_order(bucket[network] + here)
    return bucket


def _check_ends(run: Run, length: int, size: int) -> None:
    """Raises Malformed when a destination has bits beyond its prefix."""
    for byte in range(length // 8, size):
        # A byte of which only the first n bits are the prefix's may have the multiples of 2 ** (8 - n) as its values.
        clear = bytes(range(0, 256, 1 << min(8, 8 * byte + 8 - length)))
        if run.data[NLMSGHDR.size + _HEAD + byte :: run.length].translate(None, clear):
            raise Malformed(f"a route to a /{length} with a destination that is longer")
