"""Which kernel modules and options some texts name: modules.dep(5), modules.builtin, /proc/modules, a kernel's
configuration, and the matches of iptables."""

import re
from collections.abc import Iterable, Iterator

_FILE = re.compile(r"(?:^|/)([^/:\s]+)\.ko(?:\.\w+)?(?=:|$)")
_OPTION = re.compile(r"^CONFIG_(\w+)=([ym])\s*$", re.MULTILINE)


def decode_module_files(text: str) -> frozenset[str]:
    """The modules of modules.dep or modules.builtin: the first path of each line, without what it depends on."""
    return frozenset(named(found[1] for line in text.splitlines() if (found := _FILE.search(line.partition(":")[0]))))


def decode_loaded(text: str) -> frozenset[str]:
    """The modules of /proc/modules."""
    return frozenset(named(line.split(maxsplit=1)[0] for line in text.splitlines() if line.strip()))


def decode_options(text: str) -> dict[str, str]:
    """By option without CONFIG_: `y` or `m`. What is not set is not there."""
    return dict(_OPTION.findall(text))


def decode_matches(text: str) -> frozenset[str]:
    """The modules behind the matches of /proc/net/ip_tables_matches, by the names that either may have."""
    matches = text.split()
    return frozenset(f"{prefix}_{name}" for name in matches for prefix in ("xt", "ipt"))


def named(names: Iterable[str]) -> Iterator[str]:
    """Names as the kernel writes them: a file may have hyphens."""
    return (name.replace("-", "_") for name in names)
