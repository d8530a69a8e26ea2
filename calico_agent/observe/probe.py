"""Has the kernel ask silent neighbours whether they are still there, so that a dead host is known within ten seconds.

BIRD notices after three minutes that a peer is gone, and the kernel only when it has packets for it: an entry that was
once confirmed is believed for up to 45 s, and longer while nothing is sent. So the entry of each node's address without
proof of life for five seconds is set to NUD_PROBE: the kernel then sends what it would send anyway, up to three unicast
ARP requests (neighbour solicitations) a second apart, while packets flow on as before. Without an answer the entry
becomes FAILED, with one REACHABLE. A neighbour that traffic has just confirmed is not asked.

A host that does not answer is asked again every half minute only, as that is a broadcast. When it comes back, its own
requests for this host's address tell the kernel so.

It needs CAP_NET_ADMIN; without it nothing is asked, and the table is as good as the traffic makes it. Entries that
somebody wrote in (PERMANENT), or that another program manages, are never touched. Nor is a route, ever.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from operator import attrgetter
from select import select
from struct import Struct

from calico_agent.decode.errors import Malformed, Refused
from calico_agent.decode.neighbours import Liveness, decode_liveness
from calico_agent.decode.rtnetlink import acknowledge
from calico_agent.model.address import Family, IPAddress, Link
from calico_agent.observe.netlink import RouteSocket, attribute

_NEW_NEIGHBOUR, _GET_NEIGHBOUR = 28, 30  # RTM_
_NEIGHBOUR = Struct("=BxxxiHBB")  # struct ndmsg: family, link, state, flags, type
_NDA_DST = 1
_NUD_NONE, _NUD_PROBE = 0x00, 0x10
_NTF_USE = 0x01  # resolve it as if a packet were to be sent
_CREATE = 0x400  # NLM_F_CREATE
_ADDRESS_FAMILY = {Family.IPV4: 2, Family.IPV6: 10}

_PROOF_LASTS = 5.0  # seconds; while it does, a neighbour is left alone
_ANSWER_TAKES = 3.0  # three requests, one second apart (ucast_solicit, retrans_time)
_ASK_THE_DEAD = 30.0
_TICK = 0.5
_MOST_AT_ONCE = 32  # of a tick: 64 neighbours a second, whatever the size of the cluster
_ALIVE = frozenset({"REACHABLE", "STALE", "DELAY", "PROBE"})
_BEING_ASKED = frozenset({"PROBE", "INCOMPLETE"})
_DENIED = frozenset({errno.EPERM, errno.EACCES})


@dataclass(slots=True)
class _Target:
    """One neighbour. Times are monotonic: `due` for the next look, `resolve_at` for the next broadcast."""

    address: IPAddress
    link: int
    due: float
    resolve_at: float = 0.0
    dead: bool = False


class NeighbourProbe:
    """A thread that keeps the neighbour entries of the other nodes fresh.

    `wake` is called from it when a neighbour died or came back. It works in the network namespace of the thread that
    calls `start`.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._targets: dict[IPAddress, _Target] = {}
        self._wanted: dict[IPAddress, int] = {}
        self._taken = self._wanted
        self._followed: tuple[tuple[IPAddress, ...], tuple[Link, ...]] = ((), ())
        self._end, self._our_end = socket.socketpair()  # the thread waits on one; closing the other ends it
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, at once whatever it waits for."""
        self._our_end.close()
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0)
        self._end.close()

    def follow(self, addresses: tuple[IPAddress, ...], links: tuple[Link, ...]) -> None:
        """From now on look after those of the addresses that are on a network of this host. Called at each pass."""
        if (addresses, links) != self._followed:
            self._followed = (addresses, links)
            self._wanted = dict(on_link(addresses, links))  # replaced as a whole: the thread takes it when it comes by

    def _run(self) -> None:
        while not select([self._end], [], [], _TICK)[0]:
            try:
                self._tick(time.monotonic())
            except (OSError, Refused) as error:
                if error.errno in _DENIED:
                    return
                # A link that went away, or no memory: the next tick sees the world as it is then.
            except Malformed:
                return  # this kernel answers otherwise: before Linux 5.0 it cannot be asked about one neighbour

    def _tick(self, now: float) -> None:
        if self._wanted is not self._taken:
            known, self._taken = self._targets, self._wanted
            self._targets = {
                address: found if (found := known.get(address)) and found.link == link else _Target(address, link, now)
                for address, link in self._taken.items()
            }
        due = [target for target in self._targets.values() if target.due <= now]
        with RouteSocket() as netlink:
            for target in nsmallest(_MOST_AT_ONCE, due, key=attrgetter("due")):
                self._visit(netlink, target, now)

    def _visit(self, netlink: RouteSocket, target: _Target, now: float) -> None:
        seen = _liveness(netlink, target)
        if seen is not None and target.dead is not (dead := _dead(seen, target.dead)):
            target.dead = dead
            self._wake(f"neighbour {target.address} {'does not answer' if dead else 'answers again'}")
        target.due = now + _ANSWER_TAKES
        if seen is None or seen.state == "FAILED":
            # Beyond 128 entries the kernel forgets those that failed after a while: then it is asked at once.
            if seen is None or target.resolve_at <= now:
                target.resolve_at = now + _ASK_THE_DEAD
                _tell(netlink, _CREATE, _request(target, _NUD_NONE, _NTF_USE))
        elif not seen.learned:
            target.due = now + _ASK_THE_DEAD
        elif seen.state in _BEING_ASKED:
            target.due = now + _TICK
        elif seen.silent_seconds >= _PROOF_LASTS:
            _tell(netlink, 0, _request(target, _NUD_PROBE))
        else:
            target.due = now + _PROOF_LASTS - seen.silent_seconds


def _dead(seen: Liveness, before: bool) -> bool:
    """Whether a neighbour is dead; one that is being resolved is what it was before."""
    return seen.state == "FAILED" or (before and seen.state not in _ALIVE)


def on_link(addresses: Iterable[IPAddress], links: Iterable[Link]) -> Iterator[tuple[IPAddress, int]]:
    """Each address that is on a network of this host, without being its own, with the link's index."""
    held = [(one, link.index) for link in links if link.up and not link.loopback for one in link.addresses]
    own = {one.address for one, _ in held}
    for address in addresses:
        near = [
            (one.network.prefixlen, index)
            for one, index in held
            if address in one.network and one.network.num_addresses > 1
        ]
        if near and address not in own:
            yield address, max(near)[1]


def _liveness(netlink: RouteSocket, target: _Target) -> Liveness | None:
    """What the kernel knows about a neighbour, None without an entry."""
    try:
        return decode_liveness(netlink.ask(_GET_NEIGHBOUR, _request(target, _NUD_NONE)))
    except Refused as refused:
        if refused.errno != errno.ENOENT:
            raise
        return None


def _tell(netlink: RouteSocket, flags: int, request: bytes) -> None:
    acknowledge(netlink.tell(_NEW_NEIGHBOUR, flags, request))


def _request(target: _Target, state: int, flags: int = 0) -> bytes:
    family = _ADDRESS_FAMILY[Family(target.address.version)]
    return _NEIGHBOUR.pack(family, target.link, state, flags, 0) + attribute(_NDA_DST, target.address.packed)
