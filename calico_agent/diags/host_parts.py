"""What this host says of itself: its network, its kernel, its services.

By the programs that an administrator would use, so that who has never seen the agent can read it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from calico_agent.diags.bundle import MOST_OF_A_FILE, BundlePart, as_document
from calico_agent.model.observation import Unreadable
from calico_agent.sources.host.machine import read_host
from calico_agent.sources.host.text_file import read_text
from calico_agent.sources.host.tool import find_tool, run_tool

_SECONDS = 5.0

_SYSCTLS = r"^net\.(core\.|ipv[46]\.(ip_forward|conf\.(all|default)\.|neigh\.default\.|route\.))"

# Those first by which a recording is judged.
_RECORDED = (
    ("ip-addr.json", "ip -d -j addr"),
    ("ip-rule.txt", "ip rule"),
    ("ip6-rule.txt", "ip -6 rule"),
    ("neigh.txt", "ip neigh"),
    ("fdb.txt", "bridge fdb"),
)
_COMMANDS = (
    ("network/addr.txt", "ip -d addr"),
    ("network/link.txt", "ip -s -d link"),
    ("network/route.txt", "ip -d route show table all"),
    ("network/route6.txt", "ip -6 -d route show table all"),
    ("network/ss.txt", "ss -tunlp"),
    ("network/bgp.txt", "ss -tnpo state connected ( dport = 179 or sport = 179 )"),
    ("network/nft.txt", "nft list ruleset"),
    ("network/iptables.txt", "iptables-save"),
    ("network/ip6tables.txt", "ip6tables-save"),
    ("network/ipset.txt", "ipset list -t"),
    ("network/nstat.txt", "nstat -az"),
    ("host/uname.txt", "uname -a"),
    ("host/uptime.txt", "uptime"),
    ("host/df.txt", "df -hT"),
    ("host/free.txt", "free -m"),
    ("host/lsmod.txt", "lsmod"),
    ("host/time.txt", "timedatectl show"),
    ("host/sysctl-net.txt", f"sysctl -a -r {_SYSCTLS}"),
    ("host/processes.txt", "ps -eo pid,ppid,etimes,stat,rss,comm"),
    ("service/unit.txt", "systemctl cat calico-agent.service"),
    ("service/state.txt", "systemctl show --no-pager calico-agent.service docker.service"),
    ("log/calico-agent.txt", "journalctl --no-pager -o short-iso -n 5000 -u calico-agent.service"),
    ("log/docker.txt", "journalctl --no-pager -o short-iso -n 1000 -u docker.service"),
    ("log/kernel.txt", "journalctl --no-pager -o short-iso -n 1000 -k"),
)  # fmt: skip
_FILES = (
    ("host/os-release.txt", "/etc/os-release"),
    ("host/kernel-version.txt", "/proc/version"),
    ("host/kernel-command-line.txt", "/proc/cmdline"),
    ("host/meminfo.txt", "/proc/meminfo"),
    ("host/loadavg.txt", "/proc/loadavg"),
    ("host/hosts.txt", "/etc/hosts"),
    ("host/resolv.conf", "/etc/resolv.conf"),
    ("network/dev.txt", "/proc/net/dev"),
    ("network/snmp.txt", "/proc/net/snmp"),
)


def recorded_parts(hostname: str) -> Iterator[BundlePart]:
    """The kernel's tables, in the form of a recording."""
    for name, command in _RECORDED:
        yield as_document(_ran(f"{hostname}/{name}", command))
    yield _routes(hostname)
    yield _machine(hostname)
    yield _read(f"{hostname}/nodename", "/var/lib/calico/nodename")


def host_parts() -> Iterator[BundlePart]:
    """All else."""
    for name, path in _FILES:
        yield _read(name, path)
    for name, command in _COMMANDS:
        yield _ran(name, command)


def _routes(hostname: str) -> BundlePart:
    """Both families as one list."""
    name = f"{hostname}/ip-route.json"
    lists = [_ran(name, f"ip {family} -d -j route show table all") for family in ("-4", "-6")]
    failed = next((part for part in lists if part.trouble), None)
    if failed is not None:
        return failed
    inner = [part.text.strip().removeprefix("[").removesuffix("]").strip() for part in lists]
    return as_document(BundlePart(name, f"[{','.join(text for text in inner if text)}]\n"))


def _machine(hostname: str) -> BundlePart:
    """What tells this machine from others that claim its name."""
    host, name = read_host(), f"{hostname}/host.json"
    if isinstance(host, Unreadable):
        return BundlePart(name, trouble=host.reason)
    told = {"machine_id": host.machine_id, "boot_id": host.boot_id, "fqdn": host.fqdn, "long_up": host.long_up}
    # To be kept from untrusted eyes (machine-id(5)).
    return BundlePart(name, document=told, secrets=[f"MACHINE_TOKEN={host.machine_id}"])


def _ran(name: str, command: str) -> BundlePart:
    program, *arguments = command.split()
    tool = find_tool(program)
    if tool is None:
        return BundlePart(name, trouble=f"this host has no {program}")
    said = run_tool(tool, *arguments, seconds=_SECONDS, limit=MOST_OF_A_FILE)
    return BundlePart(name, trouble=said.reason) if isinstance(said, Unreadable) else BundlePart(name, said)


def _read(name: str, path: str) -> BundlePart:
    try:
        text = read_text(Path(path))
    except OSError as error:
        return BundlePart(name, trouble=f"{path} cannot be read: {error.strerror}")
    return BundlePart(name, text) if text is not None else BundlePart(name, trouble=f"there is no {path}")


def kernel_name() -> str:
    """What the list says of the kernel."""
    return os.uname().release
