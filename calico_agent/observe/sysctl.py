"""The kernel's settings, from /proc/sys: no process is started for them.

/proc/sys/net shows those of the network namespace of the thread that reads.
"""

from collections.abc import Iterable
from pathlib import Path

from calico_agent.model.sysctl import IP_FORWARD, IPV6_FORWARDING, Sysctls
from calico_agent.observe.text_file import read_text

_SETTINGS = (IP_FORWARD, IPV6_FORWARDING)


def read_sysctls(root: Path = Path("/")) -> Sysctls:
    """Those that a check asks for. What cannot be read is told for each; nothing is raised."""
    return _read(root / "proc/sys", _SETTINGS)


def _read(folder: Path, names: Iterable[str]) -> Sysctls:
    values: dict[str, str] = {}
    unread: dict[str, str] = {}
    for name in names:
        try:
            text = read_text(folder / name.replace(".", "/"))
        except OSError as error:
            unread[name] = error.strerror or "an error without a name"
        else:
            if text is not None:
                values[name] = text.strip()
    return Sysctls(values, unread)
