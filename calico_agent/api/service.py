"""One listening socket with its loop and its workers, and what a client may take of it.

waitress reads and writes in one loop, so that a slow client occupies a connection and no worker. What it does not have
is a deadline for a whole request: a client that sends one byte now and then would hold its connection for ever. Here
one that has not said what it wants, or not taken its answer, is cut after a while. When all connections are taken, the
one that is waited for longest makes room: whoever says at once what he wants is always served.
"""

import os
import time
from contextlib import suppress
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any, cast

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from calico_agent.api.access import Access
from calico_agent.api.channel import LARGEST_RECORD, TimedChannel, TlsChannel
from calico_agent.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_WORKERS = 4
_DEADLINE_SECONDS = 10
_STOP_SECONDS = 2
_PAUSE_SECONDS = 0.2
_RENEW_SECONDS = 1.0


class Service(Worker):
    """Serves one application on one socket until it is stopped."""

    stop_seconds = 2 * _STOP_SECONDS

    def __init__(
        self,
        app: "WSGIApplication",
        opened: socket,
        connections: int,
        deadline: float = _DEADLINE_SECONDS,
        access: Access | None = None,
    ) -> None:
        """`connections`: how many clients may be connected that are waited for.

        `deadline`: how long (s) a client may take for a request, or for an answer that holds no worker. `access` is
        kept as its files are, and says whether there is TLS; None: whoever reaches the socket may ask.
        """
        address = opened.getsockname()
        self.port: int | None = address[1] if isinstance(address, tuple) else None
        self._connections = connections
        self._deadline = deadline
        self._access = access
        self._renew_at = 0.0
        self._map: dict[int, Any] = {}
        server = create_server(
            app,
            map=self._map,
            sockets=[opened],
            threads=_WORKERS,
            connection_limit=4 * connections,
            channel_timeout=max(1, round(deadline)),
            cleanup_interval=1,
            max_request_header_size=8192,
            max_request_body_size=8192,
            clear_untrusted_proxy_headers=True,
            recv_bytes=LARGEST_RECORD,
            log_socket_errors=False,
            ident=None,
        )
        assert isinstance(server, BaseWSGIServer), "one socket makes one server"
        tls = partial(TlsChannel, access) if access is not None and access.context is not None else None
        server.channel_class = cast("Any", tls or TimedChannel)
        self._server = server
        self._opened = opened
        super().__init__(f"http-{self.port or 'unix'}")
        self.start()

    def interrupt(self) -> None:
        """Wake the loop; answers that are being written get a moment."""
        with suppress(OSError):  # the loop may have seen it, and be gone already
            self._server.pull_trigger()

    def work(self) -> None:
        """Serve until the stop."""
        while not self.stopping.is_set():
            self.beat()
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
            self._cut()
            self._renew()
        self._server.task_dispatcher.shutdown(timeout=_STOP_SECONDS)
        wasyncore.close_all(self._map)

    def _renew(self) -> None:
        if self._access is not None and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + _RENEW_SECONDS
            self._access.renew()

    def _cut(self) -> None:
        """Close the connections of clients that are late, and the one that makes room."""
        channels = list(cast("dict[int, TimedChannel]", self._server.active_channels).values())
        waited_for = sorted((one for one in channels if not one.requests), key=lambda one: one.since)
        now = time.monotonic()
        out_of_files = self._out_of_files()
        surplus = max(len(channels) - self._connections, int(out_of_files))
        for number, channel in enumerate(waited_for):
            if number < surplus or now - channel.since > self._deadline:
                channel.handle_close()
        for channel in channels:
            # It asked for much, and does not take it: its worker waits until it does.
            if channel.requests and channel.total_outbufs_len and now - channel.since > 3 * self._deadline:
                channel.handle_close()
        if out_of_files and not waited_for:
            self.pause(_PAUSE_SECONDS)  # the listening socket stays ready, and nothing can be accepted

    def _out_of_files(self) -> bool:
        """Whether nothing can be accepted. waitress passes over that, and would try again as fast as it can."""
        try:
            os.close(os.dup(self._opened.fileno()))
        except OSError:
            return True
        return False
