"""The decision list: one function for each rule, strongest evidence first.

Each rule looks at the same question and names the addresses it would choose. Only candidates that were not rejected
count as answers; what a rule would have said but for a rejection stands in its detail. The first rule with exactly one
answer decides, all others are kept to be shown as agreeing or disagreeing.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from calico_agent.identify import stated
from calico_agent.identify.candidates import Rejection
from calico_agent.identify.question import Question
from calico_agent.model.address import IPAddress, IPInterface
from calico_agent.model.identity import Opinion
from calico_agent.model.observation import Unreadable

# A node that registered an address of one of these kinds registered it wrongly, and here it is a local network: the
# way to it says nothing about the way to other nodes.
_LOCAL_ONLY = frozenset({Rejection.DOCKER_NETWORK, Rejection.BRIDGE_WITHOUT_PORT, Rejection.CALICO_POOL})


def other_nodes(question: Question) -> Opinion:
    """The source address the kernel uses towards most of the other nodes' registered addresses."""
    rule = "other nodes"
    if isinstance(question.around.datastore, Unreadable):
        return Opinion(rule, (), f"the datastore cannot be read: {question.around.datastore.reason}")
    # The records are many and the look-ups few: begin with the look-ups.
    registered = question.around.registered_elsewhere
    asked = [
        source
        for source in question.around.kernel.sources
        if source.destination.version == question.family
        and source.destination in registered
        and not _is_local(source.destination, question)
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


Rule = Callable[[Question], Opinion]

_RULES: tuple[Rule, ...] = (
    stated.configured,
    stated.kubelet,
    stated.last_choice,
    other_nodes,
    datastore,
    default_route,
    only_candidate,
)


def opinions_of(question: Question) -> tuple[tuple[Opinion, ...], tuple[Opinion, ...]]:
    """What every rule says, and the part of it that may decide: what is configured is overruled by nothing."""
    if question.settings.method == "calico":
        opinions = tuple(rule(question) for rule in (stated.calico_method, *_RULES[1:]))
        return opinions, opinions[:1]
    opinions = tuple(rule(question) for rule in _RULES)
    return opinions, opinions[:1] if question.settings.method == "configured" else opinions


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


def _s(things: tuple[IPInterface, ...]) -> str:
    return " is" if len(things) == 1 else "s are"
