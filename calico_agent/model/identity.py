"""Who this host is, as the agent concluded, with everything that led there."""

from dataclasses import dataclass

from calico_agent.model.address import Family, IPInterface


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address of one link and the verdict on it. `reason` is a machine word, empty when it is accepted."""

    interface: IPInterface
    link: str
    reason: str = ""
    evidence: str = ""

    @property
    def accepted(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one rule of the decision list says: the addresses it yields (`answers`) and how it came to them."""

    rule: str
    answers: tuple[IPInterface, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class AddressChoice:
    """The address of one family: chosen by `rule`, or None and then `refusal` says why there is none.

    `wanted` is False for a family that is not used here. `refusal_code` is the refusal's code in the catalogue:
    `IP-AMBIGUOUS`, `IP-NONE`, `IP-NOT-LOCAL`, `IP-REJECTED`, or `IP-UNKNOWN` when the kernel could not be read.
    """

    family: Family
    wanted: bool = True
    chosen: IPInterface | None = None
    link: str = ""
    rule: str = ""
    candidates: tuple[Candidate, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    refusal: str = ""
    refusal_code: str = ""


@dataclass(frozen=True, slots=True)
class NameChoice:
    """The node name: from `source`, or None and then `refusal` says why.

    `refusal_code` is its code in the catalogue: `NAME-LOCALHOST`, `NAME-INVALID`, or `NAME-UNKNOWN` when the host could
    not be read.
    """

    name: str | None
    source: str = ""
    refusal: str = ""
    refusal_code: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Name and addresses this host should run calico/node with."""

    name: NameChoice
    ipv4: AddressChoice
    ipv6: AddressChoice

    @property
    def complete(self) -> bool:
        """Whether calico/node may be started with it: a name, an address of each wanted family, at least one."""
        wanted = [choice for choice in (self.ipv4, self.ipv6) if choice.wanted]
        return self.name.name is not None and bool(wanted) and all(choice.chosen for choice in wanted)
