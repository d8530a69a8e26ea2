"""What the kernel itself sends from: towards the other nodes, the datastore, and the rest of the world.

It is asked, nothing is sent. Which of several addresses of one network it takes is decided by the order in which they
were configured, in IPv6 by the longest prefix at first, so that a floating /128 comes before the host's own /64
(inet_select_addr in net/ipv4/devinet.c, ipv6_get_saddr_eval in net/ipv6/addrconf.c): it speaks for the network, not for
the address.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from calico_agent.identity.candidates import Rejection
from calico_agent.identity.question import AddressQuestion
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import RouteLookup
from calico_agent.model.observation import Unreadable

OTHER_NODES, DATASTORE, DEFAULT_ROUTE = "other nodes", "datastore", "default route"

# A node that registered an address of one of these kinds registered it wrongly, and here it is a local network: the
# way to it says nothing about the way to other nodes.
_LOCAL_ONLY = frozenset({Rejection.DOCKER_NETWORK, Rejection.BRIDGE_WITHOUT_PORT, Rejection.CALICO_POOL})


@dataclass(frozen=True, slots=True)
class WayOut:
    """From which addresses the kernel sends to a kind of destination; for none, `words` say why, else what they are."""

    rule: str
    words: str
    addresses: tuple[IPAddress, ...] = ()


def ways_out(question: AddressQuestion) -> tuple[WayOut, ...]:
    """Return all that the kernel says, what tells most first."""
    return towards_nodes(question), towards_datastore(question), by_default(question)


def alike(candidate: Candidate, question: AddressQuestion) -> tuple[Candidate, ...]:
    """Return the addresses of its link that the kernel's choice of this one may stand for, itself among them."""
    own = candidate.interface
    single = own.version == 6 and own.network.num_addresses == 1
    return tuple(
        one
        for one in question.candidates
        if one.link == candidate.link
        and (one.interface.network == own.network or (single and own.ip in one.interface.network))
    )


def towards_nodes(question: AddressQuestion) -> WayOut:
    """Return the source address the kernel uses towards most of the other nodes' registered addresses."""
    if isinstance(question.around.datastore, Unreadable):
        return WayOut(OTHER_NODES, f"the datastore cannot be read: {question.around.datastore.reason}")
    # The records are many and the look-ups few: begin with the look-ups.
    registered = question.around.registered_elsewhere
    asked = [
        source
        for source in question.around.kernel.lookups
        if source.destination.version == question.family
        and source.destination in registered
        and not _is_local(source.destination, question)
    ]
    if not asked:
        return WayOut(OTHER_NODES, "no other node has registered an address outside this host")
    found = [source for source in asked if source.address is not None]
    if not found:
        return WayOut(OTHER_NODES, "the kernel knows no way to any other node")
    votes = Counter(source.address for source in found)
    majority = [address for address, count in votes.items() if count * 2 > len(found)]
    if not majority:
        shares = ", ".join(f"{count} from {address}" for address, count in votes.most_common())
        return WayOut(OTHER_NODES, f"no majority: of {len(found)} other nodes the kernel reaches {shares}")
    words = f"the kernel reaches {votes[majority[0]]} of {len(found)} other nodes from"
    return WayOut(OTHER_NODES, words, _addresses(source for source in found if source.address in majority))


def towards_datastore(question: AddressQuestion) -> WayOut:
    """Return the source address towards the datastore, unless the datastore is on this host."""
    endpoints = {address for address in question.around.endpoints if address.version == question.family}
    if not endpoints:
        return WayOut(DATASTORE, f"no datastore endpoint with an IPv{question.family} address is known")
    away = {address for address in endpoints if not _is_local(address, question)}
    if not away:
        return WayOut(DATASTORE, "the datastore is on this host, which says nothing")
    found = _addresses(source for source in question.around.kernel.lookups if source.destination in away)
    if not found:
        return WayOut(DATASTORE, "the kernel knows no way to the datastore")
    return WayOut(DATASTORE, "the kernel reaches the datastore from", found)


def by_default(question: AddressQuestion) -> WayOut:
    """Return the source address of the default route."""
    sources = question.around.kernel.default_lookups
    found = _addresses(source for source in sources if source.destination.version == question.family)
    if not found:
        return WayOut(DEFAULT_ROUTE, "there is no default route")
    return WayOut(DEFAULT_ROUTE, "packets to the rest of the world leave from", found)


def _addresses(sources: Iterable[RouteLookup]) -> tuple[IPAddress, ...]:
    return tuple(dict.fromkeys(source.address for source in sources if source.address is not None))


def _is_local(address: IPAddress, question: AddressQuestion) -> bool:
    """Whether `address` is on this host, or in a network that exists inside this host only."""
    if address.is_loopback or question.candidate(address) is not None:
        return True
    return any(
        address in candidate.interface.network
        for candidate in question.candidates
        if candidate.reason in _LOCAL_ONLY and candidate.interface.network.num_addresses > 1
    )
