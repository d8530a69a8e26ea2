"""A link with little bandwidth: a relay to a port of this machine that passes answers on at a given rate."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 4096


@contextmanager
def slow_link(port: int, bytes_a_second: int) -> Iterator[int]:
    """The port at which the other one is reached slowly. All connections share the rate."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        sockets: list[socket.socket] = []
        turn = threading.Lock()

        def relay(source: socket.socket, sink: socket.socket, pause: float) -> None:
            with suppress(OSError):
                while chunk := source.recv(_CHUNK):
                    if pause:
                        with turn:
                            time.sleep(len(chunk) * pause)
                    sink.sendall(chunk)
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near, _ = door.accept()
                    far = socket.create_connection(("127.0.0.1", port), 5)
                    sockets.extend((near, far))
                    for ends in ((near, far, 0.0), (far, near, 1 / bytes_a_second)):
                        threading.Thread(target=relay, args=ends, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)
            for each in sockets:
                each.close()
