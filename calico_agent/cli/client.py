"""Ask the running agent over its unix socket.

Imports next to nothing, so that `status` answers in a blink: dataclasses would take a quarter of its time to load.

HTTP/1.0 by hand: one request, then everything up to the end of the stream, under one deadline. http.client costs 18 ms
of the 100 that `status` has, and its time-outs are for each read, so that a dripping answer could last for ever.
"""

import re
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from calico_agent import paths
from calico_agent.errors import ConfigError, NotRunningError, UsageError
from calico_agent.small_file import read_small

if TYPE_CHECKING:
    from pathlib import Path

_MAX_ANSWER = 64 << 20
_MOST_CONFIG = 1 << 20
_HEAD = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n")
_HEALTHY = re.compile(rb"\r\nCalico-Agent-Healthy: (yes|no)\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\nContent-Length: (\d{1,10})\r\n", re.IGNORECASE)


class AgentAnswer(NamedTuple):
    """What the agent said, and whether it finds the host healthy."""

    healthy: bool
    text: str


def ask(socket_path: str, target: str, *, timeout: float = 2.0, marked: bool = True) -> AgentAnswer:
    """The agent's answer to GET `target`; `marked`: to a page that says whether all is well, as those of commands do.

    Raises NotRunningError, in which every failure is told apart, and UsageError where the agent cannot be asked this.
    """
    raw = _exchange(socket_path, f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode(), timeout)
    head, separator, body = raw.partition(b"\r\n\r\n")
    head += b"\r\n"
    status, healthy, length = _HEAD.match(head), _HEALTHY.search(head), _LENGTH.search(head)
    if not separator or status is None or (healthy is None and marked) or length is None:
        raise NotRunningError(f"what answers on {socket_path} is not calico-agent")
    if len(body) != int(length[1]):
        raise NotRunningError(f"the agent broke off in the middle of its answer on {socket_path}", hint="try again")
    if status[1].startswith(b"4"):
        raise UsageError(_error_of(body))
    return AgentAnswer(healthy is not None and healthy[1].lower() == b"yes", body.decode(errors="replace"))


class Configurations(NamedTuple):
    """The configuration that the agent uses, the one that a reload would bring, or why it would refuse it."""

    used: Mapping[str, str]
    on_disk: Mapping[str, str]
    refused: tuple[str, ...] = ()


def configurations(socket_path: str) -> Configurations:
    """Raises NotRunningError, also for an agent that does not tell."""
    import json  # noqa: PLC0415

    try:
        told = json.loads(ask(socket_path, "/configuration").text)
        return Configurations(dict(told["used"]), dict(told.get("on_disk", {})), tuple(told.get("refused", ())))
    except (UsageError, ValueError, KeyError, TypeError):
        raise NotRunningError(f"the agent on {socket_path} does not tell its configuration") from None


def _error_of(body: bytes) -> str:
    import json  # noqa: PLC0415

    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return "the agent does not understand the question"


def find_socket(config_file: "Path | None", environ: Mapping[str, str]) -> str:
    """Where the agent listens: the variable, then the configuration file, then the usual place.

    What is wrong with the usual file is not this command's business, `config check` tells. A file that was named must
    be one: ConfigError.
    """
    configured = _configured(config_file, "http", "socket")
    return environ.get("CALICO_AGENT_HTTP_SOCKET") or (paths.SOCKET if configured is None else configured)


def find_state_dir(config_file: "Path | None", environ: Mapping[str, str]) -> str:
    """Where the agent keeps its files, in the same way; empty where it keeps none."""
    given, configured = environ.get("CALICO_AGENT_AGENT_STATE_DIR"), _configured(config_file, "agent", "state_dir")
    return next((place for place in (given, configured) if place is not None), paths.STATE_DIR)


def _configured(config_file: "Path | None", section: str, key: str) -> str | None:
    """One text of the configuration file, None where it says nothing of it."""
    found: object = None
    try:
        text = read_small(config_file or paths.CONFIG_FILE, _MOST_CONFIG).decode()
        import tomllib  # noqa: PLC0415 - many hosts have no file

        found = tomllib.loads(text).get(section)
    except OSError as error:
        if config_file is not None:
            absent = isinstance(error, FileNotFoundError)
            fault = "there is no such file" if absent else f"cannot be read: {error.strerror}"
            raise ConfigError(f"{config_file}: {fault}") from None
    except (ValueError, RecursionError) as error:
        if config_file is not None:
            raise ConfigError(f"{config_file}: is not TOML: {error}") from None
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _exchange(socket_path: str, request: bytes, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    look_yourself = "`calico-agent status --once` looks without it"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(socket_path)
            connection.sendall(request)
            return _read_all(connection, deadline)
    except FileNotFoundError:
        message = f"no agent is running here: there is no {socket_path}"
        raise NotRunningError(message, hint=f"start it: systemctl start calico-agent; {look_yourself}") from None
    except ConnectionRefusedError:
        message = f"no agent is running here: nobody answers on {socket_path}"
        raise NotRunningError(message, hint=f"start it: systemctl start calico-agent; {look_yourself}") from None
    except PermissionError:
        raise NotRunningError(
            f"permission denied on {socket_path}", hint="ask as root or as a member of its group, calico-agent"
        ) from None
    except (TimeoutError, BlockingIOError):
        # A full backlog of a hung agent gives EAGAIN on a unix socket.
        message = f"the agent does not answer on {socket_path} within {timeout:g} s"
        raise NotRunningError(message, hint=look_yourself) from None
    except (OSError, ValueError) as error:
        raise NotRunningError(f"cannot ask the agent on {socket_path}: {error}") from None


def _read_all(connection: socket.socket, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < _MAX_ANSWER:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(1 << 16)
        if not chunk:
            break
        received += chunk
    return bytes(received)
