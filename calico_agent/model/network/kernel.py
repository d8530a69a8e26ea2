"""What the kernel says about this host, read in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from calico_agent.model.network.address import Family, IPAddress, Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.model.network.policy_rule import PolicyRule, RuleAction, asked_before_main, met
from calico_agent.model.network.route import TABLE_MAIN, Route, RouteType, host_prefix

ALL_LINKS = "all"
"""In `Kernel.ip_forward`, what is set for all links (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding)."""


@dataclass(frozen=True, slots=True)
class RouteLookup:
    """The kernel's answer to "how would a packet to `destination` leave?" (RTM_GETROUTE for one address).

    `address` is the source address it would carry, None when there is no route; then `error` says why.
    """

    destination: IPAddress
    address: IPAddress | None
    device: str = ""
    gateway: IPAddress | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Links with addresses, the main table, look-ups towards the addresses that were asked for.

    `default_lookups` are the answers for the default routes, one per family that has one.
    `neighbours` are all, or what an audit needs: those that do not answer, were written by hand, or are on VXLAN
    devices.
    They and `fdb` are None when they were not read: a recorded host has none. `rules` are the policy rules in
    the order in which they are asked, `tables` the tables beside main and local to which they lead.
    `ip_forward` says by family and link whether the kernel forwards what comes in there; a recorded host has none.
    """

    links: tuple[Link, ...] = ()
    fib: Fib = field(default_factory=Fib)
    lookups: tuple[RouteLookup, ...] = ()
    default_lookups: tuple[RouteLookup, ...] = ()
    neighbours: tuple[Neighbour, ...] | None = None
    fdb: tuple[ForwardingEntry, ...] | None = None
    rules: Mapping[Family, tuple[PolicyRule, ...]] = field(default_factory=dict)
    tables: Mapping[int, Fib] = field(default_factory=dict)
    ip_forward: Mapping[Family, Mapping[str, bool]] = field(default_factory=dict)

    def holder(self, address: IPAddress) -> tuple[Link, LinkAddress] | None:
        """The link that carries exactly this address."""
        return next(((link, held) for link in self.links for held in link.addresses if held.address == address), None)

    def link(self, name: str) -> Link | None:
        """The link of this name."""
        return next((link for link in self.links if link.name == name), None)

    def route_to(self, address: IPAddress) -> Route | None:
        """The route that packets of this host to an address take, by policy rules and tables; None where it has none.

        They carry no mark and are not bound to an address yet, as those that a tunnel makes.
        """
        asked = asked_before_main(self.rules.get(Family(address.version), ()))
        for rule in met(asked, host_prefix(address)) if asked else ():
            if rule.action.refuses:
                return Route(host_prefix(address), RouteType[rule.action.name])
            table = self.fib if rule.table == TABLE_MAIN else self.tables.get(rule.table, Fib())
            found = table.lookup(address) if rule.action is RuleAction.TABLE else None
            if found is not None and (rule.suppressed is None or found.prefix.prefixlen > rule.suppressed):
                return found
        return self.fib.lookup(address)

    def families(self) -> tuple[Family, ...]:
        """The families this host has a global address of."""
        found = {held.family for link in self.links for held in link.addresses if held.scope == "global"}
        return tuple(sorted(found))
