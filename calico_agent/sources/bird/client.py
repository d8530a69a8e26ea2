"""BIRD's control socket -> Bird.

BIRD is one thread: while it is stopped or busy the kernel goes on accepting connections until the socket's backlog is
full, and then a non-blocking connect gets EAGAIN. Both read as "does not answer". A socket file without a daemon
refuses. One deadline holds for everything: connect, greeting and all replies.
"""

import re
import socket
import time
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from calico_agent.model.calico.bird import Bird
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.observation import Unreadable
from calico_agent.sources.bird.decode.interfaces import LINKS_COMMAND
from calico_agent.sources.bird.decode.replies import (
    PROTOCOLS_COMMAND,
    RIB_COMMAND,
    ROWS_COMMAND,
    STATUS_COMMAND,
    decode_bird,
    fingerprint,
    rib_command,
)
from calico_agent.sources.decode_error import Malformed

_LONGEST_GREETING = 1 << 12
_LONGEST_REPLY = 8 << 20  # a session takes about 1.2 KiB
_LONGEST_RIB = 16 << 20  # 25,000 routes take about 2 MiB
_CHUNK = 1 << 16
_LAST_LINE = re.compile(rb"[0-9]{4} ")  # of a reply; lines before it have `-` after the code, or no code

# Beyond that many, BIRD's whole table costs less than one question for each.
_MOST_PREFIXES = 64

# The details of a session are thirty lines, which say more than its row only in how many routes were exchanged. While
# no row changes they are read again in this share of the time: every few seconds, or, with a thousand sessions, every
# few minutes.
_SHARE_FOR_DETAILS = 0.0002


class BirdReader:
    """The daemon behind the socket `path`, read again and again, each time whole within `timeout` seconds."""

    def __init__(self, path: str, family: Family, *, timeout: float = 2.0) -> None:
        self._path = path
        self._family = family
        self._timeout = timeout
        self._fingerprint = ""
        self._known: Bird | None = None  # with protocols as they were when the details were read
        self._details_due = 0.0
        self._last: Bird | None = None

    def read(self, about: Collection[IPNetwork] = ()) -> Bird | Unreadable:
        """How it is now, with its routes to the prefixes `about`; the same object as long as nothing has changed.

        Codes of Unreadable: `absent` (no socket file) and `refused` (no daemon behind it), which alone prove that it
        does not run; `timeout` (it hangs), `denied`, `closed` (it went away, or ends each conversation), `malformed`
        (what answers is not calico/node's BIRD), `error` (what kept this agent from asking, such as its own limits).
        """
        source = "BIRD" if self._family is Family.IPV4 else "BIRD (IPv6)"
        try:
            found = self._read([prefix for prefix in about if prefix.version == self._family])
        except Malformed as error:
            return Unreadable(source, str(error), code="malformed")
        except (FileNotFoundError, NotADirectoryError):
            return Unreadable(source, f"there is no socket {self._path}", code="absent")
        except PermissionError:
            reason = f"no permission to connect to {self._path}; calico-agent runs as root"
            return Unreadable(source, reason, code="denied")
        except (TimeoutError, BlockingIOError):
            reason = f"BIRD hangs: no answer on {self._path} within {self._timeout:g} s"
            return Unreadable(source, reason, code="timeout")
        except ConnectionRefusedError:
            return Unreadable(source, f"nobody answers on {self._path}: BIRD does not run", code="refused")
        except (EOFError, ConnectionError):
            reason = f"BIRD closed {self._path} in the middle of a reply: it was stopped"
            return Unreadable(source, reason, code="closed")
        except OSError as error:
            reason = f"this agent cannot ask BIRD on {self._path}: {error.strerror or error}"
            return Unreadable(source, reason, code="error")
        self._last = self._last if found == self._last else found
        return self._last

    def _read(self, about: list[IPNetwork]) -> Bird:
        with closing(_Talk(self._path, time.monotonic() + self._timeout)) as talk:
            replies = {command: talk.ask(command) for command in (STATUS_COMMAND, ROWS_COMMAND)}
            seen = fingerprint(replies)
            commands = [rib_command(prefix) for prefix in about] if len(about) <= _MOST_PREFIXES else [RIB_COMMAND]
            if about:  # whoever asks for routes looks into a fault
                commands.append(LINKS_COMMAND)
            if not about and seen == self._fingerprint and time.monotonic() < self._details_due:
                return decode_bird(self._family, replies, self._known)
            began = time.monotonic()
            replies |= {command: talk.ask(command) for command in (PROTOCOLS_COMMAND, *commands)}
        found = decode_bird(self._family, replies, now=datetime.now(UTC))
        now = time.monotonic()
        # While BIRD recovers from its start, it says in the details only for whom it waits.
        self._fingerprint = "" if found.graceful_restart else seen
        self._details_due = now + (now - began) / _SHARE_FOR_DETAILS
        if self._known is not None and found.sessions == self._known.sessions:
            found = replace(found, sessions=self._known.sessions)
        self._known = found
        return found


def ask_bird(path: str, commands: Iterable[str], *, timeout: float) -> dict[str, str]:
    """The replies as they are, all within `timeout` seconds; `# error: ...` in the place of one that did not come."""
    replies: dict[str, str] = {}
    commands = tuple(commands)
    try:
        with closing(_Talk(path, time.monotonic() + timeout)) as talk:
            for command in commands:
                replies[command] = talk.ask(command)
    except (OSError, EOFError, Malformed) as error:
        left = (command for command in commands if command not in replies)
        replies |= dict.fromkeys(left, f"# error: {str(error) or 'timed out'}\n")
    return replies


class _Talk:
    """A conversation with BIRD up to `deadline` (monotonic)."""

    def __init__(self, path: str, deadline: float) -> None:
        self._deadline = deadline
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._wait()
            self._connection.connect(path)
            self._receive(_LONGEST_GREETING)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def ask(self, command: str) -> str:
        """The text of the reply."""
        self._wait()
        self._connection.sendall(f"{command}\n".encode())
        return self._receive(_LONGEST_RIB if command == RIB_COMMAND else _LONGEST_REPLY)

    def _receive(self, longest: int) -> str:
        """One whole reply. BIRD sends nothing after its last line until it is asked again."""
        reply = bytearray()
        while not _whole(reply):
            self._wait()
            chunk = self._connection.recv(_CHUNK)
            if not chunk:
                raise EOFError
            reply += chunk
            if len(reply) > longest:
                raise Malformed(f"BIRD's reply is longer than {longest} bytes")
        return reply.decode(errors="replace")

    def _wait(self) -> None:
        """Let the next call wait for no longer than what is left of the time."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)


def _whole(reply: bytearray) -> bool:
    last_line = reply.rfind(b"\n", 0, -1) + 1
    return reply.endswith(b"\n") and _LAST_LINE.match(reply, last_line) is not None
