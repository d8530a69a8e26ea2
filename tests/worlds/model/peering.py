"""BGP beyond the mesh as values: BGPPeers, BGPFilters, and the routers outside the cluster that they lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.worlds.model.values import IPAddress, IPNetwork

IMPORT, EXPORT = "import", "export"
ALL, AGGREGATE, DEFAULT, NOTHING = "all", "aggregate", "default", "nothing"
_TERM = re.compile(r"(!?)has\(([^)]+)\)|(\S+)\s*(==|!=)\s*'([^']*)'|all\(\)")


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule of a BGPFilter: it takes routes by their prefix, or all without `cidr`; `remote` those of peers only."""

    accepts: bool
    cidr: IPNetwork | None = None
    operator: str = "In"
    lengths: tuple[int, int] | None = None
    remote: bool = False

    def takes(self, prefix: IPNetwork, *, remote: bool) -> bool:
        """As BIRD 1.6.8 evaluates what confd writes (tried with `birdc eval`): `~` also takes a shorter prefix around
        the cidr where the lengths let it."""
        if self.remote and not remote:
            return False
        if self.cidr is None:
            return True
        if self.cidr.version != prefix.version:
            return False
        if self.operator in {"Equal", "NotEqual"}:
            return (prefix == self.cidr) is (self.operator == "Equal")
        low, high = self.lengths or (self.cidr.prefixlen, prefix.max_prefixlen)
        inside = low <= prefix.prefixlen <= high and prefix.overlaps(self.cidr)
        return inside is (self.operator == "In")


@dataclass(frozen=True, slots=True)
class Filter:
    """A BGPFilter. Of rules without a network there is one for each family."""

    name: str
    imports: tuple[FilterRule, ...] = ()
    exports: tuple[FilterRule, ...] = ()

    def verdict(self, direction: str, prefix: IPNetwork, *, remote: bool) -> bool | None:
        """What the first rule that takes the route does with it; None where none does."""
        rules = self.imports if direction == IMPORT else self.exports
        return next((one.accepts for one in rules if one.takes(prefix, remote=remote)), None)


@dataclass(frozen=True, slots=True)
class Peer:
    """A BGPPeer: of one node, of those that `nodes` selects, or of all; with an address, or with nodes that `peers`
    selects. `local_as` is the AS number of the nodes in these sessions, `allowed` how often it may be in AS paths. Its
    sessions are `unbound` where sourceAddress is None: they begin at the address that the kernel chooses."""

    name: str
    node: str = ""
    nodes: str = ""
    address: IPAddress | None = None
    as_number: int | None = None
    peers: str = ""
    port: int | None = None
    local_as: int | None = None
    filters: tuple[str, ...] = ()
    next_hop: str = ""
    allowed: int = 0
    password: str = ""
    unbound: bool = False


@dataclass(frozen=True, slots=True)
class Bgp:
    """BGPConfiguration `default` with those of nodes (`ports`: where BIRD of one listens), the BGPPeers and BGPFilters.
    `services` are advertised by every node: ranges of cluster addresses, and single external ones."""

    mesh: bool = True
    as_number: int = 64512
    port: int = 179
    peers: tuple[Peer, ...] = ()
    filters: tuple[Filter, ...] = ()
    services: tuple[IPNetwork, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Router:
    """The router of a wire as a BGP speaker: it has a session with every node that has one with it.

    What it `tells` nodes: all that it knows, one route for each pool, a default route, or nothing; and always `beyond`,
    networks outside the cluster. `override`: it puts its own AS number in the place of the receiver's in AS paths.
    `own_hop`: it is the next hop of what it tells, even where nodes could reach each other directly.
    """

    segment: str
    as_number: int
    tells: str = ALL
    override: bool = False
    own_hop: bool = False
    beyond: tuple[IPNetwork, ...] = ()
    port: int = 179
    password: str = ""

    @property
    def name(self) -> str:
        """What it is called among hosts: no host can have this name."""
        return f"router {self.segment}"


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether a selector takes what has these labels: terms joined by `&&`. An empty one takes nothing."""
    return bool(selector) and all(_holds(term, labels) for term in selector.split("&&"))


def _holds(term: str, labels: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term.strip())
    assert found is not None, term
    absent, key, name, operator, value = found.groups()
    if key:
        return (key in labels) is not bool(absent)
    return not name or (labels.get(name) == value) is (operator == "==")
