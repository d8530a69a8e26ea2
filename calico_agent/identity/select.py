"""Who this host is: the node name and the address of each family, with everything that led there.

calico/node is always given both. Left alone it takes the first address of the newest link whose name it does not
know, and keeps it (node/pkg/lifecycle/startup/autodetection/filtered.go@v3.32.1): on a host with Docker that is often
a bridge that every other host has too. Here nothing is guessed: no unique answer is no answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from calico_agent.faults.node.identity import IP_UNKNOWN
from calico_agent.identity.autodetect import calico_itself
from calico_agent.identity.candidates import candidates
from calico_agent.identity.established import established_name, recorded_name
from calico_agent.identity.evidence import Evidence
from calico_agent.identity.name import choose_name, own_names
from calico_agent.identity.name_sources import name_sources
from calico_agent.identity.question import AddressQuestion
from calico_agent.identity.refusal import refuse
from calico_agent.identity.rules import opinions_of, winner
from calico_agent.identity.sticky import kept_address, lost
from calico_agent.identity.weighing import weigh
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, KeptIdentity
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings

_NOTHING_KEPT = KeptIdentity()
_NOTHING_REACHED: Mapping[str, tuple[IPAddress, ...]] = MappingProxyType({})


def identify_host(
    host: Host | Unreadable,
    kernel: Kernel | Unreadable,
    docker: Docker | Unreadable,
    datastore: Datastore | Unreadable,
    settings: IdentitySettings,
    endpoints: tuple[IPAddress, ...],
    *,
    kept: KeptIdentity = _NOTHING_KEPT,
    reachable: Mapping[str, tuple[IPAddress, ...]] = _NOTHING_REACHED,
    birds: Iterable[Bird | Unreadable | None] = (),
) -> Identity:
    """Return name and addresses of this host. `endpoints` are the datastore's, resolved; `kept` is the last choice.

    `reachable` are the addresses of the destinations of `can-reach=`, `birds` what BIRD says here.
    `kernel.sources` should hold look-ups towards them, the endpoints and the other nodes' registered addresses; a
    look-up that was not made only silences the rule that needs it.
    """
    kept = kept.of(host.machine_id) if isinstance(host, Host) else kept
    # Names of Calico 2.x, which is known by the etcd API that it uses.
    as_written = settings.as_written or (isinstance(datastore, Datastore) and datastore.is_of_calico_2)
    established = established_name(host, kernel, docker, datastore, kept)
    recorded = recorded_name(host, kernel, datastore)
    name = choose_name(host, settings.name, kept, established, recorded, as_written=as_written)
    name = replace(name, sources=name_sources(host, kernel, docker, datastore, settings.name, kept))
    if isinstance(kernel, Unreadable):
        ipv4 = _unknown(Family.IPV4, settings.ipv4, kernel)
        return Identity(name, ipv4, _unknown(Family.IPV6, settings.ipv6, kernel))
    own = own_names(name, host, docker)
    around = Evidence.of(kernel, docker, datastore, endpoints, own, host, reachable, birds, name=name.name or "")
    found = candidates(around)
    return Identity(
        name,
        choose_address(_question(Family.IPV4, settings.ipv4, found, around, kept)),
        choose_address(_question(Family.IPV6, settings.ipv6, found, around, kept)),
    )


def choose_address(question: AddressQuestion) -> AddressChoice:
    """Return the answer of the first rule that has exactly one; no other rule overrules what is configured."""
    question = weigh(question)
    family, found = question.family, question.candidates
    if question.settings.method == "none":
        return AddressChoice(family, wanted=False, candidates=found)
    opinions, deciding = opinions_of(question)
    choice = AddressChoice(family, candidates=found, opinions=opinions, calico=calico_itself(question))
    decides = winner(deciding)
    if decides is None:
        fault, refusal = refuse(question, opinions)
        choice = replace(choice, refusal=refusal, refused_by=fault)
    else:
        chosen = decides.answers[0]
        holder = question.candidate(chosen.ip)
        choice = replace(choice, chosen=chosen, link=holder.link if holder else "", rule=decides.rule)
    return replace(choice, lost=lost(question.kept, choice))


def _question(
    family: Family,
    settings: AddressSettings,
    found: tuple[Candidate, ...],
    around: Evidence,
    kept: KeptIdentity,
) -> AddressQuestion:
    own_family = tuple(candidate for candidate in found if candidate.interface.version == family)
    return AddressQuestion(family, settings, own_family, around, kept_address(kept, family))


def _unknown(family: Family, settings: AddressSettings, kernel: Unreadable) -> AddressChoice:
    if settings.method == "none":
        return AddressChoice(family, wanted=False)
    refusal = f"The addresses of this host cannot be read: {kernel.reason}"
    return AddressChoice(family, refusal=refusal, refused_by=IP_UNKNOWN)
