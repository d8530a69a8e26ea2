"""Whether what is there gives way to what is wanted: asked of the wanted container, with the world as it will be.

calico/node exits at its start when another node record has its address (`node/pkg/lifecycle/startup/startup.go`
@v3.32.1), and this host's record of today is another node's as soon as the name is another. So a container is never
replaced by one that could not start. Nor is it replaced where nothing but another opinion speaks for it
(`plan.staying`).
"""

from collections.abc import Iterator
from ipaddress import ip_interface

from calico_agent.model.calico.node import BgpSettings, Datastore, Node
from calico_agent.model.container.container import Container, ContainerSpec
from calico_agent.model.container.image import PullPolicy
from calico_agent.model.container.rollout import identity_of, same_identity
from calico_agent.model.container.supervision import Succession
from calico_agent.model.host.claimant import this_machine
from calico_agent.model.host.conflicting_process import in_the_way
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.name_lease import LeaseStatus, claim_on
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import OnChange, SuperviseSettings
from calico_agent.plan.staying import Who, candidates_of, coming_back, registered_as, until_it_comes_back, why_it_stays


def judge_succession(
    observation: Observation,
    identity: Identity,
    spec: ContainerSpec,
    container: Container | None,
    settings: SuperviseSettings,
) -> Succession:
    """Return what becomes of `container`, the one that counts here, while `spec` is wanted."""
    if container is not None and container.alive and _is_wanted(container, spec, settings):
        return Succession()  # as on most hosts at most times: nothing is to be decided
    wanted = Who(identity.name.name or "", _chosen(identity))
    barred = next(_bars(wanted, observation, identity, container), "")
    if container is None:
        back = coming_back(identity, observation)
        return Succession(barred, "", *until_it_comes_back(identity, observation), coming_back=back)
    if same_identity(container, spec):
        return Succession(barred)
    own = _who(container, observation)
    away = _elsewhere(own, identity)
    unstartable = away or next(_bars(own, observation, identity, container), "")
    if container.alive and settings.on_identity_change is OnChange.REPORT:
        return Succession(barred, unstartable, '[identity] on_change = "report"', _by_hand(container, spec, barred))
    if isinstance(observation.current_datastore, Unreadable) and (container.alive or not unstartable):
        # Whatever start_without_datastore allows a first start: nothing is moved without a look at the records.
        called = observation.datastore_called
        return Succession(barred, unstartable, f"{called} cannot be asked", f"it is decided when {called} answers")
    stays, on_purpose = why_it_stays(own, wanted, observation, identity)
    if away and not container.alive:
        # It cannot be started as what it was: that is waited for only where the address comes back by itself.
        stays, on_purpose = until_it_comes_back(identity, observation)
    return Succession(barred, unstartable, stays, on_purpose, coming_back(identity, observation))


def _is_wanted(container: Container, spec: ContainerSpec, settings: SuperviseSettings) -> bool:
    return container.managed and container.spec_hash == spec.hash and settings.pull is not PullPolicy.ALWAYS


def _by_hand(container: Container, spec: ContainerSpec, barred: str) -> str:
    changed = " ".join(f"{name}={value}" for name, value in identity_of(spec) if container.env_value(name) != value)
    if barred:
        return f"it could not be made anew with {changed}: {barred}"
    return f"docker rm -f {container.name}: calico-agent then makes it anew with {changed}"


def running_name(observation: Observation, container: Container) -> str:
    """Return the node name of a container: what it was given, else what calico/node takes without that."""
    host = observation.host
    left = (host.nodename_file or host.hostname.lower()) if isinstance(host, Host) else ""
    return container.env_value("NODENAME") or left


def _who(container: Container, observation: Observation) -> Who:
    """By what it was given, and where that is no address (`autodetect`, nothing) by its record."""
    name = running_name(observation, container)
    addresses = {Family(address.version): address for address in registered_as(name, observation)}
    for variable in ("IP", "IP6"):
        try:
            given = ip_interface(container.env_value(variable)).ip
        except ValueError:
            continue
        addresses[Family(given.version)] = given
    return Who(name, addresses)


def _chosen(identity: Identity) -> dict[Family, IPAddress]:
    choices = (identity.ipv4, identity.ipv6)
    return {choice.family: choice.chosen.ip for choice in choices if choice.chosen is not None}


def _bars(who: Who, observation: Observation, identity: Identity, container: Container | None) -> Iterator[str]:
    """What forbids to start calico/node as `who`, as far as it can be known now."""
    datastore, host, kernel = observation.current_datastore, observation.host, observation.kernel
    runs = container is not None and container.alive
    runs_as = running_name(observation, container) if container is not None else ""
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
        if standing in {LeaseStatus.HELD, LeaseStatus.CLONED}:
            yield f"the node name {who.name} is claimed by another machine, {claim.against(machine)}"
    holders = _holders(datastore.nodes)
    for address in who.addresses.values():
        for name in holders.get(address, ()):
            if name != who.name:
                ends = f" (calicoctl delete node {name} ends that, when no pod is left on this host)"
                yield (
                    f"node {name} is registered with {address}, and calico/node refuses an address of another node"
                    f"{ends if name == runs_as else ''}"
                )


@LastValueCache
def _holders(nodes: tuple[Node, ...]) -> dict[IPAddress, list[str]]:
    """The nodes that are registered with each address."""
    holders: dict[IPAddress, list[str]] = {}
    for node in nodes:
        for registered in (node.ipv4, node.ipv6):
            if registered is not None:
                holders.setdefault(registered.ip, []).append(node.name)
    return holders


def _elsewhere(own: Who, identity: Identity) -> str:
    """Why a container cannot be this host's: it was made for an address that no link here has."""
    here = {found.interface.ip for found in candidates_of(identity)}
    away = [address for address in own.addresses.values() if address not in here]
    return f"it was made for {away[0]}, which no link of this host has" if away else ""
