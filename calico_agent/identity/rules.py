"""The decision list: one function for each rule, strongest evidence first.

Each rule looks at the same question and names the addresses it would choose. Only accepted candidates count as answers;
what a rule would have said but for a rejection stands in its detail, and is named where nobody has to choose blindly.
The first rule with exactly one answer decides, unless most of what the kernel says is for one other address. All others
are kept to be shown as agreeing or disagreeing.
"""

from collections import Counter
from collections.abc import Callable

from calico_agent.identity import explicit_rules as stated
from calico_agent.identity.candidates import NEVER
from calico_agent.identity.kernel_sources import WayOut, alike, by_default, towards_datastore, towards_nodes
from calico_agent.identity.question import AddressQuestion
from calico_agent.model.identity import Candidate, Opinion
from calico_agent.model.network.address import IPInterface


def other_nodes(question: AddressQuestion) -> Opinion:
    """Return the source address the kernel uses towards most of the other nodes' registered addresses."""
    return _by_way(question, towards_nodes(question))


def datastore(question: AddressQuestion) -> Opinion:
    """Return the source address towards the datastore, unless the datastore is on this host."""
    return _by_way(question, towards_datastore(question))


def default_route(question: AddressQuestion) -> Opinion:
    """Return the source address of the default route."""
    return _by_way(question, by_default(question))


def only_candidate(question: AddressQuestion) -> Opinion:
    """Return the candidate that is left when all others are rejected."""
    left = tuple(dict.fromkeys(candidate.interface for candidate in question.candidates if candidate.accepted))
    return Opinion("only candidate", left if len(left) == 1 else (), f"{len(left) or 'no'} candidate{_s(left)} left")


Rule = Callable[[AddressQuestion], Opinion]

_RULES: tuple[Rule, ...] = (
    stated.configured,
    stated.kubelet,
    stated.last_choice,
    stated.own_record,
    other_nodes,
    datastore,
    stated.internal_ip,
    default_route,
    only_candidate,
)


def opinions_of(question: AddressQuestion) -> tuple[tuple[Opinion, ...], tuple[Opinion, ...]]:
    """Return what every rule says, and the part of it that may decide: what is configured is overruled by nothing."""
    rules = tuple(rule for rule in _RULES if rule is not stated.internal_ip or question.around.internal)
    if question.settings.method == "calico":
        opinions = tuple(rule(question) for rule in (stated.calico_method, *rules[1:]))
        return opinions, opinions[:1]
    opinions = tuple(rule(question) for rule in rules)
    return opinions, opinions[:1] if question.settings.method == "configured" else opinions


def winner(deciding: tuple[Opinion, ...]) -> Opinion | None:
    """Return the first opinion with exactly one answer.

    A weak rule decides nothing against several ways out of the kernel, one of them a stronger rule, that all begin at
    one other address: something speaks against that, or it would have decided, but not enough to say that it is wrong.
    """
    first = next((opinion for opinion in deciding if len(opinion.answers) == 1), None)
    if first is None:
        return None
    ways = Counter(opinion.named[0] for opinion in deciding if len(opinion.named) == 1)
    stronger = {opinion.named for opinion in deciding[: deciding.index(first)] if len(opinion.named) == 1}
    own = ways[first.answers[0]]
    return None if any(ways[named] > 1 and ways[named] >= own for (named,) in stronger) else first


def _by_way(question: AddressQuestion, way: WayOut) -> Opinion:
    """An opinion from the source addresses that the kernel gave."""
    if not way.addresses:
        return Opinion(way.rule, (), way.words)
    answers: dict[IPInterface, None] = {}
    named: dict[IPInterface, None] = {}
    words: list[str] = []
    for address in way.addresses:
        candidate = question.candidate(address)
        if candidate is None:
            words.append(f"{address}, which no link has")
            continue
        equal = _equal(candidate, question)
        answers |= dict.fromkeys(one.interface for one in equal)
        if equal or candidate.reason not in NEVER:
            named |= dict.fromkeys(one.interface for one in equal or (candidate,))
        words.append(_words(candidate, equal))
    return Opinion(way.rule, tuple(answers), f"{way.words} {' and '.join(words)}", tuple(named))


def _equal(candidate: Candidate, question: AddressQuestion) -> tuple[Candidate, ...]:
    """The candidates that the kernel's choice of one stands for: all of its network on its link.

    Of these the one that is this host's own already is meant: the address of its record, of the last choice, of the
    container that runs, or of its claim. It may be on another link in the same network: between links, too, the kernel
    goes by order.
    """
    network, own = candidate.interface.network, question.own
    possible = tuple(one for one in alike(candidate, question) if one.accepted)
    elsewhere = (one for one in question.candidates if one.accepted and one.interface.network == network)
    known = tuple(dict.fromkeys(one for one in (*possible, *elsewhere) if one.interface.ip in own))
    return (known or possible) if possible else ()


def _words(candidate: Candidate, equal: tuple[Candidate, ...]) -> str:
    words = f"{candidate.interface.ip} ({candidate.link})"
    if not equal:
        return f"{words}, which {candidate.evidence}"
    others = " and ".join(str(one.interface.ip) for one in equal if one != candidate)
    if not others:
        return words
    if candidate in equal:
        return f"{words}, which only comes before {others}"
    return f"{words}, in whose network this host is {others}"


def _s(things: tuple[IPInterface, ...]) -> str:
    return " is" if len(things) == 1 else "s are"
