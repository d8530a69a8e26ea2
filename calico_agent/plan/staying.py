"""Why a node stays who it is, although something came to another opinion.

A host name, a link, the order of addresses are no reason to move a node that works. A name that this machine claimed,
or whose record has an address of this host, stays, and so does an address that is still here and works, or that went
with the cable of its link. What the configuration states is a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Bird
from calico_agent.model.claim import Standing, claim_on, this_machine
from calico_agent.model.host import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Datastore
from calico_agent.model.observation import Observation
from calico_agent.model.words import renaming

# Whose statement moves a node on purpose; of the rules for addresses, a method only where the address of before is
# another one in more than its place in the kernel's list.
_STATED_NAME = "configuration"
_STATED_ADDRESS = "configured"
_METHOD = "method"
_ORDER = "floating"

# Rules that say how the cluster reaches this host. The others only guess well.
_FIRM_RULES = frozenset({"kubelet", "other nodes"})

# Why an address can be no node's, whatever it is registered as: what the node has then cannot work.
_USELESS = frozenset(
    {
        "loopback",
        "link-local",
        "docker-network",
        "bridge-without-port",
        "calico-pool",
        "container-veth",
        "on-other-hosts",
        "tentative",
    }
)


@dataclass(frozen=True, slots=True)
class Who:
    """Who a container makes this host."""

    name: str
    addresses: Mapping[Family, IPAddress]


def why_it_stays(own: Who, wanted: Who, observation: Observation, identity: Identity) -> tuple[str, str]:
    """Why name or address stay, and how they are changed on purpose; empty for a container that gives way."""
    if own.name != wanted.name:
        why = "" if identity.name.source == _STATED_NAME else _keeps_name(own, observation, identity)
        return (why, renaming(own.name, wanted.name)) if why else ("", "")
    why = how = ""
    for choice in (identity.ipv4, identity.ipv6):
        address = own.addresses.get(choice.family)
        if choice.chosen is None or address is None or address == choice.chosen.ip:
            continue
        why = _keeps_address(own, address, choice, observation)
        if not why:
            return "", ""
        how = f'[identity] ipv{choice.family} = "{choice.chosen.ip}" moves it on purpose'
    return why, how


def candidates_of(identity: Identity) -> tuple[Candidate, ...]:
    """The addresses of this host's links, of both families."""
    return (*identity.ipv4.candidates, *identity.ipv6.candidates)


def registered_as(name: str, observation: Observation) -> frozenset[IPAddress]:
    """By the last reading that was believed: that a node has been registered so long is what counts."""
    datastore = observation.datastore
    return datastore.registered(name) if isinstance(datastore, Datastore) else frozenset()


def _keeps_name(own: Who, observation: Observation, identity: Identity) -> str:
    host, kernel, datastore = observation.host, observation.kernel, observation.datastore
    if isinstance(datastore, Datastore) and isinstance(host, Host) and isinstance(kernel, Kernel):
        machine = this_machine(host, kernel.links, identity)
        standing = claim_on(own.name, datastore.claims).standing(
            machine, registered_as(own.name, observation), frozenset(own.addresses.values()), long_up=host.long_up
        )
        if standing in {Standing.KEPT, Standing.LAPSED, Standing.UNSURE}:
            return f"this machine has claimed the node name {own.name}"
        if standing in {Standing.HELD, Standing.CLONED}:
            return ""
    here = {found.interface.ip for found in candidates_of(identity)}
    ours = sorted(map(str, registered_as(own.name, observation) & here))
    return f"node {own.name} is registered with {ours[0]}, an address of this host" if ours else ""


def _keeps_address(own: Who, address: IPAddress, choice: AddressChoice, observation: Observation) -> str:
    held = [found for found in choice.candidates if found.interface.ip == address]
    if choice.rule == _STATED_ADDRESS or address not in registered_as(own.name, observation):
        return ""
    if not held:
        return _link_is_down(address, choice, observation)
    here = min(held, key=lambda found: not found.accepted)
    works = _has_sessions(choice.family, observation)
    in_order = here.reason == _ORDER or _only_in_order(here, choice)
    if choice.rule == _METHOD and not (works and in_order):
        return ""
    if works:
        return f"its BGP sessions are up with {address}, which is on {here.link}"
    if here.reason in _USELESS or (choice.rule in _FIRM_RULES and not in_order):
        return ""
    return f"node {own.name} is registered with {address}, which is on {here.link}"


def _link_is_down(address: IPAddress, choice: AddressChoice, observation: Observation) -> str:
    """A cable that is pulled may take the address along; it comes back with it, and is no reason to move the node."""
    lost, kernel = choice.lost, observation.kernel
    if lost is None or lost.kept.interface.ip != address or not isinstance(kernel, Kernel):
        return ""
    down = any(link.name == lost.kept.link and not (link.up and link.running) for link in kernel.links)
    return f"{lost.kept.link}, on which {address} was, is down" if down else ""


def _only_in_order(here: Candidate, choice: AddressChoice) -> bool:
    """Whether the chosen address is in the same network on the same link: the kernel prefers whichever came first."""
    return any(
        found.interface.ip == (choice.chosen.ip if choice.chosen else None)
        and (found.link, found.interface.network) == (here.link, here.interface.network)
        for found in choice.candidates
    )


def _has_sessions(family: Family, observation: Observation) -> bool:
    bird = observation.bird if family is Family.IPV4 else observation.bird6
    return isinstance(bird, Bird) and any(session.established for session in bird.sessions)
