"""One rtnetlink socket, for dumps and single questions, and what to do when it fails.

The kernel writes a dump into datagrams as large as the reader's buffer, up to 32 KiB, and goes on when one is taken: a
slow reader slows the dump down and loses nothing. What can go wrong is tried again for two seconds: a table that
changed meanwhile, no memory for the answer, an answer that did not come.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Self, TypeVar

from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.uapi import NLATTR, NLM_F_DUMP, NLM_F_REQUEST, NLMSGHDR

T = TypeVar("T")

_BUFFER = 64 * 1024
_ANSWER_SECONDS = 1.0
_AT_ONCE = 100  # changes: were all refused, the refusals would just fit into the socket
_ALL_TRIES_SECONDS = 2.0
_FIRST_WAIT, _LONGEST_WAIT = 0.02, 0.5
_TRANSIENT = {errno.ENOBUFS, errno.ENOMEM, errno.EBUSY, errno.EINTR}
_DENIED = {errno.EPERM, errno.EACCES}
_PID_BITS = 22  # PID_MAX_LIMIT; ports are by custom a process's id below a number of its own choice


class NetlinkSocket:
    """A socket of one netlink protocol, to be used in a `with`. After an error it may hold old answers: make a new one.

    The kernel writes the socket's port into every message. `number` (1 to 1023) asks for a port of its own, so that two
    dumps of the same table are the same bytes; as long as somebody else has that port, it gets any.
    """

    def __init__(self, number: int = 0, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        if number:
            with suppress(OSError):
                self._socket.bind((number << _PID_BITS | os.getpid(), 0))
        self._buffer = bytearray(_BUFFER)
        self._sequence = 0
        self._socket.settimeout(_ANSWER_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> Iterator[bytes]:
        """The datagrams of one dump. They do not end by themselves: take them until one says that it is the last."""
        self._send(kind, NLM_F_REQUEST | NLM_F_DUMP, body)
        while True:
            yield self._receive()

    def request(self, kind: int, body: bytes) -> bytes:
        """The datagram that answers one question."""
        self._send(kind, NLM_F_REQUEST, body)
        return self._receive()

    def send(self, kind: int, flags: int, bodies: Sequence[bytes]) -> list[bytes]:
        """Changes, many in one datagram. Only refusals come back: of what it does the kernel says nothing."""
        refusals: list[bytes] = []
        for start in range(0, len(bodies), _AT_ONCE):
            self._send(kind, NLM_F_REQUEST | flags, *bodies[start : start + _AT_ONCE])
            # When the call has returned, the kernel is done with them: there is nothing to wait for.
            self._socket.settimeout(0)
            with suppress(BlockingIOError):
                while True:
                    refusals.append(self._receive())
            self._socket.settimeout(_ANSWER_SECONDS)
        return refusals

    def _send(self, kind: int, flags: int, *bodies: bytes) -> None:
        self._sequence += 1
        lengths = set(map(len, bodies))
        heads = {length: NLMSGHDR.pack(NLMSGHDR.size + length, kind, flags, self._sequence, 0) for length in lengths}
        self._socket.sendto(b"".join(heads[len(body)] + body for body in bodies), (0, 0))

    def _receive(self) -> bytes:
        size, _, flags, (sender, _) = self._socket.recvmsg_into([self._buffer])
        if flags & socket.MSG_TRUNC:
            raise Malformed(f"a netlink datagram of more than {_BUFFER} bytes")
        datagram = bytes(memoryview(self._buffer)[:size])
        if sender or size < NLMSGHDR.size or NLMSGHDR.unpack_from(datagram)[3] != self._sequence:
            raise Malformed("a netlink datagram that does not answer what was asked")
        return datagram


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return NLATTR.pack(NLATTR.size + len(value), kind) + value + bytes(-len(value) % 4)


def retry_transient(read: Callable[[], T]) -> T | Unreadable:
    """What `read` gives, tried again with growing waits while the kernel has no consistent answer."""
    wait, deadline = _FIRST_WAIT, time.monotonic() + _ALL_TRIES_SECONDS
    while True:
        try:
            return read()
        except Malformed as error:
            return Unreadable("kernel", f"netlink sent something unexpected: {error.what}.", "malformed")
        except (Interrupted, TimeoutError) as error:
            failure = Unreadable("kernel", f"no consistent answer for {_ALL_TRIES_SECONDS:g} s: {error}.", "busy")
        except (KernelRefusal, OSError) as error:
            failure = _failure(error.errno or 0)
            if error.errno not in _TRANSIENT:
                return failure
        if time.monotonic() + wait > deadline:
            return failure
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _failure(number: int) -> Unreadable:
    code = "denied" if number in _DENIED else "busy" if number in _TRANSIENT else "refused"
    return Unreadable("kernel", f"netlink failed: {os.strerror(number)} (error {number}).", code)
