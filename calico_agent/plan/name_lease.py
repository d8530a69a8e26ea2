"""Which name to claim, and how the name stands to this machine. What a claim is: `model.name_lease`."""

from dataclasses import replace

from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.claimant import this_machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity
from calico_agent.model.name_lease import ClaimName, LeaseStatus, NameState, claim_on
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation


def plan_claim(observation: Observation, identity: Identity, keeps: str = "") -> NameState | None:
    """Return the claim that this machine should hold; None where claims cannot be used, or who this is is not known.

    `keeps` is the name under which calico/node goes on here although another is wanted.

    A claim that this machine holds is written anew when machine or address changed, and keeps its date.
    """
    host, kernel, datastore = observation.host, observation.kernel, observation.current_datastore
    name = keeps or identity.name.name
    if not isinstance(host, Host) or not isinstance(kernel, Kernel) or not isinstance(datastore, Datastore):
        return None
    if name is None or not identity.complete or datastore.claims_trouble or not datastore.claimable:
        return None
    machine = this_machine(host, kernel.links, identity)
    found = claim_on(name, datastore.claims)
    standing = found.standing(machine, datastore.registered(name), identity.addresses, long_up=host.long_up)
    if standing in {LeaseStatus.HELD, LeaseStatus.CLONED, LeaseStatus.UNSURE}:
        return NameState(standing)
    ours = found.owner if found.owner and standing is not LeaseStatus.FREE else None
    since = ours.since if ours and ours.since else observation.at
    if ours is not None and ours.machine == replace(machine, macs=ours.machine.macs):
        # Cards that come and go (virtual functions that pods get) are no reason to write it anew for all to read.
        machine = ours.machine
    seen = found.owner.text if found.owner else ""
    over = found.owner.version if found.owner and standing is LeaseStatus.FREE else ""
    claim = ClaimName(name, machine, since, seen, standing is LeaseStatus.KEPT, over)
    trouble = observation.claim_trouble
    if trouble is None:
        return NameState(standing, claim)
    return NameState(standing, claim, trouble.reason, denied=trouble.code == "denied")
