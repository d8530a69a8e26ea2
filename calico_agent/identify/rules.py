"""The decision list: one function for each rule, strongest evidence first.

Each rule looks at the same question and names the addresses it would choose. Only candidates that were not rejected
count as answers; what a rule would have said but for a rejection stands in its detail. The first rule with exactly one
answer decides, all others are kept to be shown as agreeing or disagreeing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from calico_agent.identify.candidates import NEVER, Rejection
from calico_agent.identify.surroundings import Surroundings
from calico_agent.model.address import Family, IPAddress, IPInterface, interface_of
from calico_agent.model.identity import Candidate, Opinion
from calico_agent.model.node import Node
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings

CONFIGURED = "configured"

# A node that registered an address of one of these kinds registered it wrongly, and here it is a local network: the
# way to it says nothing about the way to other nodes.
_LOCAL_ONLY = frozenset({Rejection.DOCKER_NETWORK, Rejection.BRIDGE_WITHOUT_PORT, Rejection.CALICO_POOL})


@dataclass(frozen=True, slots=True)
class Question:
    """Which of `candidates`, all of one family, is the node's address?"""

    family: Family
    settings: AddressSettings
    candidates: tuple[Candidate, ...]
    around: Surroundings

    def candidate(self, address: IPAddress) -> Candidate | None:
        """The candidate with this address, preferably one that is not rejected."""
        held = [candidate for candidate in self.candidates if candidate.interface.ip == address]
        return next((candidate for candidate in held if candidate.accepted), held[0] if held else None)


def configured(question: Question) -> Opinion:
    """The address that is written in the configuration, if this host has it and nothing speaks strictly against it."""
    wanted = question.settings.configured
    if question.settings.method != "configured" or wanted is None:
        return Opinion(CONFIGURED, (), "no address is configured")
    candidate = question.candidate(wanted.ip)
    if candidate is None:
        return Opinion(CONFIGURED, (), f"{wanted.ip} is configured, but no link of this host has it")
    if candidate.reason in NEVER:
        return Opinion(CONFIGURED, (), f"{wanted.ip} is configured, but {_sentence(candidate)}")
    # Without a prefix length the configuration means the link's: Calico's CrossSubnet compares whole networks.
    whole = wanted.network.num_addresses == 1
    answer = candidate.interface if whole else interface_of(wanted.ip, wanted.network.prefixlen)
    doubt = "" if candidate.accepted else f", although it {candidate.evidence}"
    return Opinion(CONFIGURED, (answer,), f"{wanted.ip} is configured{doubt}")


def other_nodes(question: Question) -> Opinion:
    """The source address the kernel uses towards most of the other nodes' registered addresses."""
    rule = "other nodes"
    if isinstance(question.around.datastore, Unreadable):
        return Opinion(rule, (), f"the datastore cannot be read: {question.around.datastore.reason}")
    # The records are many and the look-ups few: begin with the look-ups.
    registered = _registered(question.around.other_nodes, question.family)
    asked = [
        source
        for source in question.around.kernel.sources
        if source.destination in registered and not _is_local(source.destination, question)
    ]
    if not asked:
        return Opinion(rule, (), "no other node has registered an address outside this host")
    found = [source for source in asked if source.address is not None]
    if not found:
        return Opinion(rule, (), "the kernel knows no way to any other node")
    votes = Counter(source.address for source in found)
    majority = [address for address, count in votes.items() if count * 2 > len(found)]
    if not majority:
        shares = ", ".join(f"{count} from {address}" for address, count in votes.most_common())
        return Opinion(rule, (), f"no majority: of {len(found)} other nodes the kernel reaches {shares}")
    return _answer(
        question, rule, majority, f"the kernel reaches {votes[majority[0]]} of {len(found)} other nodes from"
    )


def datastore(question: Question) -> Opinion:
    """The source address towards the datastore, unless the datastore is on this host."""
    rule = "datastore"
    endpoints = {address for address in question.around.endpoints if address.version == question.family}
    if not endpoints:
        return Opinion(rule, (), f"no datastore endpoint with an IPv{question.family} address is known")
    away = {address for address in endpoints if not _is_local(address, question)}
    if not away:
        return Opinion(rule, (), "the datastore is on this host, which says nothing")
    found = [source for source in question.around.kernel.sources if source.destination in away and source.address]
    if not found:
        return Opinion(rule, (), "the kernel knows no way to the datastore")
    return _answer(question, rule, [source.address for source in found], "the kernel reaches the datastore from")


def default_route(question: Question) -> Opinion:
    """The source address of the default route."""
    rule = "default route"
    found = [
        source
        for source in question.around.kernel.default_sources
        if source.address is not None and source.address.version == question.family
    ]
    if not found:
        return Opinion(rule, (), "there is no default route")
    return _answer(question, rule, [source.address for source in found], "packets to the rest of the world leave from")


def only_candidate(question: Question) -> Opinion:
    """The candidate that is left when all others are rejected."""
    left = tuple(dict.fromkeys(candidate.interface for candidate in question.candidates if candidate.accepted))
    return Opinion("only candidate", left if len(left) == 1 else (), f"{len(left) or 'no'} candidate{_s(left)} left")


RULES: tuple[Callable[[Question], Opinion], ...] = (configured, other_nodes, datastore, default_route, only_candidate)


def _registered(nodes: Iterable[Node], family: Family) -> frozenset[IPAddress]:
    addresses = (node.registered(family) for node in nodes)
    return frozenset(address.ip for address in addresses if address is not None)


def _is_local(address: IPAddress, question: Question) -> bool:
    """Whether `address` is on this host, or in a network that exists inside this host only."""
    if address.is_loopback or question.candidate(address) is not None:
        return True
    return any(
        address in candidate.interface.network
        for candidate in question.candidates
        if candidate.reason in _LOCAL_ONLY and candidate.interface.network.num_addresses > 1
    )


def _answer(question: Question, rule: str, addresses: Iterable[IPAddress | None], how: str) -> Opinion:
    """An opinion from the source addresses that the kernel gave."""
    answers: list[IPInterface] = []
    words: list[str] = []
    for address in dict.fromkeys(address for address in addresses if address is not None):
        candidate = question.candidate(address)
        if candidate is None:
            words.append(f"{address}, which no link has")
        elif candidate.accepted:
            answers.append(candidate.interface)
            words.append(f"{address} ({candidate.link})")
        else:
            words.append(f"{address} ({candidate.link}), which {candidate.evidence}")
    return Opinion(rule, tuple(answers), f"{how} {' and '.join(words)}")


def _sentence(candidate: Candidate) -> str:
    return f"{candidate.interface} {candidate.link} {candidate.evidence}"


def _s(things: tuple[IPInterface, ...]) -> str:
    return " is" if len(things) == 1 else "s are"
