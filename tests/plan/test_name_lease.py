"""What is claimed, and with which date."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_interface

from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.container.container import Docker
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import NameChoice
from calico_agent.model.name_lease import AliveSign, ClaimName, LeaseStatus, NameOwner, NameState
from calico_agent.model.network.address import Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.plan.name_lease import plan_claim
from tests.plan.test_desired_container import IDENTITY

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THEN = NOW - timedelta(days=3)
US = Machine("a" * 32, "boot-1", ("52:54:00:00:00:01",), "host1", "10.77.0.11")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:02",), "host2", "10.77.0.12")
NODE = Node("host1", ipv4=ip_interface("10.77.0.11/24"))
NOTHING = Unreadable("BIRD", "there is no socket", "absent")


def seen(*claims: NameOwner | AliveSign, **changes: object) -> Observation:
    observation = Observation(
        at=NOW,
        host=Host("host1", "a" * 32, boot_id="boot-1"),
        kernel=Kernel(links=(Link(2, "eth0", mac="52:54:00:00:00:01"),)),
        docker=Docker(),
        datastore=Datastore(nodes=(NODE,), claims=claims),
        bird=NOTHING,
    )
    return replace(observation, **changes)  # type: ignore[arg-type]


def test_a_name_that_nobody_has_is_claimed_from_now_on() -> None:
    assert plan_claim(seen(), IDENTITY) == NameState(LeaseStatus.FREE, ClaimName("host1", US, NOW))


def test_our_claim_keeps_its_date_and_is_written_over_what_was_read() -> None:
    before = replace(US, boot_id="boot-0", address="10.77.0.99")
    state = plan_claim(seen(NameOwner("host1", before, THEN, "{text}")), IDENTITY)
    assert state == NameState(LeaseStatus.LAPSED, ClaimName("host1", US, THEN, "{text}"))
    kept = plan_claim(seen(NameOwner("host1", US, THEN, "{text}"), AliveSign("host1", US)), IDENTITY)
    assert kept == NameState(LeaseStatus.KEPT, ClaimName("host1", US, THEN, "{text}", kept=True))


def test_a_name_that_became_free_begins_anew_and_replaces_its_record() -> None:
    state = plan_claim(seen(NameOwner("host1", OTHER, THEN, "{old}")), IDENTITY)  # registered with our own address
    assert state == NameState(LeaseStatus.FREE, ClaimName("host1", US, NOW, "{old}"))


def test_another_machines_name_is_left_alone() -> None:
    assert plan_claim(seen(AliveSign("host1", OTHER)), IDENTITY) == NameState(LeaseStatus.HELD)


def test_nothing_is_said_about_the_claim_while_it_is_not_known() -> None:
    trouble = Unreadable("etcd", "connection refused", "refused")
    assert plan_claim(seen(datastore_trouble=trouble), IDENTITY) is None
    assert plan_claim(seen(kernel=trouble), IDENTITY) is None
    assert plan_claim(seen(host=trouble), IDENTITY) is None
    assert plan_claim(seen(), replace(IDENTITY, name=NameChoice(None, refusal="localhost"))) is None
    assert plan_claim(seen(datastore=Datastore(claims_trouble="permission denied")), IDENTITY) is None


def test_what_went_wrong_with_the_last_try_is_part_of_it() -> None:
    refused = plan_claim(seen(claim_trouble=Unreadable("etcd", "no space", "failed")), IDENTITY)
    assert refused is not None
    assert (refused.trouble, refused.denied) == ("no space", False)
    denied = plan_claim(seen(claim_trouble=Unreadable("etcd", "permission denied", "denied")), IDENTITY)
    assert denied is not None
    assert denied.denied
    assert denied.claim is not None, "it is tried again now and then: the permission may come"


def test_a_sign_of_life_of_another_boot_is_waited_for_and_never_written_over() -> None:
    clone = replace(US, boot_id="boot-0")
    signs = (NameOwner("host1", clone, THEN, "{text}"), AliveSign("host1", clone))
    booted = seen(*signs, host=Host("host1", "a" * 32, boot_id="boot-1", long_up=False))
    assert plan_claim(booted, IDENTITY) == NameState(LeaseStatus.UNSURE)
    assert plan_claim(seen(*signs), IDENTITY) == NameState(LeaseStatus.CLONED)


def test_cards_that_come_and_go_do_not_write_the_claim_anew() -> None:
    """Each would wake every agent of the cluster."""
    before = replace(US, macs=("52:54:00:00:00:01", "66:00:00:00:00:01"))
    kept = plan_claim(seen(NameOwner("host1", before, THEN, "{text}"), AliveSign("host1", before)), IDENTITY)
    assert kept == NameState(LeaseStatus.KEPT, ClaimName("host1", before, THEN, "{text}", kept=True))
    moved = replace(before, address="10.77.0.99")
    written = plan_claim(seen(NameOwner("host1", moved, THEN, "{text}"), AliveSign("host1", moved)), IDENTITY)
    assert written is not None
    assert written.claim is not None
    assert written.claim.machine == US


def test_the_name_that_calico_node_goes_on_with_is_the_one_that_is_kept() -> None:
    state = plan_claim(seen(), replace(IDENTITY, name=NameChoice("edge-9")), "host1")
    assert state == NameState(LeaseStatus.FREE, ClaimName("host1", US, NOW))
