"""Who this host is: the node name and the address of each family, with everything that led there.

calico/node is always given both. Left alone it takes the first address of the newest link whose name it does not
know, and keeps it (node/pkg/lifecycle/startup/autodetection/filtered.go@v3.32.1): on a host with Docker that is often
a bridge that every other host has too. Here nothing is guessed: no unique answer is no answer.
"""

from calico_agent.identify.candidates import candidates
from calico_agent.identify.name import choose_name, own_names
from calico_agent.identify.refusal import refuse
from calico_agent.identify.rules import RULES, Question
from calico_agent.identify.surroundings import Surroundings
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.container import Docker
from calico_agent.model.host import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings


def identify_host(
    host: Host | Unreadable,
    kernel: Kernel | Unreadable,
    docker: Docker | Unreadable,
    datastore: Datastore | Unreadable,
    settings: IdentitySettings,
    endpoints: tuple[IPAddress, ...],
) -> Identity:
    """Name and addresses of this host. `endpoints` are the datastore's, resolved.

    `kernel.sources` should hold look-ups towards the endpoints and the other nodes' registered addresses; a look-up
    that was not made only silences the rule that needs it.
    """
    name = choose_name(host, settings.name)
    if isinstance(kernel, Unreadable):
        ipv4 = _unknown(Family.IPV4, settings.ipv4, kernel)
        return Identity(name, ipv4, _unknown(Family.IPV6, settings.ipv6, kernel))
    around = Surroundings.of(kernel, docker, datastore, endpoints, own_names(name, host, docker))
    found = candidates(around)
    return Identity(
        name,
        choose_address(_question(Family.IPV4, settings.ipv4, found, around)),
        choose_address(_question(Family.IPV6, settings.ipv6, found, around)),
    )


def choose_address(question: Question) -> AddressChoice:
    """The answer of the first rule that has exactly one; a configured address is not overruled by any other rule."""
    family, found = question.family, question.candidates
    if question.settings.method == "none":
        return AddressChoice(family, wanted=False, candidates=found)
    opinions = tuple(rule(question) for rule in RULES)
    deciding = opinions[:1] if question.settings.method == "configured" else opinions
    winner = next((opinion for opinion in deciding if len(opinion.answers) == 1), None)
    if winner is None:
        code, refusal = refuse(question)
        return AddressChoice(family, candidates=found, opinions=opinions, refusal=refusal, refusal_code=code)
    chosen = winner.answers[0]
    holder = question.candidate(chosen.ip)
    link = holder.link if holder else ""
    return AddressChoice(family, True, chosen, link, winner.rule, found, opinions)


def _question(
    family: Family, settings: AddressSettings, found: tuple[Candidate, ...], around: Surroundings
) -> Question:
    own_family = tuple(candidate for candidate in found if candidate.interface.version == family)
    return Question(family, settings, own_family, around)


def _unknown(family: Family, settings: AddressSettings, kernel: Unreadable) -> AddressChoice:
    if settings.method == "none":
        return AddressChoice(family, wanted=False)
    refusal = f"The addresses of this host cannot be read: {kernel.reason}"
    return AddressChoice(family, refusal=refusal, refusal_code="IP-UNKNOWN")
