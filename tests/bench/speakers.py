"""All other nodes of a cluster as BGP speakers: each dials from its own address and advertises its blocks.

As little of RFC 4271 as BIRD wants to see: OPEN, KEEPALIVE, one UPDATE. (One BIRD cannot play them all: it opens one
session to an address.)
"""

import socket
import threading
import time
from contextlib import suppress
from ipaddress import IPv4Address
from struct import pack

from tests.bench.cluster import NETWORK, BigCluster

_AS, _HOLD_SECONDS, _KEEPALIVE_SECONDS = 64512, 240, 60
_OPEN, _UPDATE, _KEEPALIVE = 1, 2, 4
_WELL_KNOWN, _OPTIONAL = 0x40, 0x80
_TRIES, _PATIENCE = 40, 0.25


class Speakers:
    """Their sessions with this host. Made, started and closed in the namespace that carries their addresses."""

    def __init__(self, cluster: BigCluster) -> None:
        self._cluster = cluster
        self._sessions: list[socket.socket] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="bgp keepalive", daemon=True)

    def start(self) -> None:
        """Open every session and advertise; the other side learns the routes in its own time."""
        for node in range(self._cluster.nodes):
            self._sessions.append(_dial(self._cluster.address(node)))
        for node, session in enumerate(self._sessions):
            session.sendall(_message(_KEEPALIVE) + _advertise(self._cluster, node))
        self._thread.start()

    def close(self) -> None:
        """End all sessions."""
        self._ended.set()
        for session in self._sessions:
            session.close()

    def _keep_alive(self) -> None:
        while not self._ended.wait(_KEEPALIVE_SECONDS):
            for session in self._sessions:
                with suppress(OSError):
                    session.sendall(_message(_KEEPALIVE))


def _dial(address: IPv4Address) -> socket.socket:
    """A connection on which the other side has answered our OPEN. It hangs up while it is not ready for us."""
    for _ in range(_TRIES):
        session = socket.socket()
        session.settimeout(10)
        session.bind((str(address), 0))
        with suppress(ConnectionError):
            session.connect((str(NETWORK.network_address + 1), 179))
            session.sendall(_message(_OPEN, pack(">BHH4sB", 4, _AS, _HOLD_SECONDS, address.packed, 0)))
            if session.recv(4096):
                return session
        session.close()
        time.sleep(_PATIENCE)
    raise ConnectionError(f"no BGP session from {address}")


def _advertise(cluster: BigCluster, node: int) -> bytes:
    attributes = (
        _attribute(_WELL_KNOWN, 1, b"\0")  # ORIGIN IGP
        + _attribute(_WELL_KNOWN, 2, b"")  # AS_PATH: empty, it is our own AS
        + _attribute(_WELL_KNOWN, 3, cluster.address(node).packed)  # NEXT_HOP
        + _attribute(_WELL_KNOWN, 5, pack(">I", 100))  # LOCAL_PREF
    )
    prefixes = b"".join(
        bytes((block.prefixlen,)) + block.network_address.packed[: (block.prefixlen + 7) // 8]
        for block in cluster.blocks_of(node)
    )
    return _message(_UPDATE, pack(">HH", 0, len(attributes)) + attributes + prefixes)


def _attribute(flags: int, kind: int, value: bytes) -> bytes:
    return pack(">BBB", flags, kind, len(value)) + value


def _message(kind: int, body: bytes = b"") -> bytes:
    return b"\xff" * 16 + pack(">HB", 19 + len(body), kind) + body
