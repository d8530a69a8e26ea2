"""Which of many addresses the kernel may reach otherwise than directly on a network of this host.

Hosts have thousands of routes and few that lead to other hosts: those few are found without a look-up for each address.
"""

from collections.abc import Iterator, Mapping

from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import asked_before_main
from calico_agent.model.network.prefix import FULL_LENGTH, prefix_of
from calico_agent.model.network.route import PROTOCOL_KERNEL, TABLE_MAIN, RouteAttributes

_Networks = Mapping[int, Mapping[int, frozenset[IPAddress]]]
"""By prefix length and network: the addresses in it."""


class Detours:
    """Finds them again and again; the networks around the same addresses are kept."""

    def __init__(self) -> None:
        self._networks = {family: LastValueCache(_networks) for family in Family}

    def among(self, kernel: Kernel, addresses: tuple[IPAddress, ...]) -> frozenset[IPAddress]:
        """Those of the addresses around which there is a route of another table than main, or one of main that is not
        that of a network of this host; its default route counts for nothing.
        """
        return frozenset(one for family in Family for one in self._of_family(kernel, addresses, family))

    def _of_family(self, kernel: Kernel, addresses: tuple[IPAddress, ...], family: Family) -> Iterator[IPAddress]:
        asked = asked_before_main(kernel.rules.get(family, ()))
        if any(rule.action.refuses for rule in asked):
            yield from addresses
            return
        tables = [kernel.tables.get(rule.table, Fib()) for rule in asked if rule.table != TABLE_MAIN]
        buckets = [table.index.get(family, {}) for table in (kernel.fib, *tables)]
        connected = {(held.network, link.name) for link in kernel.links for held in link.addresses}
        networks = self._networks[family](addresses, family, frozenset(length for one in buckets for length in one))
        for table, lengths in enumerate(buckets):
            for length, bucket in lengths.items():
                if table or length:
                    inside = networks[length]
                    for network in inside.keys() & bucket.keys():
                        prefix = prefix_of((family, length, network))
                        if table or not all(_is_direct(path, prefix, connected) for path in bucket[network]):
                            yield from inside[network]


def _is_direct(path: RouteAttributes, prefix: IPNetwork, connected: set[tuple[IPNetwork, str]]) -> bool:
    """Whether it is the route of a network of this host, whoever wrote it: the kernel, or who hears advertisements."""
    near = all(hop.gateway is None and (prefix, hop.device) in connected for hop in path.next_hops)
    return path.protocol == PROTOCOL_KERNEL or (near and bool(path.next_hops))


def _networks(addresses: tuple[IPAddress, ...], family: Family, lengths: frozenset[int]) -> _Networks:
    found: dict[int, dict[int, set[IPAddress]]] = {length: {} for length in lengths}
    for address in addresses:
        if address.version == family:
            for length, networks in found.items():
                shift = FULL_LENGTH[family] - length
                networks.setdefault(int(address) >> shift << shift, set()).add(address)
    return {length: {key: frozenset(some) for key, some in networks.items()} for length, networks in found.items()}
