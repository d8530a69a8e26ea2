"""BIRD's control socket -> Bird.

BIRD is one thread: while it is stopped or busy the kernel goes on accepting connections until the socket's backlog is
full, and then a non-blocking connect gets EAGAIN. Both read as "does not answer". A socket file without a daemon
refuses. One deadline holds for everything: connect, greeting and all replies.
"""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing

from calico_agent.decode.bird import COMMANDS, RIB_COMMAND, decode_bird
from calico_agent.decode.errors import Malformed
from calico_agent.model.address import Family
from calico_agent.model.bgp import Bird
from calico_agent.model.observation import Unreadable

_LONGEST_REPLY = 1 << 20
_LONGEST_RIB = 16 << 20  # 25,000 routes take about 2 MiB
_CHUNK = 1 << 16
_LAST_LINE = re.compile(rb"[0-9]{4} ")  # of a reply; lines before it have `-` after the code, or no code


def read_bird(path: str, family: Family, *, timeout: float = 2.0, rib: bool = False) -> Bird | Unreadable:
    """The daemon behind the socket `path`, with its routes where `rib` is set; whole within `timeout` seconds.

    Codes of Unreadable: `absent` (no socket file), `refused` (no daemon behind it, or it went away), `timeout` (it
    hangs), `denied`, `malformed` (what answers is not calico/node's BIRD).
    """
    source = "BIRD" if family is Family.IPV4 else "BIRD (IPv6)"
    try:
        replies = dict(_ask(path, (*COMMANDS, RIB_COMMAND) if rib else COMMANDS, time.monotonic() + timeout))
        return decode_bird(family, replies)
    except Malformed as error:
        return Unreadable(source, str(error), code="malformed")
    except (FileNotFoundError, NotADirectoryError):
        return Unreadable(source, f"there is no socket {path}: BIRD was never started here", code="absent")
    except PermissionError:
        return Unreadable(source, f"no permission to connect to {path}; calico-agent runs as root", code="denied")
    except (TimeoutError, BlockingIOError):
        return Unreadable(source, f"BIRD hangs: no answer on {path} within {timeout:g} s", code="timeout")
    except EOFError:
        return Unreadable(source, f"BIRD closed {path} in the middle of a reply: it was stopped", code="refused")
    except OSError as error:
        reason = f"nobody answers on {path} ({error.strerror or error}): BIRD does not run"
        return Unreadable(source, reason, code="refused")


def _ask(path: str, commands: tuple[str, ...], deadline: float) -> Iterator[tuple[str, str]]:
    """Each command with the text of its reply."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)) as connection:
        connection.settimeout(_left(deadline))
        connection.connect(path)
        _receive(connection, deadline, _LONGEST_REPLY)  # the greeting
        for command in commands:
            connection.settimeout(_left(deadline))
            connection.sendall(f"{command}\n".encode())
            yield command, _receive(connection, deadline, _LONGEST_RIB if command == RIB_COMMAND else _LONGEST_REPLY)


def _receive(connection: socket.socket, deadline: float, longest: int) -> str:
    """One whole reply. BIRD sends nothing after its last line until it is asked again."""
    reply = bytearray()
    while not _whole(reply):
        connection.settimeout(_left(deadline))
        chunk = connection.recv(_CHUNK)
        if not chunk:
            raise EOFError
        reply += chunk
        if len(reply) > longest:
            raise Malformed(f"BIRD's reply is longer than {longest >> 20} MiB")
    return reply.decode(errors="replace")


def _whole(reply: bytearray) -> bool:
    last_line = reply.rfind(b"\n", 0, -1) + 1
    return reply.endswith(b"\n") and _LAST_LINE.match(reply, last_line) is not None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
