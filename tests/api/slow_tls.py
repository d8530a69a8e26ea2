"""`python -m tests.api.slow_tls PORT AUTHORITY`: a thousand clients that are slow with TLS.

Most say nothing or begin a handshake, and some a request. They go on with a byte now and then, and come again when they
are cut, for a minute at the most or until something comes from standard input. `all there` is said when they are.
"""

import contextlib
import select
import socket
import ssl
import sys
import time

_CLIENTS = 1000
_LONGEST_SECONDS = 60


class Clients:
    """All of them."""

    def __init__(self, port: int, authority: str) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=authority)
        out = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
        self._hello = out.read()
        self._all = [self._connected(number) for number in range(_CLIENTS)]

    def go_on(self) -> None:
        """Each says one byte more, or comes again."""
        for number, client in enumerate(self._all):
            try:
                client.sendall(b"s")
            except OSError:
                client.close()
                with contextlib.suppress(OSError):
                    self._all[number] = self._connected(number)

    def _connected(self, number: int) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), timeout=20)
        if number % 10 == 0:
            with contextlib.suppress(OSError):
                wrapped = self._tls.wrap_socket(client, server_hostname="localhost")
                wrapped.sendall(b"GET /metrics HTTP/1.1\r\nHo")
                return wrapped
        elif number % 2:
            client.sendall(self._hello[:100])
        return client


def main() -> None:
    """See above."""
    clients = Clients(int(sys.argv[1]), sys.argv[2])
    print("all there", flush=True)
    end = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < end and not select.select([sys.stdin], [], [], 0.5)[0]:
        clients.go_on()


if __name__ == "__main__":
    main()
