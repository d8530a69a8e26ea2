"""What follows when the agent is made to forget who this host is, or the claim on its name; and when it must not."""

from dataclasses import dataclass

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.supervision import Succession
from calico_agent.model.host.claimant import machine_of
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Identity, KeptIdentity
from calico_agent.model.name_lease import NameOwner, claim_on, claims_of
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable


@dataclass(frozen=True, slots=True)
class Forgetting:
    """`lines` say what is kept and what follows. `refusal` is why it would do harm, empty where it may be done."""

    lines: tuple[str, ...]
    refusal: str = ""


def forgetting_identity(kept: KeptIdentity, now: Identity, without: Identity, succession: Succession) -> Forgetting:
    """`without` is who this host would be with nothing kept, `succession` what becomes of its container then."""
    lines = [f"kept: {_kept(kept)}", f"without it: {_chosen(without)}"]
    choices = (without.name, without.ipv4, without.ipv6)
    refusal = next((choice.refusal for choice in choices if choice.refusal), "")
    if now.complete and not without.complete:
        return Forgetting(tuple(lines), f"without it calico/node could not be started again here: {refusal}")
    same = (now.name.name, now.addresses) == (without.name.name, without.addresses)
    if same:
        follows = "nothing changes now"
    elif succession.stays:
        follows = f"what runs stays as it is, because {succession.stays}"
    elif succession.barred:
        follows = f"what runs stays as it is while this holds: {succession.barred}"
    else:
        follows = "calico/node becomes that: its container is replaced, and its sessions and routes begin anew"
    return Forgetting((*lines, f"what follows: {follows}"))


def _kept(kept: KeptIdentity) -> str:
    addresses = [f"{one.interface} on {one.link} (by {one.rule})" for one in (kept.ipv4, kept.ipv6) if one is not None]
    return ", ".join([f"node {kept.name or 'without a name'}", *addresses])


def _chosen(identity: Identity) -> str:
    return ", ".join([f"node {identity.name.name or 'without a name'}", *map(_address, _wanted(identity))])


def _wanted(identity: Identity) -> list[AddressChoice]:
    return [choice for choice in (identity.ipv4, identity.ipv6) if choice.wanted]


def _address(choice: AddressChoice) -> str:
    if choice.chosen is None:
        return f"no IPv{choice.family.value} address"
    return f"{choice.chosen} on {choice.link} (by {choice.rule})"


def own_claims(observation: Observation) -> tuple[NameOwner, ...] | Unreadable:
    """The names that this machine has claimed."""
    host, kernel, datastore = observation.host, observation.kernel, observation.current_datastore
    for source in (host, kernel, datastore):
        if isinstance(source, Unreadable):
            return source
    assert isinstance(host, Host)
    assert isinstance(kernel, Kernel)
    assert isinstance(datastore, Datastore)
    if datastore.claims_trouble:
        return Unreadable(observation.datastore_called, datastore.claims_trouble)
    return claims_of(machine_of(host, kernel.links), datastore.claims)


def forgetting_claim(owner: NameOwner, observation: Observation, running: frozenset[str]) -> Forgetting:
    """`running` are the names under which calico/node runs on this host. Nobody else's claim is ever given up."""
    name, datastore, docker = owner.name, observation.current_datastore, observation.docker
    since = f" since {owner.since:%Y-%m-%d %H:%M} UTC" if owner.since else ""
    lines = (
        f"kept: the claim on the node name {name} in {observation.datastore_called}, by {owner.machine}{since}",
        f"what follows: any machine may take the name {name} from then on, also this one again",
    )
    if isinstance(docker, Unreadable) and docker.code != "absent":
        return Forgetting(lines, f"whether calico/node runs here as {name} is not known: {docker.reason}")
    if name in running or (not running and isinstance(observation.bird, Bird)):
        return Forgetting(lines, f"calico/node runs on this host as {name}: another machine could take its name")
    alive = claim_on(name, datastore.claims).alive if isinstance(datastore, Datastore) else None
    if alive is not None and not (
        alive.machine.machine_id == owner.machine.machine_id and alive.machine.boot_id == owner.machine.boot_id
    ):
        return Forgetting(lines, f"another agent runs under the name {name}: {alive.machine}")
    return Forgetting(lines)
