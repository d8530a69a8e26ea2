"""What was measured of one fault, or of a pair, and whether it is as it should be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be said of one fault."""

    fault: str
    host: str
    roots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times are seconds from when it was broken; None is never."""

    name: str
    does: str
    expected: tuple[Expectation, ...]
    suspected: float | None = None
    """When the last of the right roots was suspected where it is known best."""
    confirmed: float | None = None
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each host's confirmed problems when all had had their time to speak, the gravest first, as `CODE subject`."""
    ever: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each host's problems that were confirmed at any time, until it was healed, in the order in which they were."""
    afterwards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each host's problems that were confirmed only after healing."""
    good_again: float | None = None
    """From healing until all hosts were good; for what heals by itself, from when it was broken."""
    away: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which a route was away, the longest of each host."""
    lost: tuple[str, ...] = ()
    """Routes that were there before and did not come back."""
    containers: Mapping[str, str] = field(default_factory=dict)
    """`restarted` or `another`, for each host whose calico/node is not as it was."""
    peak_mib: float | None = None
    """The most memory that an agent had meanwhile."""
    error: str = ""
    """What kept it from being measured."""

    @property
    def is_quiet(self) -> bool:
        """True if nobody was to confirm anything."""
        return not any(one.roots for one in self.expected)

    @property
    def right(self) -> bool:
        """True if, where each fault is known best, a right root stands first and was the first; if quiet, none is."""
        if self.error:
            return False
        if self.is_quiet:
            return not any(self.ever.values()) and not any(self.afterwards.values())
        return all(self._is_right(one) for one in self.expected)

    @property
    def extra(self) -> tuple[str, ...]:
        """The other roots that the hosts that know best confirmed."""
        wanted: dict[str, set[str]] = {}
        for one in self.expected:
            wanted.setdefault(one.host, set()).update(one.roots)
        told = (
            problem
            for host, codes in wanted.items()
            for problem in self.ever.get(host, ())
            if code_of(problem) not in codes
        )
        return () if self.is_quiet else tuple(told)

    @property
    def others(self) -> dict[str, tuple[str, ...]]:
        """What the hosts say that are not those that know best; of a quiet one all."""
        best = set() if self.is_quiet else {one.host for one in self.expected}
        return {host: said for host, said in self.ever.items() if host not in best and said}

    def _is_right(self, one: Expectation) -> bool:
        roots = {root for each in self.expected if each.host == one.host for root in each.roots}
        said, ever = self.said.get(one.host, ()), self.ever.get(one.host, ())
        own = any(code_of(problem) in one.roots for problem in said)
        return own and code_of(said[0]) in roots and code_of(ever[0]) in roots

    def as_json(self) -> dict[str, Any]:
        """In plain JSON types, with the judgement."""
        return {**asdict(self), "right": self.right, "extra": list(self.extra)}

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Outcome":
        """What `as_json` wrote."""
        return msgspec.convert(value, Outcome)


def code_of(problem: str) -> str:
    """The code of `CODE subject`."""
    return problem.partition(" ")[0]
