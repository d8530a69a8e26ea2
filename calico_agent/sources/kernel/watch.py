"""Wakes the agent when links, addresses, routes, policy rules or sysctls of links of this host change.

A notification is a reason to look again, never data: most are thrown away unread. So a burst costs next to nothing,
and one that overruns the socket's buffer (ENOBUFS) is simply one more reason. pyroute2 takes 62 us for each
notification and is of no use after an overrun.

Neighbours change all the time. Only those wake that somebody wrote in, as Felix writes what is behind a tunnel.
"""

import errno
import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from struct import Struct

from calico_agent.sources.kernel.uapi import NLMSGHDR, NUD_PERMANENT, SO_RCVBUFFORCE
from calico_agent.worker import Worker

# RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE, _IPV4_NETCONF,
# _IPV6_NETCONF
_GROUPS = (1, 3, 5, 7, 8, 9, 11, 19, 24, 25)
_SUBJECTS = {  # by RTM_NEW…; RTM_DEL… is one more
    16: "link",
    20: "address",
    24: "route",
    28: "neighbour",
    32: "rule",
    80: "sysctl",
}
_NEIGHBOUR = Struct("=BxxxiH")  # the begin of struct ndmsg: family, link, state
_RECEIVE_BUFFER = 4 * 1024 * 1024
_MOST_AT_ONCE = 50_000  # notifications that are thrown away before the next wake, so that a flood cannot hold us
_QUIET = 0.05  # seconds between two wakes
_HEARTBEAT = 5.0
_REOPEN = 1.0


class NetlinkWatch(Worker):
    """A thread that waits for notifications in the network namespace of the thread that calls `start`.

    `wake` is called from that thread, at most twenty times a second, and once when the watch begins.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        super().__init__("watch-netlink")
        self._wake = wake
        self._end, self._our_end = socket.socketpair()  # the thread polls one; closing the other ends it

    def stop(self) -> None:
        """End the thread, at once whatever it waits for."""
        super().stop()
        self._end.close()

    def interrupt(self) -> None:
        """Close the end that the thread does not poll."""
        self._our_end.close()

    def work(self) -> None:
        """Follow the notifications; subscribe anew after an error."""
        trouble = ""
        while not self._ends_within(_REOPEN if trouble else 0):
            try:
                with _subscribe() as notifications:
                    trouble = ""
                    self._wake("netlink: watching")
                    self._follow(notifications)
            except OSError as error:
                before, trouble = trouble, f"netlink: {os.strerror(error.errno or 0)}"
                if trouble != before:
                    self._wake(trouble)

    def _follow(self, notifications: socket.socket) -> None:
        poll = select.poll()
        poll.register(notifications, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while True:
            ready = dict(poll.poll(_HEARTBEAT * 1000))
            self.beat()
            if self._end.fileno() in ready:
                return
            if ready and (news := _take(notifications)):
                self._wake(f"netlink: {news}")
                if self._ends_within(_QUIET):
                    return

    def _ends_within(self, seconds: float) -> bool:
        self.beat()
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


def _subscribe() -> socket.socket:
    notifications = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    )
    try:
        notifications.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        with suppress(PermissionError):
            notifications.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        notifications.bind((0, sum(1 << (group - 1) for group in _GROUPS)))
    except OSError:
        notifications.close()
        raise
    return notifications


def _take(notifications: socket.socket) -> str:
    """Throws away what has come, and says what the first of it that matters was about; empty when nothing does."""
    subject = ""
    buffer = bytearray(NLMSGHDR.size + _NEIGHBOUR.size)  # the rest of a datagram is dropped with it
    for _ in range(_MOST_AT_ONCE):
        try:
            size = notifications.recv_into(buffer)
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return "overrun"
        if not subject and size >= NLMSGHDR.size:
            subject = _subject(buffer)
    return f"{subject} changed" if subject else ""


def _subject(message: bytearray) -> str:
    kind = NLMSGHDR.unpack_from(message)[1]
    subject = _SUBJECTS.get(kind & ~1, "something")
    if subject == "neighbour" and not _NEIGHBOUR.unpack_from(message, NLMSGHDR.size)[2] & NUD_PERMANENT:
        return ""
    return subject
