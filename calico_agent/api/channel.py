"""One connection of waitress: from when on its client is waited for, and with TLS.

waitress has no TLS. Its channel reads and writes by `recv` and `send` of a socket that does not block; here that is
OpenSSL's. So a handshake is one more thing that a client may be slow with: it takes a connection and no worker, under
the same deadline. Records are read whole, since poll knows nothing of what OpenSSL has read and not handed out.
"""

import os
import ssl
import threading
import time
from contextlib import suppress
from socket import SHUT_WR, socket
from typing import Any

from waitress.channel import HTTPChannel

from calico_agent.api.access import Access

# What one record holds at the most (RFC 8446, 5.1).
LARGEST_RECORD = 1 << 14

_NO_TLS = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: ask by https.\n"
_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TimedChannel(HTTPChannel):
    """`since`: from when on the client is waited for (monotonic)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - waitress' own
        self.since = time.monotonic()
        super().__init__(*arguments, **options)

    def received(self, data: bytes) -> bool:
        before = len(self.requests)
        taken = super().received(data)
        if len(self.requests) > before:
            self.since = time.monotonic()
        return taken

    def service(self) -> None:
        super().service()
        self.since = time.monotonic()


class TlsChannel(TimedChannel):
    """One with TLS. OpenSSL's part is made when the client says something: whoever says nothing costs a socket."""

    def __init__(self, access: Access, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - waitress' own
        self._access = access
        self._tls: ssl.SSLSocket | None = None
        self._number = -1
        self._shaken = self._stuck = self._refused = False
        # The loop reads while a worker writes, and OpenSSL takes one of them at a time.
        self._turn = threading.Lock()
        super().__init__(*arguments, **options)

    def writable(self) -> bool:
        return self._stuck or bool(super().writable())

    def handle_read(self) -> None:
        if self._refused:
            self._hear_out()
        elif self._shaken or self._shake_hands():
            with suppress(_NotYetError):
                super().handle_read()

    def handle_write(self) -> None:
        if self._shaken or self._refused or self.will_close:
            super().handle_write()
        else:
            self._shake_hands()

    def handle_close(self) -> None:
        if self._tls is not None and self._shaken:
            with suppress(OSError, ValueError), self._turn:
                self._tls.unwrap()  # says that nothing follows, and waits for no answer
        super().handle_close()

    def recv(self, buffer_size: int) -> bytes:
        assert self._tls is not None, "there is nothing to read before the handshake"
        try:
            with self._turn:
                data = self._tls.recv(buffer_size)
        except _NOT_YET:
            raise _NotYetError from None
        if not data:
            self.handle_close()
        return data

    def send(self, data: bytes, do_close: bool = True) -> int:
        assert self._tls is not None, "there is nothing to write before the handshake"
        try:
            with self._turn:
                return self._tls.send(data)
        except _NOT_YET:
            return 0
        except OSError:
            if do_close:
                self.handle_close()
                return 0
            raise

    def _shake_hands(self) -> bool:
        """Go on with the handshake. True once it is finished."""
        try:
            if self._tls is None:
                self._tls = self._begin()
            with self._turn:
                self._tls.do_handshake()
        except _NOT_YET as error:
            self._stuck = isinstance(error, ssl.SSLWantWriteError)
            return False
        except (OSError, ValueError) as error:
            self._refuse(error)
            return False
        self._shaken, self._stuck = True, False
        return True

    def _refuse(self, error: Exception) -> None:
        """Say nothing more, after the reason that OpenSSL has told. A close at once might take that back."""
        self._refused, self._stuck = True, False
        try:
            if getattr(error, "reason", "") == "HTTP_REQUEST":
                os.write(self._number, _NO_TLS)
            assert self.socket is not None, "it is open"
            socket.shutdown(self.socket, SHUT_WR)
        except OSError:
            self.handle_close()

    def _hear_out(self) -> None:
        try:
            left = os.read(self._number, LARGEST_RECORD)
        except OSError:
            left = b""
        if not left:
            self.handle_close()

    def _begin(self) -> ssl.SSLSocket:
        context = self._access.context
        assert context is not None, "a port with TLS is opened with its certificate"
        assert self.socket is not None, "it is open"
        self._number = self.socket.fileno()
        wrapped = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket = wrapped
        return wrapped


class _NotYetError(Exception):
    """What came is no whole record."""
