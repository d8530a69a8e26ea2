"""How Docker is to run a container, beside what is in it: its limits, its labels, where its output goes."""

from dataclasses import dataclass, fields

_BILLION = 10**9
_PERIOD = 100_000  # microseconds; the kernel's, for a quota that comes without one


@dataclass(frozen=True, slots=True)
class Ulimit:
    """One resource limit (setrlimit(2)) of the processes inside; -1 is no limit."""

    name: str
    soft: int
    hard: int

    def __str__(self) -> str:
        return f"{self.soft}:{self.hard}"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a container may be given. Zero and empty leave it to Docker.

    `memory` is in bytes, `cpu_shares` a weight against other containers (1024 is the usual one), `nano_cpus` the
    processors that it may use at most, in billionths.
    """

    memory: int = 0
    cpu_shares: int = 0
    nano_cpus: int = 0
    ulimits: tuple[Ulimit, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    log_driver: str = ""
    log_options: tuple[tuple[str, str], ...] = ()

    @property
    def cpus(self) -> str:
        """`nano_cpus` in whole processors, as `docker run --cpus` takes it."""
        return f"{self.nano_cpus // _BILLION}.{self.nano_cpus % _BILLION:09}".rstrip("0").rstrip(".")

    def given(self) -> list[object]:
        """Names and values of what is not left to Docker, in a fixed order."""
        named = ((entry.name, getattr(self, entry.name)) for entry in fields(self))
        return [[name, _plain(value)] for name, value in named if value]


def nano_cpus_of(quota: int, period: int) -> int:
    """A quota of processor time in a period, both in microseconds; zero or less is none."""
    return _BILLION * quota // (period or _PERIOD) if quota > 0 else 0


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [(one.name, one.soft, one.hard) if isinstance(one, Ulimit) else one for one in value]
    return value
