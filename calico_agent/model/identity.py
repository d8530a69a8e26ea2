"""Who this host is, as the agent concluded, with everything that led there."""

from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.finding import Fault
from calico_agent.model.network.address import Family, IPAddress, IPInterface


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address of one link and the verdict on it.

    `reason` is a machine word for what speaks against it, `evidence` says so; empty where nothing does. `yields` is the
    stronger evidence that refutes it; empty where there is none.
    """

    interface: IPInterface
    link: str
    reason: str = ""
    evidence: str = ""
    yields: str = ""

    @property
    def accepted(self) -> bool:
        return not self.reason or bool(self.yields)

    @property
    def doubt(self) -> str:
        """What is to be said of it where it is chosen all the same; empty where nothing speaks against it."""
        if not self.reason:
            return ""
        return f", although it {self.evidence}" + (f": {self.yields}" if self.yields else "")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one rule of the decision list says: the addresses it yields (`answers`) and how it came to them.

    `named` are all that it stands for, those among them against which something speaks included.
    """

    rule: str
    answers: tuple[IPInterface, ...]
    detail: str
    named: tuple[IPInterface, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptAddress:
    """An address that was chosen before: `reason` is what spoke against it then, `since` when `rule` chose it."""

    interface: IPInterface
    link: str
    rule: str
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """The last choice, kept over restarts for the machine with this machine-id."""

    machine_id: str = ""
    name: str = ""
    name_source: str = ""
    ipv4: KeptAddress | None = None
    ipv6: KeptAddress | None = None

    def of(self, machine_id: str) -> "KeptIdentity":
        """The same, and nothing where it is another machine's: a disk or a directory was copied."""
        return KeptIdentity() if machine_id and self.machine_id and machine_id != self.machine_id else self


@dataclass(frozen=True, slots=True)
class LostAddress:
    """A kept address that holds no longer. `why` follows the address in a sentence."""

    kept: KeptAddress
    why: str


@dataclass(frozen=True, slots=True)
class AddressChoice:
    """The address of one family: chosen by `rule`, or None and then `refusal` says why there is none.

    `wanted` is False for a family that is not used here. `refused_by` is the fault that a refusal is.
    `calico` is what Calico would take if it were left alone; it decides nothing. `lost` is the address of before.
    """

    family: Family
    wanted: bool = True
    chosen: IPInterface | None = None
    link: str = ""
    rule: str = ""
    candidates: tuple[Candidate, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    refusal: str = ""
    refused_by: Fault | None = None
    calico: tuple[Opinion, ...] = ()
    lost: LostAddress | None = None

    @property
    def refusal_code(self) -> str:
        """The code of the refusal; empty where there is none."""
        return self.refused_by.code if self.refused_by is not None else ""


@dataclass(frozen=True, slots=True)
class NameSource:
    """What one place says about the node name; empty when it says nothing. `where` tells people where to look.

    `behind` is the place that is asked instead, where nobody asks this one.
    """

    source: str
    name: str
    where: str
    behind: str = ""


@dataclass(frozen=True, slots=True)
class NameChoice:
    """The node name: from `source`, or None and then `refusal` says why. `sources` are all places that name this host.

    `refused_by` is the fault that a refusal is. `evidence` says why the name of before goes on; `renamed` is the host
    name of now, where the name was the host name then. `as_written`: host names are node names in their own case, as in
    Calico 2.x.
    """

    name: str | None
    source: str = ""
    refusal: str = ""
    refused_by: Fault | None = None
    sources: tuple[NameSource, ...] = ()
    evidence: str = ""
    renamed: str = ""
    as_written: bool = False

    @property
    def refusal_code(self) -> str:
        """The code of the refusal; empty where there is none."""
        return self.refused_by.code if self.refused_by is not None else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Name and addresses this host should run calico/node with."""

    name: NameChoice
    ipv4: AddressChoice
    ipv6: AddressChoice

    def of(self, family: Family) -> AddressChoice:
        """The address of one family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def addresses(self) -> frozenset[IPAddress]:
        """The chosen addresses of both families."""
        return frozenset(choice.chosen.ip for choice in (self.ipv4, self.ipv6) if choice.chosen is not None)

    @property
    def complete(self) -> bool:
        """Whether calico/node may be started with it: a name, an address of each wanted family, at least one."""
        wanted = [choice for choice in (self.ipv4, self.ipv6) if choice.wanted]
        return self.name.name is not None and bool(wanted) and all(choice.chosen for choice in wanted)


def renaming(old: str, new: str) -> str:
    """Return how a node is given another name on purpose: it is another node then, and pods do not move with it."""
    return (
        f'to rename the node on purpose, move this host\'s pods away, set [identity] name = "{new}", '
        f"then calicoctl delete node {old}"
    )
