"""The machine itself: host name, machine-id, and the name that calico/node left on its disk.

The files are read with a bound and as they are: calico/node writes /var/lib/calico/nodename without a line end, and a
name with one is another name. Bytes that are not UTF-8 are shown as escapes, so that a finding can print them.
"""

import os
import re
import socket
from pathlib import Path

from calico_agent.model.host import Host
from calico_agent.model.observation import Unreadable

_NODENAME = "var/lib/calico/nodename"
_MACHINE_IDS = ("etc/machine-id", "var/lib/dbus/machine-id")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_LIMIT = 4096


def read_host(root: Path = Path("/")) -> Host | Unreadable:
    """The host whose file system is at `root`, under the name of the UTS namespace we are in."""
    try:
        return Host(
            hostname=socket.gethostname(),
            machine_id=_machine_id(root),
            nodename_file=_read(root / _NODENAME),
        )
    except OSError as error:
        return Unreadable("host", f"{error.filename} cannot be read: {error.strerror}.", "denied")


def _machine_id(root: Path) -> str:
    """The first machine-id; a file that is empty or says `uninitialized` has none (machine-id(5))."""
    found = ((_read(root / path) or "").strip() for path in _MACHINE_IDS)
    return next((text for text in found if _MACHINE_ID.fullmatch(text)), "")


def _read(path: Path) -> str | None:
    """The beginning of a file, None when it does not exist. Does not wait, should it be a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.read(descriptor, _LIMIT).decode(errors="backslashreplace")
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)
