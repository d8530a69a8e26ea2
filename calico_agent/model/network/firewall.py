"""The packet filter of this host: what iptables (legacy and nf_tables) and nft have in force, in one form.

A packet goes through all base chains of a hook, in the order of their priorities, whichever tool made them: one that
accepts it says so for itself alone, one that drops it has the last word (nft(8), "base chains").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from calico_agent.model.unreadable import Unreadable


class Field(Enum):
    """What of a packet a rule may ask for."""

    FAMILY = "family"
    SOURCE = "source"
    DESTINATION = "destination"
    PROTOCOL = "protocol"
    SOURCE_PORT = "source port"
    DESTINATION_PORT = "destination port"
    FLAGS = "TCP flags"
    MARK = "mark"
    IN = "in"
    OUT = "out"
    STATE = "state"
    SOURCE_TYPE = "source type"
    DESTINATION_TYPE = "destination type"
    PACKET_TYPE = "packet type"


Ranges = tuple[tuple[int, int], ...]
"""Numbers from the first to the last of each pair, in order; addresses are numbers, too."""


@dataclass(frozen=True, slots=True)
class Among:
    """A number is in one of these ranges."""

    field: Field
    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A word is one of these. One that ends in `*` stands for all that begin so, as a link may be named."""

    field: Field
    names: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Bits:
    """These bits of a number are so: in the packet's mark, or in TCP's flags."""

    field: Field
    mask: int
    value: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """All that one of the alternatives asks for is so; without any, it never is."""

    alternatives: "tuple[tuple[Match, ...], ...]" = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """A condition that depends on more than is known of a packet, or is not understood."""

    text: str


Match = Among | Named | Bits | Either | Unclear
NEVER = Either()


class Act(Enum):
    """What a rule does with a packet that meets it. `UNCLEAR`: it may do anything."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    MARK = "mark"
    UNTRACK = "untrack"
    UNCLEAR = "unclear"


ALL_BITS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """`text` is the rule for people, `target` the chain to which it leads. A mark becomes (mark & keep) ^ flip.

    `known` are the bits of the new mark of which that is known.
    """

    matches: tuple[Match, ...] = ()
    act: Act = Act.CONTINUE
    target: str = ""
    keep: int = ALL_BITS
    flip: int = 0
    known: int = ALL_BITS
    text: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A chain that the kernel enters by itself. `hook` is nft's word (`input`), `device` for `ingress` alone."""

    chain: str
    hook: str
    priority: int
    drops: bool = False
    devices: tuple[str, ...] = ()


class Tool(Enum):
    """The program that shows, and changes, the rules of a table."""

    LEGACY = "iptables-legacy"
    IPTABLES_NFT = "iptables-nft"
    NFT = "nft"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`family` is nft's word: `ip`, `ip6`, `inet`, `netdev`. `command` is the tool by the name that it has here.

    It is compared by identity: it may be large.
    """

    tool: Tool
    family: str
    name: str
    chains: Mapping[str, tuple[FirewallRule, ...]] = field(default_factory=dict)
    base_chains: tuple[BaseChain, ...] = ()
    command: str = ""


USERS_CHAIN_OF_DOCKER = "DOCKER-USER"
"""Docker asks it first of what is forwarded, and leaves what is in it alone."""


@dataclass(frozen=True, slots=True)
class Masquerading:
    """How kube-proxy's rules in the nat table hide the source of what goes to services.

    `services` are the chains of services, `hiding` those of them that hide every source (--masquerade-all), whatever
    it is.
    """

    services: int = 0
    hiding: int = 0

    def __add__(self, other: "Masquerading") -> "Masquerading":
        return Masquerading(self.services + other.services, self.hiding + other.hiding)


@dataclass(frozen=True, slots=True)
class Firewall:
    """All tables but those for address translation. `unread` says which rules may be in force and are not known."""

    tables: tuple[Table, ...] = ()
    unread: tuple[Unreadable, ...] = ()
    masquerading: Masquerading = field(default_factory=Masquerading)

    def has_chain(self, *names: str) -> bool:
        """Whether any table has a chain of one of these names."""
        return any(name in table.chains for table in self.tables for name in names)


def masquerades_all(firewall: Firewall) -> bool | None:
    """Whether kube-proxy hides every source behind the host's address; None where its rules do not tell.

    With --masquerade-all each service has a rule that marks everything; without it, only what comes from outside of
    the cluster's pods (pkg/proxy/iptables/proxier.go@kubernetes v1.31).
    """
    found = firewall.masquerading
    return None if not found.services else 2 * found.hiding > found.services
