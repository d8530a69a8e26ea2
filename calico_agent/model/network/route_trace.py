"""The route table as people ask for it, and the way of one packet."""

from dataclasses import dataclass
from enum import Enum

from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.model.network.route import NextHop, Route


class RouteState(Enum):
    """What the comparison of expected and found says about one prefix."""

    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One prefix: what leads there should and does. `code` is that of its fault, empty where nothing is wrong."""

    prefix: IPNetwork
    node: str
    pool: str
    state: RouteState
    wanted: str
    found: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class NodeWay:
    """How packets to the pods of a node should travel: `encapsulation` is `none`, `IPIP`, `VXLAN` or `WireGuard`."""

    node: str
    encapsulation: str


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The nodes and the pools that there are."""

    nodes: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()


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
    rules: tuple[PolicyRule, ...] = ()


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
