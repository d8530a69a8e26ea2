"""Process 1 of the machine with WireGuard: makes a host, reads it, says what it read, and switches off.

The host is host1 of three as felix/wireguard/wireguard.go@v3.32 makes it: host2 has a public key, host3 has none and is
thrown back to the main table. No key is set: keys decide what is encrypted, not where packets go.
"""

import ctypes
import os
import pickle
import subprocess
from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path

from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.sources.kernel.reader import read_kernel

MODULES = Path("/modules")
_MOUNTS = {b"devtmpfs": Path("/dev"), b"proc": Path("/proc")}
_ANSWER = Path("/dev/ttyS1")
_INSERT_MODULE = 313  # finit_module on x86-64
_POWER_OFF = 0x4321FEDC  # LINUX_REBOOT_CMD_POWER_OFF

HOST = (
    "link set lo up",
    "link add eth0 type veth peer name wire0",
    "link set wire0 up",
    "link set eth0 up",
    "addr add 10.77.0.11/24 dev eth0",
    "route add 192.168.2.0/26 via 10.77.0.12 proto bird metric 1024",
    "route add 192.168.3.0/26 via 10.77.0.13 proto bird metric 1024",
    "route add blackhole 192.168.1.0/26 proto bird",
    "link add wireguard.cali mtu 1440 type wireguard",
    "addr add 192.168.1.0/32 dev wireguard.cali",
    "link set wireguard.cali up",
    "rule add priority 99 not fwmark 0x200000/0x200000 lookup 1",
    "route add 192.168.2.0/26 dev wireguard.cali table 1 proto 80 scope link",
    "route add 192.168.2.0/32 dev wireguard.cali table 1 proto 80 scope link",
    "route add throw 192.168.3.0/26 table 1 proto 80",
)
DOWN = ("link set wireguard.cali down",)
DESTINATIONS = tuple(map(ip_address, ("192.168.2.7", "192.168.3.7")))
"""A pod behind WireGuard, and one in the clear."""


def read() -> Kernel | Unreadable:
    """What the agent reads of the kernel."""
    return read_kernel(DESTINATIONS)


def main() -> None:
    """When it ends, or fails, the kernel does."""
    system = ctypes.CDLL(None)
    for kind, place in _MOUNTS.items():
        place.mkdir(exist_ok=True)
        system.mount(kind, os.fsencode(place), kind, 0, None)
    for module in sorted(MODULES.iterdir()):
        with module.open("rb") as file:
            system.syscall(_INSERT_MODULE, file.fileno(), b"", 0)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    _ip(HOST)
    answer = {"up": read()}
    _ip(DOWN)
    answer["down"] = read()
    _ANSWER.write_bytes(b64encode(pickle.dumps(answer)) + b"\n")
    system.reboot(_POWER_OFF)


def _ip(lines: tuple[str, ...]) -> None:
    subprocess.run(["ip", "-batch", "-"], check=True, input="\n".join(lines), text=True)


if __name__ == "__main__":
    main()
