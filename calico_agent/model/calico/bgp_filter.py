"""BGPFilter resources: which routes pass through the sessions of the BGPPeers that name them.

api/pkg/apis/projectcalico/v3/bgpfilter.go of projectcalico/calico@v3.28.5, and for the lengths of prefixes v3.29. The
first rule that takes a route decides; what none takes passes (confd's bird.cfg.template).
"""

from dataclasses import dataclass
from enum import Enum

from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.prefix import Key, key_of


class Match(Enum):
    """How a prefix and the `cidr` of a rule must stand to each other."""

    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    IN = "In"
    NOT_IN = "NotIn"


class Direction(Enum):
    """Routes that come in, and routes that go out."""

    IMPORT = "import"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule. Without `cidr` it takes every prefix; `lengths` are the shortest and longest that are in the cidr.

    `remote`: only routes that came from other BGP speakers. `conditional`: it has conditions on more than prefix and
    origin, so that it takes a route or does not.
    """

    accepts: bool
    match: Match | None = None
    cidr: IPNetwork | None = None
    lengths: tuple[int, int] | None = None
    remote: bool = False
    conditional: bool = False

    def may_take(self, key: Key, *, remote: bool) -> bool:
        """Whether it takes the route to a prefix, as far as that depends on prefix and origin."""
        if self.remote and not remote:
            return False
        if self.cidr is None:
            return True
        version, shortest, network = key_of(self.cidr)
        if self.match in {Match.EQUAL, Match.NOT_EQUAL}:
            return (key == (version, shortest, network)) is (self.match is Match.EQUAL)
        low, high = self.lengths or (shortest, self.cidr.max_prefixlen)
        shift = self.cidr.max_prefixlen - min(shortest, key[1])  # BIRD also takes a shorter one around the cidr
        inside = key[0] == version and low <= key[1] <= high and key[2] >> shift == network >> shift
        return inside is (self.match is Match.IN)


@dataclass(frozen=True, slots=True)
class BgpFilter:
    """A BGPFilter: its rules by direction, for each IP version."""

    name: str
    import_v4: tuple[FilterRule, ...] = ()
    import_v6: tuple[FilterRule, ...] = ()
    export_v4: tuple[FilterRule, ...] = ()
    export_v6: tuple[FilterRule, ...] = ()

    def rules(self, direction: Direction, version: int) -> tuple[FilterRule, ...]:
        """Those for one direction and IP version, in their order."""
        if direction is Direction.IMPORT:
            return self.import_v4 if version == 4 else self.import_v6
        return self.export_v4 if version == 4 else self.export_v6
