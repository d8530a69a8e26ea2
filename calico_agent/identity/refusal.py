"""Why no address was chosen, for people: what was wanted, what was found, what to write where."""

from calico_agent.faults.node.addresses import IP_NOT_LOCAL
from calico_agent.faults.node.identity import IP_AMBIGUOUS, IP_NONE, IP_REJECTED
from calico_agent.identity.candidates import Rejection
from calico_agent.identity.question import AddressQuestion
from calico_agent.model.finding import Fault
from calico_agent.model.identity import Candidate, Opinion

_SHOWN = 6
_OBVIOUS = frozenset({Rejection.LOOPBACK, Rejection.LINK_LOCAL})


def refuse(question: AddressQuestion, opinions: tuple[Opinion, ...]) -> tuple[Fault, str]:
    """Return the fault and the sentences. `opinions` is what the rules say."""
    if question.settings.configured is not None:
        return _refuse_configured(question)
    if question.settings.calico is not None:
        return IP_NONE, f"The configured method {opinions[0].detail}. {_offers(question)}"
    named = {interface for opinion in opinions for interface in opinion.named}
    possible = [one for one in question.candidates if one.accepted or one.interface in named]
    if any(candidate.accepted for candidate in possible):
        return IP_AMBIGUOUS, _ambiguous(question, possible, opinions)
    return IP_NONE, _none(question)


def _refuse_configured(question: AddressQuestion) -> tuple[Fault, str]:
    wanted = question.settings.configured
    assert wanted is not None
    rejected = question.candidate(wanted.ip)
    if rejected is None:
        return IP_NOT_LOCAL, (
            f"The configured IPv{question.family} address {wanted.ip} is on no link of this host, so BIRD could not "
            f"use it. {_offers(question)}"
        )
    return IP_REJECTED, (
        f"The configured IPv{question.family} address {wanted.ip} cannot be the node's: {rejected.interface} "
        f"{rejected.link} {rejected.evidence}. {_offers(question)}"
    )


def _ambiguous(question: AddressQuestion, possible: list[Candidate], opinions: tuple[Opinion, ...]) -> str:
    found = _listed([_with_what_names_it(candidate, opinions) for candidate in possible])
    return (
        f"{len(possible)} IPv{question.family} addresses could be this node's, and nothing decides between them: "
        f"{found}. Write the right one into the configuration: {_lines(question, possible)}."
    )


def _with_what_names_it(candidate: Candidate, opinions: tuple[Opinion, ...]) -> str:
    rules = [opinion.rule for opinion in opinions if opinion.named == (candidate.interface,)]
    by = f"named by: {', '.join(rules)}" if rules else ""
    against = candidate.evidence if not candidate.accepted else ""
    notes = "; ".join(filter(None, (by, against)))
    return f"{candidate.interface} ({candidate.link}{'; ' if notes else ''}{notes})"


def _none(question: AddressQuestion) -> str:
    cure = "Give a link the address at which other nodes reach this host"
    found = [
        f"{candidate.interface} {candidate.link} {candidate.evidence}"
        for candidate in question.candidates
        if candidate.reason not in _OBVIOUS
    ]
    if not found:
        return f"This host has no IPv{question.family} address other than loopback and link-local ones. {cure}."
    return (
        f"No IPv{question.family} address of this host can be the node's: {_listed(found, '; ')}. {cure}; if one of "
        f'these is right all the same, write it into the configuration: [identity] {_key(question)} = "...".'
    )


def _offers(question: AddressQuestion) -> str:
    accepted = [candidate for candidate in question.candidates if candidate.accepted]
    if not accepted:
        return "This host has no other address that could be it."
    return f"Write instead: {_lines(question, accepted)}."


def _lines(question: AddressQuestion, accepted: list[Candidate]) -> str:
    choices = [f'{_key(question)} = "{candidate.interface.ip}"' for candidate in accepted[:_SHOWN]]
    return "[identity] " + " or ".join(dict.fromkeys(choices))


def _key(question: AddressQuestion) -> str:
    return f"ipv{question.family}"


def _listed(things: list[str], separator: str = ", ") -> str:
    rest = len(things) - _SHOWN
    return separator.join(things[:_SHOWN]) + (f"{separator}and {rest} more" if rest > 0 else "")
