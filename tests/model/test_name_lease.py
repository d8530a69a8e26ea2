"""Whose a node name is: which machine holds it, and when it is free again."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.host.claimant import Machine, this_machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Identity, NameChoice
from calico_agent.model.name_lease import AliveSign, LeaseStatus, NameLease, NameOwner, claim_on
from calico_agent.model.network.address import Family, IPAddress, Link

US = Machine("a" * 32, boot_id="boot-1", macs=("52:54:00:00:00:01",), hostname="host1", address="10.77.0.11")
REBOOTED = replace(US, boot_id="boot-2")
RECARDED = replace(US, macs=("52:54:00:00:00:99",))
CLONE = replace(US, boot_id="boot-3", macs=("52:54:00:00:00:03",), address="10.77.0.13")
OTHER = Machine("b" * 32, boot_id="boot-4", macs=("52:54:00:00:00:02",), hostname="host2", address="10.77.0.12")

OURS = frozenset({ip_address("10.77.0.11")})
THEIRS = frozenset({ip_address("10.77.0.12")})
NO_RECORD: frozenset[IPAddress] = frozenset()


def claimed(owner: Machine | None, alive: Machine | None) -> NameLease:
    return NameLease(
        NameOwner("n", owner, datetime(2026, 11, 23, tzinfo=UTC), "{}") if owner else None,
        AliveSign("n", alive) if alive else None,
    )


@pytest.mark.parametrize(("long_up", "standing"), [(False, LeaseStatus.UNSURE), (True, LeaseStatus.CLONED)])
def test_a_clone_with_the_same_card_is_told_by_its_sign_of_life_that_does_not_end(
    long_up: bool, standing: LeaseStatus
) -> None:
    """Until the lease of before a reboot must have ended, it may be this machine's own."""
    for owner in (REBOOTED, US):
        assert claimed(owner, REBOOTED).standing(US, OURS, OURS, long_up=long_up) is standing
    unknown = replace(REBOOTED, boot_id="")
    assert claimed(unknown, unknown).standing(US, OURS, OURS) is LeaseStatus.KEPT


@pytest.mark.parametrize(
    ("owner", "alive", "registered", "standing"),
    [
        pytest.param(None, None, NO_RECORD, LeaseStatus.FREE, id="nobody ever claimed it"),
        pytest.param(None, None, THEIRS, LeaseStatus.FREE, id="registered, but nobody ever claimed it"),
        pytest.param(US, US, OURS, LeaseStatus.KEPT, id="ours and alive"),
        pytest.param(US, None, OURS, LeaseStatus.LAPSED, id="ours, and the lease has ended"),
        pytest.param(US, None, THEIRS, LeaseStatus.LAPSED, id="ours, although another address is registered"),
        pytest.param(None, US, OURS, LeaseStatus.LAPSED, id="ours, and somebody removed the lasting record"),
        pytest.param(
            REBOOTED, None, THEIRS, LeaseStatus.LAPSED, id="ours from before a reboot, with another address then"
        ),
        pytest.param(
            RECARDED, None, THEIRS, LeaseStatus.LAPSED, id="ours, and a card was added since without a reboot"
        ),
        pytest.param(OTHER, OTHER, THEIRS, LeaseStatus.HELD, id="another machine's and alive"),
        pytest.param(OTHER, OTHER, NO_RECORD, LeaseStatus.HELD, id="another machine's, which has not registered yet"),
        pytest.param(OTHER, OTHER, OURS, LeaseStatus.HELD, id="another machine's and alive, with our address"),
        pytest.param(OTHER, None, THEIRS, LeaseStatus.HELD, id="another machine's that is silent but registered"),
        pytest.param(None, OTHER, THEIRS, LeaseStatus.HELD, id="another machine's, its lasting record removed"),
        pytest.param(US, OTHER, THEIRS, LeaseStatus.HELD, id="kept alive by another than its owner"),
        pytest.param(OTHER, None, NO_RECORD, LeaseStatus.FREE, id="another machine's that is silent and was deleted"),
        pytest.param(OTHER, None, OURS, LeaseStatus.FREE, id="silent, and registered with our address: installed anew"),
        pytest.param(CLONE, CLONE, THEIRS, LeaseStatus.CLONED, id="a clone has it"),
        pytest.param(CLONE, None, THEIRS, LeaseStatus.CLONED, id="a clone has it and is silent"),
        pytest.param(CLONE, None, NO_RECORD, LeaseStatus.FREE, id="a clone had it and was deleted"),
    ],
)
def test_how_a_name_stands(
    owner: Machine | None, alive: Machine | None, registered: frozenset[IPAddress], standing: LeaseStatus
) -> None:
    assert claimed(owner, alive).standing(US, registered, OURS) is standing


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(REBOOTED, True, id="after a reboot"),
        pytest.param(RECARDED, True, id="with another card in one boot"),
        pytest.param(replace(US, address="10.77.0.99", hostname="new"), True, id="renamed, with another address"),
        pytest.param(CLONE, False, id="a clone of its disk"),
        pytest.param(replace(US, machine_id="c" * 32), False, id="installed anew on the same hardware"),
        pytest.param(Machine("a" * 32), False, id="one of which only the machine-id is known"),
    ],
)
def test_what_is_one_machine(other: Machine, *, same: bool) -> None:
    assert US.is_same(other) is same
    assert other.is_same(US) is same


def test_claims_are_told_apart_by_name() -> None:
    owner, alive = NameOwner("n", US, None, "{}"), AliveSign("n", US)
    others = (NameOwner("n2", OTHER, None, "{}"), AliveSign("other", OTHER))
    assert claim_on("n", (*others, alive, owner)) == NameLease(owner, alive)
    assert claim_on("n2", (*others, alive, owner)) == NameLease(others[0], None)


IDENTITY = Identity(
    name=NameChoice("host1"),
    ipv4=AddressChoice(Family.IPV4, chosen=ip_interface("10.77.0.11/24"), link="br0"),
    ipv6=AddressChoice(Family.IPV6, wanted=False),
)
LINKS = (
    Link(1, "lo", loopback=True, mac="00:00:00:00:00:00"),
    Link(2, "eth1", mac="52:54:00:00:00:0b"),
    Link(3, "eth0", mac="52:54:00:00:00:0a"),
    Link(4, "br0", kind="bridge", mac="3e:00:00:00:00:01"),
    Link(5, "cali1", kind="veth", mac="ee:ee:ee:ee:ee:ee"),
)


def test_a_machine_is_known_by_its_network_cards_and_not_by_bridges() -> None:
    machine = this_machine(Host("host1", "a" * 32, boot_id="boot-1"), LINKS, IDENTITY)
    assert machine == Machine(
        "a" * 32, "boot-1", ("52:54:00:00:00:0a", "52:54:00:00:00:0b"), hostname="host1", address="10.77.0.11"
    )


def test_a_host_without_cards_is_known_by_the_link_of_its_address() -> None:
    virtual = tuple(link for link in LINKS if link.kind or link.loopback)
    assert this_machine(Host("host1"), virtual, IDENTITY).macs == ("3e:00:00:00:00:01",)


def test_of_many_cards_that_of_the_nodes_address_is_always_one() -> None:
    """A card with virtual functions has up to 256 more addresses, and 16 are enough to know a machine by."""
    functions = tuple(Link(10 + number, f"vf{number}", mac=f"02:00:00:00:00:{number:02x}") for number in range(64))
    links = (*functions, Link(2, "br0", mac="f2:54:00:00:00:01"))
    machine = this_machine(Host("host1", "a" * 32), links, IDENTITY)
    assert len(machine.macs) == 16
    assert "f2:54:00:00:00:01" in machine.macs
