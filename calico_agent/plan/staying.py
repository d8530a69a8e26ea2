"""Why a node stays who it is, although something came to another opinion.

A host name, a link, the order of addresses are no reason to move a node that works. A name that this machine claimed,
or whose record has an address of this host, stays, and so does an address that is still here and works, or that went
with the cable of its link. What the configuration states is a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.claimant import this_machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, renaming
from calico_agent.model.name_lease import LeaseStatus, claim_on
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation

# Whose statement moves a node on purpose; of the rules for addresses, a method only where the address of before is
# another one in more than its place in the kernel's list.
_STATED_NAME = "configuration"
_STATED_ADDRESS = "configured"
_METHOD = "method"
_ORDER = "floating"
_LINK_LOCAL = "link-local"

# Rules that say how the cluster reaches this host. The others only guess well.
_FIRM_RULES = frozenset({"kubelet", "other nodes"})

# Why an address can be no node's, whatever it is registered as: what the node has then cannot work.
_USELESS = frozenset(
    {
        "loopback",
        _LINK_LOCAL,
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
    """Return why name or address stay, and how they are changed on purpose; empty for a container that gives way."""
    if own.name != wanted.name:
        why = "" if identity.name.source == _STATED_NAME else _keeps_name(own, observation, identity)
        return (why, renaming(own.name, wanted.name)) if why else ("", "")
    why = how = ""
    here = {found.interface.ip for found in candidates_of(identity)}
    for choice in (identity.ipv4, identity.ipv6):
        address = own.addresses.get(choice.family)
        if choice.chosen is None or address is None or address == choice.chosen.ip:
            continue
        kept = _keeps_address(own, address, choice, observation)
        if not kept and address not in here:
            return "", ""
        if kept:
            why, how = kept, _on_purpose(choice)
    return why, how


def until_it_comes_back(identity: Identity, observation: Observation) -> tuple[str, str]:
    """Return why nothing is started for now, and how it is all the same: the link of an address of before is down."""
    for choice in (identity.ipv4, identity.ipv6):
        why = _link_is_down(choice, observation)
        if why and choice.rule != _STATED_ADDRESS:
            return why, _on_purpose(choice)
    return "", ""


def coming_back(identity: Identity, observation: Observation) -> str:
    """Return why an address of before may be here again in a moment; empty where it has gone for good.

    While DHCP is not answered, or routers are not heard, a link that is up has no address; a bond or a VLAN is made a
    while after the boot. Another address in its place says that the host has moved.
    """
    kernel = observation.kernel
    for choice in (identity.ipv4, identity.ipv6):
        if choice.lost is None or choice.rule == _STATED_ADDRESS or not isinstance(kernel, Kernel):
            continue
        kept = choice.lost.kept
        link = kernel.link(kept.link)
        if link is None:
            return f"{kept.link}, on which {kept.interface.ip} was, is not there"
        above = {link.name, *(other.name for other in kernel.links if other.index == link.master)}
        if not any(found.link in above and found.reason != _LINK_LOCAL for found in choice.candidates):
            return f"{link.name}, on which {kept.interface.ip} was, has no IPv{choice.family} address"
    return ""


def _on_purpose(choice: AddressChoice) -> str:
    return f'[identity] ipv{choice.family} = "{choice.chosen.ip if choice.chosen else ""}" moves it on purpose'


def candidates_of(identity: Identity) -> tuple[Candidate, ...]:
    """Return the addresses of this host's links, of both families."""
    return (*identity.ipv4.candidates, *identity.ipv6.candidates)


def registered_as(name: str, observation: Observation) -> frozenset[IPAddress]:
    """Return by the last reading that was believed: that a node has been registered so long is what counts."""
    datastore = observation.datastore
    return datastore.registered(name) if isinstance(datastore, Datastore) else frozenset()


def _keeps_name(own: Who, observation: Observation, identity: Identity) -> str:
    host, kernel, datastore = observation.host, observation.kernel, observation.datastore
    if isinstance(datastore, Datastore) and isinstance(host, Host) and isinstance(kernel, Kernel):
        machine = this_machine(host, kernel.links, identity)
        standing = claim_on(own.name, datastore.claims).standing(
            machine, registered_as(own.name, observation), frozenset(own.addresses.values()), long_up=host.long_up
        )
        if standing in {LeaseStatus.KEPT, LeaseStatus.LAPSED, LeaseStatus.UNSURE}:
            return f"this machine has claimed the node name {own.name}"
        if standing in {LeaseStatus.HELD, LeaseStatus.CLONED}:
            return ""
    here = {found.interface.ip for found in candidates_of(identity)}
    ours = sorted(map(str, registered_as(own.name, observation) & here))
    return f"node {own.name} is registered with {ours[0]}, an address of this host" if ours else ""


def _keeps_address(own: Who, address: IPAddress, choice: AddressChoice, observation: Observation) -> str:
    held = [found for found in choice.candidates if found.interface.ip == address]
    speaks = address in _speaking(choice.family, observation)
    if choice.rule == _STATED_ADDRESS or not (speaks or address in registered_as(own.name, observation)):
        return ""
    if not held:
        return _link_is_down(choice, observation) if _is_lost(address, choice) else ""
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


def _is_lost(address: IPAddress, choice: AddressChoice) -> bool:
    return choice.lost is not None and choice.lost.kept.interface.ip == address


def _link_is_down(choice: AddressChoice, observation: Observation) -> str:
    """A cable that is pulled may take the address along; it comes back with it, and is no reason to move the node."""
    lost, kernel = choice.lost, observation.kernel
    link = kernel.link(lost.kept.link) if lost is not None and isinstance(kernel, Kernel) else None
    if lost is None or link is None or (link.up and link.running):
        return ""
    return f"{link.name}, on which {lost.kept.interface.ip} was, is down"


def _only_in_order(here: Candidate, choice: AddressChoice) -> bool:
    """Whether the chosen address is in the same network on the same link: the kernel prefers whichever came first."""
    return any(
        found.interface.ip == (choice.chosen.ip if choice.chosen else None)
        and (found.link, found.interface.network) == (here.link, here.interface.network)
        for found in choice.candidates
    )


def _speaking(family: Family, observation: Observation) -> frozenset[IPAddress]:
    """Where the BGP sessions of one family begin that are up: who answers there knows this host by that address."""
    bird = observation.bird if family is Family.IPV4 else observation.bird6
    sessions = bird.sessions if isinstance(bird, Bird) else ()
    return frozenset(one.source_address for one in sessions if one.established and one.source_address is not None)


def _has_sessions(family: Family, observation: Observation) -> bool:
    bird = observation.bird if family is Family.IPV4 else observation.bird6
    return isinstance(bird, Bird) and any(session.established for session in bird.sessions)
