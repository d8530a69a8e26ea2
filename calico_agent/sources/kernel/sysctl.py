"""The kernel's settings, from /proc/sys: no process is started for them.

/proc/sys/net shows those of the network namespace of the thread that reads.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from calico_agent.model.host.sysctl import CONNTRACK_COUNT, CONNTRACK_MAX, IP_FORWARD, IPV6_FORWARDING, Sysctls
from calico_agent.sources.host.text_file import read_text

_SETTINGS = (IP_FORWARD, IPV6_FORWARDING, CONNTRACK_MAX, CONNTRACK_COUNT)
# A host has a link for each pod, and kubelet's maxPods is 110; more than this costs 20 ms.
_MOST_LINKS = 2048


def read_sysctls(root: Path = Path("/")) -> Sysctls:
    """Those that a check asks for. What cannot be read is told for each; nothing is raised."""
    values: dict[str, str] = {}
    unread: dict[str, str] = {}
    for name in _SETTINGS:
        try:
            text = read_text(root / "proc/sys" / name.replace(".", "/"))
        except OSError as error:
            unread[name] = error.strerror or "an error without a name"
        else:
            if text is not None:
                values[name] = text.strip()
    return Sysctls(values, unread, dict(_rp_filters(root / "proc/sys/net/ipv4/conf")))


def _rp_filters(folder: Path) -> Iterator[tuple[str, int]]:
    """By link, `all` and `default` first; those that vanish meanwhile, and those that may not be read, are left out."""
    with suppress(OSError):
        links = islice((path.name for path in folder.iterdir()), _MOST_LINKS)
        for link in dict.fromkeys(("all", "default", *links)):
            with suppress(OSError, ValueError):
                if (text := read_text(folder / link / "rp_filter")) is not None:
                    yield link, int(text)
