"""The sockets that the agent serves on: one address on loopback, one unix socket for `status`."""

import errno
import grp
import os
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


def open_unix(path: Path, group: str = "") -> socket.socket:
    """A bound socket that only owner and group may use; replaces one whose owner is gone. Raises ServeError.

    `group` is a name or a number; empty: that of this process. Folders that are made for it are that group's, too.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o750, parents=True)
            _give(path.parent, group)
        _remove_dead(path)
        opened.bind(str(path))
        _give(path, group)
        path.chmod(_UNIX_MODE)
        opened.listen()
    except OSError as error:
        opened.close()
        raise ServeError(f"cannot listen on {path}: {error.strerror or error}", hint="see [http] socket") from None
    except ServeError:
        opened.close()
        raise
    return opened


def _give(path: Path, group: str) -> None:
    """Raises ServeError. systemd gives the service its group already, and lets it give nothing away."""
    if not group:
        return
    try:
        number = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
        if path.stat().st_gid != number:
            os.chown(path, -1, number)
    except KeyError:
        said = f"cannot give {path} to the group {group}: there is no such group"
        raise ServeError(said, hint="getent group lists them; see [http] socket_group") from None
    except OSError as error:
        said = f"cannot give {path} to the group {group}: {error.strerror}"
        raise ServeError(said, hint="under systemd a drop-in with `Group=` does that (docs/install.md)") from None


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
