"""Who holds a node name: claims that agents write into etcd beside Calico's own keys.

calico/node takes a name that another host uses without a word (node/pkg/lifecycle/startup/startup.go@v3.32.1), and then
two machines overwrite one node record. So an agent that is to start calico/node claims the name first:

    /calico-agent/v1/names/<name>   whose the name is; stays until another machine may have it
    /calico-agent/v1/alive/<name>   who keeps it alive, on a lease that ends a minute after its agent does

Both are written in one transaction that succeeds only while the first is still as it was read, so of two machines that
start together exactly one gets the name. An agent that was cut off loses its lease, but not the name: that takes more
(`Standing.FREE`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress, Link

CLAIMS = "/calico-agent/v1/"
OWNERS = f"{CLAIMS}names/"
ALIVE = f"{CLAIMS}alive/"

LEASE_SECONDS = 60
LONG_UP_SECONDS = LEASE_SECONDS + 30
"""A sign of life that this machine gave before it was rebooted is gone by then, whatever delayed its end."""

_MOST_MACS = 16
_NO_MACS = frozenset({"", "00:00:00:00:00:00"})


@dataclass(frozen=True, slots=True)
class Machine:
    """What tells one machine from another: machine-id, boot and network cards. Host name and address are for people.

    A disk that is cloned carries its machine-id along, which then is no proof by itself.
    """

    machine_id: str
    boot_id: str = ""
    macs: tuple[str, ...] = ()
    hostname: str = ""
    address: str = ""

    def is_same(self, other: "Machine") -> bool:
        """Whether both are one machine: the same machine-id, and not rebooted since or with a network card of before.

        A clone has another boot and, as a rule, other cards (`NameClaim.standing` has the exception); a reboot keeps
        the cards, and a change of cards needs a reboot.
        """
        if self.machine_id != other.machine_id:
            return False
        return bool(self.boot_id and self.boot_id == other.boot_id) or not set(self.macs).isdisjoint(other.macs)

    def is_of_another_boot(self, other: "Machine") -> bool:
        """Whether `other` was seen in another boot than this one; not where one of them is not known."""
        return bool(self.boot_id and other.boot_id) and self.boot_id != other.boot_id

    def __str__(self) -> str:
        return f"{self.hostname or 'a machine without a name'} ({self.address or 'no address'})"


@dataclass(frozen=True, slots=True)
class NameOwner:
    """The lasting record of a claim. `text` is it as it stands in etcd."""

    name: str
    machine: Machine
    since: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class AliveSign:
    """The key on a lease: the agent on `machine` gave a sign of life within LEASE_SECONDS."""

    name: str
    machine: Machine


class LeaseStatus(Enum):
    """How a name stands to a machine.

    FREE: nobody's, or its holder has gone: its lease ended, and the name has no node record any more or one with the
    very address of this machine (which was installed anew, or moved to other hardware). KEPT: this machine's, and kept
    alive. LAPSED: this machine's, to be kept alive again. HELD: another machine's. CLONED: held by a machine with the
    same machine-id. UNSURE: kept alive by this machine before it was rebooted, or by a clone with its cards.
    """

    FREE = "free"
    KEPT = "kept"
    LAPSED = "lapsed"
    HELD = "held"
    CLONED = "cloned"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class NameLease:
    """All that etcd says about the holder of one name; either part may be missing."""

    owner: NameOwner | None = None
    alive: AliveSign | None = None

    @property
    def holder(self) -> Machine | None:
        """The machine that has the name."""
        if self.owner is not None:
            return self.owner.machine
        return self.alive.machine if self.alive else None

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
        apart is time: a sign of life from another boot that is still there when this machine has been up, and etcd has
        answered, for longer than a lease (`long_up`) was renewed meanwhile, by somebody else.
        """
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

    `kept`: as far as was read, it is claimed and alive already.
    """

    name: str
    machine: Machine
    since: datetime
    seen: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class NameState:
    """How the wanted name stands to this machine, what to write about it, and why that did not work so far.

    `claim` is None where the name is another machine's. `denied`: our user may not write claims, and may never.
    """

    standing: LeaseStatus
    claim: ClaimName | None = None
    trouble: str = ""
    denied: bool = False


def claim_on(name: str, claims: Iterable[NameOwner | AliveSign]) -> NameLease:
    """What `claims` say about one name."""
    about = [claim for claim in claims if claim.name == name]
    owner = next((claim for claim in about if isinstance(claim, NameOwner)), None)
    return NameLease(owner, next((claim for claim in about if isinstance(claim, AliveSign)), None))


@LastValueCache
def claims_of(machine: Machine, claims: tuple[NameOwner | AliveSign, ...]) -> tuple[NameOwner, ...]:
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


def machine_of(host: Host, links: tuple[Link, ...], address_links: frozenset[str] = frozenset()) -> Machine:
    """The machine that we run on, as far as one machine can be told from another.

    Its network cards are the links without a kind: the MAC of a bridge or tunnel may be drawn anew at every boot, or
    derived from the machine-id. A host without any (a container host) is known by the link of its address. Of many (of
    virtual functions, say) that of its address is always one.
    """
    cards = {link.mac for link in links if not link.kind and not link.loopback} - _NO_MACS
    own = {link.mac for link in links if link.name in address_links} - _NO_MACS
    first = (own & cards) or (set() if cards else own)
    macs = [*sorted(first), *sorted(cards - first)][:_MOST_MACS]
    return Machine(host.machine_id, host.boot_id, tuple(sorted(macs)), host.hostname)


def this_machine(host: Host, links: tuple[Link, ...], identity: Identity) -> Machine:
    """The machine that we run on, with the identity it should have."""
    choices = [choice for choice in (identity.ipv4, identity.ipv6) if choice.chosen is not None]
    machine = machine_of(host, links, frozenset(choice.link for choice in choices))
    return replace(machine, address=next((str(choice.chosen.ip) for choice in choices if choice.chosen), ""))
