"""Who holds a node name: claims that agents write beside Calico's own records.

calico/node takes a name that another host uses without a word (node/pkg/lifecycle/startup/startup.go@v3.32.1), and then
two machines overwrite one node record. So an agent that is to start calico/node claims the name first. In etcd:

    /calico-agent/v1/names/<name>   whose the name is; stays until another machine may have it
    /calico-agent/v1/alive/<name>   who keeps it alive, on a lease that ends a minute after its agent does

Both are written in one transaction that succeeds only while the first is still as it was read, so of two machines that
start together exactly one gets the name. An agent that was cut off loses its lease, but not the name: that takes more
(`LeaseStatus.FREE`).

In the Kubernetes API both are one object, a Lease (`sources.datastore.kubernetes.leases.lease`), and there is a witness
besides: the kubelet writes into the Node of its name on which machine it runs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from calico_agent.model.host.claimant import Machine
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress

CLAIMS = "/calico-agent/v1/"
OWNERS = f"{CLAIMS}names/"
ALIVE = f"{CLAIMS}alive/"

LEASE_SECONDS = 60
LONG_UP_SECONDS = LEASE_SECONDS + 30
"""A sign of life that this machine gave before it was rebooted is gone by then, whatever delayed its end."""


@dataclass(frozen=True, slots=True)
class NameOwner:
    """The lasting record of a claim. `text` is it as it stands in the datastore.

    `version` is the state of the object that it is part of, where that changes with each sign of life.
    """

    name: str
    machine: Machine
    since: datetime | None
    text: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class AliveSign:
    """The key on a lease: the agent on `machine` gave a sign of life within LEASE_SECONDS."""

    name: str
    machine: Machine


@dataclass(frozen=True, slots=True)
class KubeletSign:
    """What a kubelet wrote into the Node of its name: on which machine it runs, and with which InternalIPs."""

    name: str
    machine: Machine
    addresses: tuple[IPAddress, ...] = ()


Claim = NameOwner | AliveSign | KubeletSign


class LeaseStatus(Enum):
    """How a name stands to a machine.

    FREE: nobody's, or its holder has gone: its lease ended, and the name has no node record any more or one with
    the very address of this machine (which was installed anew, or moved to other hardware). KEPT: this machine's,
    and kept alive. LAPSED: this machine's, to be kept alive again. HELD: another machine's, or the Kubernetes Node
    of that name is. CLONED: held by a machine with the same machine-id. UNSURE: kept alive by this machine before
    it was rebooted, or by a clone with its cards.
    """

    FREE = "free"
    KEPT = "kept"
    LAPSED = "lapsed"
    HELD = "held"
    CLONED = "cloned"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class NameLease:
    """All that the datastore says about the holder of one name; each part may be missing."""

    owner: NameOwner | None = None
    alive: AliveSign | None = None
    kubelet: KubeletSign | None = None

    @property
    def holder(self) -> Machine | None:
        """The machine that has the name."""
        if self.owner is not None:
            return self.owner.machine
        return self.alive.machine if self.alive else None

    def against(self, machine: Machine) -> Machine | None:
        """The machine that has the name where that is not `machine`, as `standing` goes by."""
        if self.kubelet is not None and not machine.may_be(self.kubelet.machine):
            return self.kubelet.machine
        if self.alive is not None and not machine.is_same(self.alive.machine):
            return self.alive.machine
        return self.holder

    def standing(
        self,
        machine: Machine,
        registered: frozenset[IPAddress],
        addresses: frozenset[IPAddress],
        *,
        long_up: bool = True,
    ) -> LeaseStatus:
        """How the name stands to `machine`.

        `registered` are the addresses in the name's node record (none: there is no record, or it has none), and
        `addresses` are those that are chosen for this machine.

        Virtual machines made from one image may share even a card's address (Vagrant's `base_mac`). What tells them
        apart is time: a sign of life from another boot that is still there when this machine has been up, and the
        datastore has answered, for longer than a lease (`long_up`) was renewed meanwhile, by somebody else.
        """
        if self.kubelet is not None and not machine.may_be(self.kubelet.machine):
            cloned = self.kubelet.machine.machine_id == machine.machine_id
            return LeaseStatus.CLONED if cloned else LeaseStatus.HELD
        holder = self.holder
        if holder is None:
            return LeaseStatus.FREE
        others = [each for each in (holder, self.alive.machine if self.alive else None) if each]
        stranger = next((each for each in others if not machine.is_same(each)), None)
        if stranger is None and self.alive and machine.is_of_another_boot(self.alive.machine):
            if not long_up:
                return LeaseStatus.UNSURE
            stranger = self.alive.machine
        if stranger is None:
            return LeaseStatus.KEPT if self.alive and self.owner else LeaseStatus.LAPSED
        if self.alive is None and (not registered or not registered.isdisjoint(addresses)):
            return LeaseStatus.FREE
        return LeaseStatus.CLONED if stranger.machine_id == machine.machine_id else LeaseStatus.HELD


@dataclass(frozen=True, slots=True)
class ClaimName:
    """Claim `name` for `machine` and keep it alive, if the owner's record still reads `seen` (empty: there is none).

    `kept`: as far as was read, it is claimed and alive already. `version` is the state of the object in which another
    machine's claim was found to be over; empty where the claim is ours, or nobody's.
    """

    name: str
    machine: Machine
    since: datetime
    seen: str = ""
    kept: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class NameState:
    """How the wanted name stands to this machine, what to write about it, and why that did not work so far.

    `claim` is None where the name is another machine's. `denied`: our user may not write claims, and may never.
    """

    standing: LeaseStatus
    claim: ClaimName | None = None
    trouble: str = ""
    denied: bool = False


def claim_on(name: str, claims: Iterable[Claim]) -> NameLease:
    """What `claims` say about one name."""
    about = [claim for claim in claims if claim.name == name]
    owner = next((claim for claim in about if isinstance(claim, NameOwner)), None)
    alive = next((claim for claim in about if isinstance(claim, AliveSign)), None)
    return NameLease(owner, alive, next((claim for claim in about if isinstance(claim, KubeletSign)), None))


@LastValueCache
def claims_of(machine: Machine, claims: tuple[Claim, ...]) -> tuple[NameOwner, ...]:
    """The lasting claims of one machine, but those that another boot keeps alive: a clone may share all but that."""
    alike = [
        claim
        for claim in claims
        if claim.machine.machine_id == machine.machine_id
        and isinstance(claim, NameOwner)
        and machine.is_same(claim.machine)
    ]
    signs = [] if not alike else [claim for claim in claims if isinstance(claim, AliveSign)]
    alive = {sign.name: sign.machine.boot_id for sign in signs}
    return tuple(claim for claim in alike if alive.get(claim.name, machine.boot_id) == machine.boot_id)
