"""What tells one machine from another, for who asks whose a node name is (`model.name_lease`)."""

from dataclasses import dataclass, field, replace

from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity
from calico_agent.model.network.address import Link

_MOST_MACS = 16
_NO_MACS = frozenset({"", "00:00:00:00:00:00"})


@dataclass(frozen=True, slots=True)
class Machine:
    """What tells one machine from another: machine-id, boot and network cards. Host name and address are for people.

    A disk that is cloned carries its machine-id along, which then is no proof by itself. `system_uuid` is that of the
    board, which a kubelet writes, too; it is no part of a claim.
    """

    machine_id: str
    boot_id: str = ""
    macs: tuple[str, ...] = ()
    hostname: str = ""
    address: str = ""
    system_uuid: str = field(default="", compare=False)

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

    def may_be(self, kubelet: "Machine") -> bool:
        """False if the kubelet that wrote `kubelet` into its Node ran on another machine.

        A machine that was rebooted keeps its board, a clone of its disk has another; and what is cut off from the API,
        or whose kubelet is stopped, stays in its Node as it was.
        """
        if not kubelet.machine_id or not self.machine_id or (self.boot_id and self.boot_id == kubelet.boot_id):
            return True
        boards = {self.system_uuid.lower(), kubelet.system_uuid.lower()}
        return self.machine_id == kubelet.machine_id and ("" in boards or len(boards) == 1)

    def __str__(self) -> str:
        return f"{self.hostname or 'a machine without a name'} ({self.address or 'no address'})"


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
    return Machine(host.machine_id, host.boot_id, tuple(sorted(macs)), host.hostname, system_uuid=host.system_uuid)


def this_machine(host: Host, links: tuple[Link, ...], identity: Identity) -> Machine:
    """The machine that we run on, with the identity it should have."""
    choices = [choice for choice in (identity.ipv4, identity.ipv6) if choice.chosen is not None]
    machine = machine_of(host, links, frozenset(choice.link for choice in choices))
    return replace(machine, address=next((str(choice.chosen.ip) for choice in choices if choice.chosen), ""))
