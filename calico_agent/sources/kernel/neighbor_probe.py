"""Has the kernel ask silent neighbours whether they are still there, so that a dead host is known within ten seconds.

BIRD notices after three minutes that a peer is gone, and the kernel only when it has packets for it: an entry that was
once confirmed is believed for up to 45 s, and longer while nothing is sent. So the entry of each node's address without
a recent proof of life is set to NUD_PROBE: the kernel then sends what it would send anyway, up to three unicast ARP
requests (neighbour solicitations) a second apart, while packets flow on as before. Without an answer the entry becomes
FAILED, with one REACHABLE. A neighbour that traffic has just confirmed is not asked.

Each look at the table finds those that are silent since before the look before: they are asked, all in a few datagrams.
So a neighbour is asked every six seconds. Mostly all have answered by the next look; when some have not, there is one
more at the moment when the kernel gives them up. So a host that dies is known 2.9 + 2.8 + 3.1 s later at the latest,
and in between the thread sleeps.

A host that does not answer is asked again every half minute only, as that is a broadcast. When it comes back, its own
requests for this host's address tell the kernel so.

It needs CAP_NET_ADMIN; without it nothing is asked, and the table is as good as the traffic makes it. Entries that
somebody wrote in (PERMANENT), or that another program manages, are never touched. Nor is a route, ever.
"""

import errno
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from heapq import nlargest
from select import select
from typing import NamedTuple

from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.neighbor_liveness import NeighborLiveness, NeighbourKey, decode_lives
from calico_agent.sources.kernel.decode.rtnetlink import acknowledge
from calico_agent.sources.kernel.near import Near, on_link
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, attribute
from calico_agent.sources.kernel.uapi import (
    NDA_DST,
    NDMSG,
    NLM_F_CREATE,
    NTF_USE,
    NUD_NONE,
    NUD_PROBE,
    RTM_GETNEIGH,
    RTM_NEWNEIGH,
)
from calico_agent.worker import Worker

_ADDRESS_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6

_TICK = 2.8  # seconds
_PROOF_LASTS = 2.9  # a little longer: who answered after the last look is left alone
_ANSWER_TAKES = 3.1  # three requests, one second apart (ucast_solicit, retrans_time), and the end of the last one
_ASK_THE_DEAD = 30.0
_ASKED_A_SECOND = 256  # with up to 1,400 nodes on the host's own networks each gets its turn in time
_RESOLVED_A_SECOND = 64  # these are broadcasts
_DENIED = frozenset({errno.EPERM, errno.EACCES})


class _Target(NamedTuple):
    """A neighbour, and the two things that the kernel may be told of it: to ask it, and to look for it."""

    address: IPAddress
    ask: bytes
    resolve: bytes


class NeighbourProbe(Worker):
    """A thread that keeps the neighbour entries of the other nodes fresh.

    `wake` is called from it when a neighbour died or came back. It works in the network namespace of the thread that
    calls `start`.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        super().__init__("probe")
        self._wake = wake
        self._followed: tuple[Near, ...] = ()
        self._wanted: Mapping[NeighbourKey, _Target] = {}
        self._dead: set[NeighbourKey] = set()
        self._resting: dict[NeighbourKey, float] = {}  # the dead, and until when (monotonic) they are not asked again
        self._asked: set[NeighbourKey] = set()  # at the last look
        self._last_look = float("-inf")
        self._end, self._our_end = socket.socketpair()  # the thread waits on one; a byte wakes it, closing ends it
        self._our_end.setblocking(False)

    def stop(self) -> None:
        """End the thread, at once whatever it waits for."""
        super().stop()
        self._end.close()

    def interrupt(self) -> None:
        """Close the end that the thread does not wait on."""
        self._our_end.close()

    def follow(self, addresses: tuple[IPAddress, ...], kernel: Kernel) -> None:
        """From now on look after those of the addresses that are on a network of this host. Called at each pass."""
        near = on_link(addresses, kernel)
        if near != self._followed:
            self._followed = near
            self._wanted = {(link, address.packed): _target(address, link) for address, link in near}  # as a whole
            with suppress(BlockingIOError):
                self._our_end.send(b"!")

    def work(self) -> None:
        """Look after the neighbours that are followed."""
        pause: float | None = 0.0
        while not self._ends_within(pause):
            try:
                pause = self._tick(time.monotonic())
            except (Interrupted, Malformed):
                pause = _TICK
            except (OSError, KernelRefusal) as error:
                if error.errno in _DENIED:
                    return
                pause = _TICK  # a link that went away, or no memory: then the world is another one

    def _ends_within(self, seconds: float | None) -> bool:
        """Waits so long, or for ever, and no longer than until there is something to do."""
        ready = select([self._end], [], [], seconds)[0]
        return bool(ready) and not self._end.recv(4096)

    def _tick(self, now: float) -> float | None:
        """Look at all of them once. Returns the seconds until the next time, None when there is nobody to look at."""
        wanted = self._wanted
        if not wanted:
            return None
        with NetlinkSocket() as netlink:
            table = netlink.dump(RTM_GETNEIGH, NDMSG.pack(0, 0, 0, 0, 0))
            lives = decode_lives(table, wanted, _PROOF_LASTS)
            self._tell_of_the_dead(wanted, lives)
            since, verdict, self._last_look = min(now - self._last_look, _TICK), self._last_look + _ANSWER_TAKES, now
            waiting = any(entry.awaited and key in self._asked for key, entry in lives.others.items())
            most = round(since * _ASKED_A_SECOND)
            silent = nlargest(most, lives.silent) if len(lives.silent) > most else lives.silent
            lost = self._lost(lives, now)[: round(since * _RESOLVED_A_SECOND)]
            self._asked = {key for _, key in silent}.union(lost)
            self._resting |= dict.fromkeys(lost, now + _ASK_THE_DEAD)
            _tell(netlink, 0, [wanted[key].ask for _, key in silent])
            _tell(netlink, NLM_F_CREATE, [wanted[key].resolve for key in lost])
        if waiting and verdict > now:
            return verdict - now
        kept_by_others = [key for key, entry in lives.others.items() if not entry.learned]
        return _ASK_THE_DEAD if len(kept_by_others) == len(wanted) else _TICK

    def _tell_of_the_dead(self, wanted: Mapping[NeighbourKey, _Target], lives: NeighborLiveness) -> None:
        """Wake when one died or came back. While it is looked for, and without an entry, it is what it was before."""
        before = self._dead & wanted.keys()
        dead = {key for key, entry in lives.others.items() if entry.failed or (key in before and not entry.sent_to)}
        self._dead = dead | (before & lives.absent)
        for key in before ^ self._dead:
            self._wake(f"neighbour {wanted[key].address} {'does not answer' if key in self._dead else 'answers again'}")

    def _lost(self, lives: NeighborLiveness, now: float) -> list[NeighbourKey]:
        """Those to look for: who has no entry at once, who did not answer after a while.

        Beyond 128 entries the kernel forgets by itself those that failed.
        """
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        failed = (key for key, entry in lives.others.items() if entry.failed)
        return [*lives.absent, *(key for key in failed if key not in self._resting)]


def _tell(netlink: NetlinkSocket, flags: int, requests: list[bytes]) -> None:
    for refusal in netlink.send(RTM_NEWNEIGH, flags, requests):
        try:
            acknowledge(refusal)
        except KernelRefusal as refused:
            if refused.errno in _DENIED:
                raise
            # An entry that has failed or gone since the look: the next one sees it.


def _target(address: IPAddress, link: int) -> _Target:
    family, destination = _ADDRESS_FAMILY[address.version], attribute(NDA_DST, address.packed)
    ask = NDMSG.pack(family, link, NUD_PROBE, 0, 0) + destination
    return _Target(address, ask, NDMSG.pack(family, link, NUD_NONE, NTF_USE, 0) + destination)
