"""Whether what is there gives way to what is wanted: asked of the wanted container, with the world as it will be.

calico/node exits at its start when another node record has its address (`node/pkg/lifecycle/startup/startup.go`
@v3.32.1), and this host's record of today is another node's as soon as the name is another. So a container is never
replaced by one that could not start.

And it is not replaced because something else came to another opinion: a host name, a link, the order of addresses are
no reason to move a node that works. A name that this machine claimed, or whose record has an address of this host,
stays, and so does an address that is still here and works. What the configuration states is a reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface

from calico_agent.model.action import Succession
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Bird
from calico_agent.model.claim import Standing, claim_on, this_machine
from calico_agent.model.container import Container, ContainerSpec
from calico_agent.model.host import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity
from calico_agent.model.image import PullPolicy
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import BgpSettings, Datastore, Node
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.rival import in_the_way
from calico_agent.model.rollout import identity_of, same_identity
from calico_agent.model.settings import OnChange, SuperviseSettings
from calico_agent.model.unchanged import MadeOnce

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
class _Who:
    """Who a container makes this host."""

    name: str
    addresses: Mapping[Family, IPAddress]


def judge_succession(
    observation: Observation,
    identity: Identity,
    spec: ContainerSpec,
    container: Container | None,
    settings: SuperviseSettings,
) -> Succession:
    """What becomes of `container`, the one that counts here, while `spec` is wanted."""
    if container is not None and container.alive and _is_wanted(container, spec, settings):
        return Succession()  # as on most hosts at most times: nothing is to be decided
    wanted = _Who(identity.name.name or "", _chosen(identity))
    barred = next(_bars(wanted, observation, identity, container), "")
    if container is None or same_identity(container, spec):
        return Succession(barred)
    own = _who(container, observation)
    unstartable = _elsewhere(own, identity) or next(_bars(own, observation, identity, container), "")
    if container.alive and settings.on_identity_change is OnChange.REPORT:
        return Succession(barred, unstartable, '[identity] on_change = "report"', _by_hand(container, spec, barred))
    if container.alive and isinstance(observation.current_datastore, Unreadable):
        # Whatever start_without_datastore allows a first start: what runs is not moved without a look at the records.
        return Succession(barred, unstartable, "etcd cannot be asked", "it is decided when etcd answers")
    stays, on_purpose = _stays(own, wanted, observation, identity)
    return Succession(barred, unstartable, stays, on_purpose)


def _is_wanted(container: Container, spec: ContainerSpec, settings: SuperviseSettings) -> bool:
    return container.managed and container.spec_hash == spec.hash and settings.pull is not PullPolicy.ALWAYS


def _by_hand(container: Container, spec: ContainerSpec, barred: str) -> str:
    changed = " ".join(f"{name}={value}" for name, value in identity_of(spec) if container.env_value(name) != value)
    if barred:
        return f"it could not be made anew with {changed}: {barred}"
    return f"docker rm -f {container.name}: calico-agent then makes it anew with {changed}"


def running_name(observation: Observation, container: Container) -> str:
    """The node name of a container: what it was given, else what calico/node takes without that."""
    host = observation.host
    left = (host.nodename_file or host.hostname.lower()) if isinstance(host, Host) else ""
    return container.env_value("NODENAME") or left


def _who(container: Container, observation: Observation) -> _Who:
    """By what it was given, and where that is no address (`autodetect`, nothing) by its record."""
    name = running_name(observation, container)
    addresses = {Family(address.version): address for address in _registered(name, observation)}
    for variable in ("IP", "IP6"):
        try:
            given = ip_interface(container.env_value(variable)).ip
        except ValueError:
            continue
        addresses[Family(given.version)] = given
    return _Who(name, addresses)


def _chosen(identity: Identity) -> dict[Family, IPAddress]:
    choices = (identity.ipv4, identity.ipv6)
    return {choice.family: choice.chosen.ip for choice in choices if choice.chosen is not None}


def _bars(who: _Who, observation: Observation, identity: Identity, container: Container | None) -> Iterator[str]:
    """What forbids to start calico/node as `who`, as far as it can be known now."""
    datastore, host, kernel = observation.current_datastore, observation.host, observation.kernel
    runs = container is not None and container.alive
    bgp = observation.datastore.bgp if isinstance(observation.datastore, Datastore) else BgpSettings()
    for rival in in_the_way(observation.rivals, bgp, who.name, tuple(who.addresses.values())):
        if rival.program:
            yield f"{rival.program} runs on this host outside of calico/node (pid {rival.pid})"
        elif not runs:
            yield f"TCP port {rival.port} is taken by another program"
    if not isinstance(datastore, Datastore):
        return
    if isinstance(host, Host) and isinstance(kernel, Kernel):
        machine = this_machine(host, kernel.links, identity)
        claim = claim_on(who.name, datastore.claims)
        standing = claim.standing(
            machine, datastore.registered(who.name), frozenset(who.addresses.values()), long_up=host.long_up
        )
        if standing in {Standing.HELD, Standing.CLONED}:
            yield f"the node name {who.name} is claimed by another machine, {claim.holder}"
    holders = _holders(datastore.nodes)
    for address in who.addresses.values():
        for name in holders.get(address, ()):
            if name != who.name:
                yield f"node {name} is registered with {address}, and calico/node refuses an address of another node"


@MadeOnce
def _holders(nodes: tuple[Node, ...]) -> dict[IPAddress, list[str]]:
    """The nodes that are registered with each address."""
    holders: dict[IPAddress, list[str]] = {}
    for node in nodes:
        for registered in (node.ipv4, node.ipv6):
            if registered is not None:
                holders.setdefault(registered.ip, []).append(node.name)
    return holders


def _elsewhere(own: _Who, identity: Identity) -> str:
    """Why a container cannot be this host's: it was made for an address that no link here has."""
    here = {found.interface.ip for found in _candidates(identity)}
    away = [address for address in own.addresses.values() if address not in here]
    return f"it was made for {away[0]}, which no link of this host has" if away else ""


def _candidates(identity: Identity) -> tuple[Candidate, ...]:
    return (*identity.ipv4.candidates, *identity.ipv6.candidates)


def _registered(name: str, observation: Observation) -> frozenset[IPAddress]:
    """By the last reading that was believed: that a node has been registered so long is what counts."""
    datastore = observation.datastore
    return datastore.registered(name) if isinstance(datastore, Datastore) else frozenset()


def _stays(own: _Who, wanted: _Who, observation: Observation, identity: Identity) -> tuple[str, str]:
    """Why name or address stay, and how they are changed on purpose; empty for a container that gives way."""
    if own.name != wanted.name:
        why = "" if identity.name.source == _STATED_NAME else _keeps_name(own, observation, identity)
        how = (
            f'[identity] name = "{wanted.name}", and calicoctl delete node {own.name} when this host has no pod any '
            "more, rename it on purpose"
        )
        return (why, how) if why else ("", "")
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


def _keeps_name(own: _Who, observation: Observation, identity: Identity) -> str:
    host, kernel, datastore = observation.host, observation.kernel, observation.datastore
    if isinstance(datastore, Datastore) and isinstance(host, Host) and isinstance(kernel, Kernel):
        machine = this_machine(host, kernel.links, identity)
        standing = claim_on(own.name, datastore.claims).standing(
            machine, _registered(own.name, observation), frozenset(own.addresses.values()), long_up=host.long_up
        )
        if standing in {Standing.KEPT, Standing.LAPSED, Standing.UNSURE}:
            return f"this machine has claimed the node name {own.name}"
        if standing in {Standing.HELD, Standing.CLONED}:
            return ""
    here = {found.interface.ip for found in _candidates(identity)}
    ours = sorted(map(str, _registered(own.name, observation) & here))
    return f"node {own.name} is registered with {ours[0]}, an address of this host" if ours else ""


def _keeps_address(own: _Who, address: IPAddress, choice: AddressChoice, observation: Observation) -> str:
    held = [found for found in choice.candidates if found.interface.ip == address]
    if choice.rule == _STATED_ADDRESS or not held or address not in _registered(own.name, observation):
        return ""
    here = min(held, key=lambda found: not found.accepted)
    works = _has_sessions(choice.family, observation)
    if choice.rule == _METHOD and not (works and here.reason == _ORDER):
        return ""
    if works:
        return f"its BGP sessions are up with {address}, which is on {here.link}"
    if here.reason in _USELESS or (choice.rule in _FIRM_RULES and not _only_in_order(here, choice)):
        return ""
    return f"node {own.name} is registered with {address}, which is on {here.link}"


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
