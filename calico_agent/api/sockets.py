"""The sockets that the agent serves on: one address on loopback, one unix socket for `status`."""

import errno
import socket
import stat
from pathlib import Path

from calico_agent.errors import AnotherAgentError, ServeError

_UNIX_MODE = 0o660
_PROBE_TIMEOUT = 1.0


def open_tcp(listen: tuple[str, int]) -> socket.socket:
    """A bound socket. Raises ServeError."""
    host, port = listen
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        # Here and not later: of two sockets that both reuse the address, only one may listen, and this one must know.
        opened.listen()
    except OSError as error:
        opened.close()
        who = f"`ss -ltnp sport = :{port}` names who holds it; " if error.errno == errno.EADDRINUSE else ""
        hint = f'{who}set [http] listen to an address and a port that are free, or to ""'
        raise ServeError(f"cannot listen on {host} port {port}: {error.strerror}", hint=hint) from None
    return opened


def open_unix(path: Path) -> socket.socket:
    """A bound socket that only owner and group may use; replaces one whose owner is gone. Raises ServeError."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _remove_dead(path)
        opened.bind(str(path))
        path.chmod(_UNIX_MODE)
        opened.listen()
    except OSError as error:
        opened.close()
        raise ServeError(f"cannot listen on {path}: {error.strerror or error}", hint="see [http] socket") from None
    except ServeError:
        opened.close()
        raise
    return opened


def _remove_dead(path: Path) -> None:
    """Remove a socket file that nobody answers on; anything else that is in the way is an error."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServeError(f"cannot listen on {path}: it exists and is not a socket", hint="see [http] socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass  # somebody holds it and is slow to accept
    raise AnotherAgentError(f"another agent is running: it answers on {path}", hint="systemctl status calico-agent")
