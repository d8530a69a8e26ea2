"""The machine itself: host name, machine-id, and the names that calico/node and CNI left on its disk.

The files are read with a bound and as they are: calico/node writes /var/lib/calico/nodename without a line end, and a
name with one is another name.
"""

import re
import socket
from pathlib import Path

from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.name_lease import LONG_UP_SECONDS
from calico_agent.model.observation import Unreadable
from calico_agent.sources.host.decode.hosts_file import full_name
from calico_agent.sources.host.text_file import read_owned_text, read_text
from calico_agent.sources.kubernetes.cni import read_cni

_NODENAME = "var/lib/calico/nodename"
_MACHINE_IDS = ("etc/machine-id", "var/lib/dbus/machine-id")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_BOOT_ID = "proc/sys/kernel/random/boot_id"
_UPTIME = "proc/uptime"
# Where a kubelet finds what it writes into its Node as systemUUID (cadvisor/machine/machine.go@v0.53).
_SYSTEM_UUID = "sys/class/dmi/id/product_uuid"
_HOSTS = "etc/hosts"
_LONGEST_NAME = 4096


def read_host(root: Path = Path("/"), kubelet: Kubelet | None = None) -> Host | Unreadable:
    """The host whose file system is at `root`, under the name of the UTS namespace we are in, with its kubelet."""
    hostname = socket.gethostname()
    nodename, trouble = _nodename(root)
    try:
        return Host(
            hostname=hostname,
            machine_id=_machine_id(root),
            boot_id=(read_text(root / _BOOT_ID) or "").strip(),
            nodename_file=nodename,
            nodename_trouble=trouble,
            fqdn=full_name(read_text(root / _HOSTS) or "", hostname),
            kubelet=kubelet,
            cni=read_cni(root),
            long_up=_uptime(root) > LONG_UP_SECONDS,
            system_uuid=_system_uuid(root),
        )
    except OSError as error:
        return Unreadable("host", f"{error.filename} cannot be read: {error.strerror}.", "denied")


def _system_uuid(root: Path) -> str:
    """That of the board; empty where there is none, or only root may read it."""
    try:
        return (read_text(root / _SYSTEM_UUID) or "").strip()
    except OSError:
        return ""


def _uptime(root: Path) -> float:
    """Seconds since the boot, without those in which the machine slept (proc_uptime(5))."""
    words = (read_text(root / _UPTIME) or "").split()
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return float("inf")


def _nodename(root: Path) -> tuple[str | None, str]:
    """The name in the file, and why it cannot be read; a host without one is a host all the same."""
    try:
        return read_owned_text(root / _NODENAME, _LONGEST_NAME), ""
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"


def _machine_id(root: Path) -> str:
    """The first machine-id; a file that is empty or says `uninitialized` has none (machine-id(5))."""
    found = ((read_text(root / path) or "").strip() for path in _MACHINE_IDS)
    return next((text for text in found if _MACHINE_ID.fullmatch(text)), "")
