"""Routes and policy rules as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.worlds.model.values import IPAddress, IPNetwork


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A route that somebody wrote: `via` None is on-link; no `device` for those that lead nowhere."""

    prefix: IPNetwork
    via: IPAddress | None = None
    device: str = ""
    kind: str = "unicast"
    protocol: int = 3
    metric: int = 0
    table: int = 254
    source: IPAddress | None = None
    onlink: bool = False
    scope: int = 0
    more: tuple[tuple[IPAddress | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy rule: packets to a destination or from a source are looked up in a table.

    `mark`: those with these bits; `inverted`: all but what it says. `version`: of one family alone.
    """

    priority: int
    table: int
    destination: IPNetwork | None = None
    source: IPNetwork | None = None
    mark: int = 0
    inverted: bool = False
    version: int = 0
