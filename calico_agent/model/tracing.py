"""The route table as people ask for it, and the way of one packet."""

from dataclasses import dataclass
from enum import Enum

from calico_agent.model.address import IPAddress, IPNetwork
from calico_agent.model.route import TABLE_LOCAL, TABLE_MAIN, NextHop, Route

_TABLE_NAMES = {TABLE_LOCAL: "local", TABLE_MAIN: "main", 253: "default"}


class RouteState(Enum):
    """What the comparison of expected and found says about one prefix."""

    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One prefix: what leads there should and does. `code` is the catalogue's, empty where nothing is wrong."""

    prefix: IPNetwork
    node: str
    pool: str
    state: RouteState
    wanted: str
    found: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy rule (RTM_NEWRULE). `selectors` are its conditions but source and destination, as `ip rule` has them.

    A packet that this host sends without a mark meets no rule with selectors. `table` is 0 for other actions.
    """

    priority: int
    table: int
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    selectors: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"from {self.source or 'all'}", *([f"to {self.destination}"] if self.destination else [])]
        return f"{self.priority}: {' '.join((*words, *self.selectors))} lookup {table_name(self.table)}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The kernel's answer for one destination: the table's entry it matched, and what it made of it.

    `route` is None when there was none or when it drops the packet; then `error` says so.
    """

    destination: IPAddress
    route: Route | None
    hop: NextHop | None = None
    source: IPAddress | None = None
    error: str = ""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a packet to an address goes now and where it should. `right` is None where that cannot be judged.

    `now` and `wanted` are facts, each a label and a sentence, in the order in which one meets them.
    """

    address: IPAddress
    right: bool | None
    verdict: str
    now: tuple[tuple[str, str], ...] = ()
    wanted: tuple[tuple[str, str], ...] = ()


def table_name(table: int) -> str:
    """The table as `ip` names it."""
    return _TABLE_NAMES.get(table, str(table))
