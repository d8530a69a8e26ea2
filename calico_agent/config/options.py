"""Checks of what Docker is told beside image, environment and mounts, in the words of `docker run`.

Each raises ValueError with the words that follow the value in the message to the person.
"""

import re
from decimal import Decimal

from calico_agent.model.container.container import LABEL_MANAGED_BY, LABEL_SPEC_HASH
from calico_agent.model.container.run_options import Ulimit

# units.RAMInBytes of github.com/docker/go-units.
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?) ?([bkmgtp]?)i?b?", re.IGNORECASE)
_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
# Docker refuses less (daemon/daemon_unix.go of moby: 6 MB), and numbers that are no int64.
_LEAST_MEMORY = 6 << 20
_MOST = 1 << 62
# The kernel's own bounds of cpu.shares (kernel/sched/core.c).
_SHARES = range(2, 262145)
_CPUS = 0.01, 4096.0
# setrlimit(2) without RLIMIT_, in the names of github.com/docker/go-units.
_ULIMITS = frozenset(
    {
        "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss",
        "rtprio", "rttime", "sigpending", "stack",
    }
)  # fmt: skip
_LIMIT = re.compile(r"-1|\d{1,18}")
_WORD = re.compile(r"[\w./:-]*", re.ASCII)
_LEFT_OUT = re.compile(r"/.+|[A-Za-z_][A-Za-z0-9_]*")


def parse_size(text: str) -> int:
    """Bytes, of `500M`, `2g`, `104857600`: units of 1024, as Docker has them. 0 for the empty text."""
    if not text:
        return 0
    found = _SIZE.fullmatch(text)
    if found is None or (size := int(Decimal(found[1]) * (1 << _UNITS[found[2].lower()]))) >= _MOST:
        raise ValueError("is not a size")
    if size < _LEAST_MEMORY:
        raise ValueError("is less than the 6 MiB that Docker insists on")
    return size


def check_size(text: str) -> None:
    parse_size(text)


def check_shares(number: int) -> None:
    if number and number not in _SHARES:
        raise ValueError("is no weight that the kernel takes")


def check_cpus(number: float) -> None:
    if number and not _CPUS[0] <= number <= _CPUS[1]:
        raise ValueError("is no number of processors from 0.01 to 4096")


def parse_ulimit(text: str) -> Ulimit:
    """A limit as `docker run --ulimit` takes it: `nofile=1024:2048`, or one number for both."""
    name, _, numbers = text.partition("=")
    soft, colon, hard = numbers.partition(":")
    hard = hard if colon else soft
    if name not in _ULIMITS or not _LIMIT.fullmatch(soft) or not _LIMIT.fullmatch(hard):
        raise ValueError("is not a limit")
    limit = Ulimit(name, int(soft), int(hard))
    if limit.hard != -1 and (limit.soft > limit.hard or limit.soft == -1):
        raise ValueError("has a soft limit above the hard one")
    return limit


def check_ulimit(text: str) -> None:
    parse_ulimit(text)


def check_labels(labels: dict[str, str]) -> None:
    for name, value in labels.items():
        if not name or "\0" in name + value or "=" in name:
            raise ValueError(f"has a label that cannot be: {name[:60]!r}")
        if name in {LABEL_MANAGED_BY, LABEL_SPEC_HASH}:
            raise ValueError(f"sets {name}, by which calico-agent knows its containers")


def check_log_options(options: dict[str, str]) -> None:
    for name, value in options.items():
        if not name or not _WORD.fullmatch(name) or "\0" in value:
            raise ValueError(f"has an option that cannot be: {name[:60]!r}")


def check_word(text: str) -> None:
    if not _WORD.fullmatch(text):
        raise ValueError("is no name")


def check_left_out(text: str) -> None:
    if not _LEFT_OUT.fullmatch(text) or "\0" in text:
        raise ValueError("is neither a variable nor a destination")
