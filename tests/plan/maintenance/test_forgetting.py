"""What is said before something is forgotten, and what must not be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.container import Docker
from calico_agent.model.container.supervision import Succession
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, KeptAddress, KeptIdentity, NameChoice
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.plan.maintenance.forgetting import forgetting_claim, forgetting_identity, own_claims
from tests.checks.cluster import AT, ETH0, HEALTHY, IDENTITY, stored

KEPT = KeptIdentity("m", "host1", "host name", KeptAddress(ETH0.interface, "eth0", "default route", AT))
OTHER = replace(IDENTITY, name=NameChoice("edge-9", "host name"))
NOBODY = replace(IDENTITY, ipv4=AddressChoice(Family.IPV4, refusal="two addresses are as good"))
US = Machine("a" * 32, "boot-1", ("52:54:00:00:00:01",), "host1", "10.77.0.11")
OWNER = NameOwner("host1", US, AT, '{"x": 1}')
NONE: frozenset[str] = frozenset()
IN_KUBERNETES = DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig="/etc/calico-agent/kubeconfig"))


def told(**how: object) -> str:
    succession = how.get("succession", Succession())
    assert isinstance(succession, Succession)
    return forgetting_identity(KEPT, IDENTITY, OTHER, succession).lines[-1]


def test_what_is_the_same_without_it_changes_nothing() -> None:
    said = forgetting_identity(KEPT, IDENTITY, IDENTITY, Succession())
    assert said.lines[0] == "kept: node host1, 10.77.0.11/24 on eth0 (by default route)"
    assert (said.lines[-1], said.refusal) == ("what follows: nothing changes now", "")


def test_what_becomes_of_the_container_is_said() -> None:
    assert "its container is replaced" in told()
    assert told(succession=Succession(stays="its sessions are up")).endswith(
        "stays as it is, because its sessions are up"
    )
    assert told(succession=Succession(barred="taken")).endswith("stays as it is while this holds: taken")


def test_a_host_that_could_not_be_started_again_forgets_nothing() -> None:
    said = forgetting_identity(KEPT, IDENTITY, NOBODY, Succession())
    assert said.refusal == "without it calico/node could not be started again here: two addresses are as good"
    assert "no IPv4 address" in said.lines[1]
    assert forgetting_identity(KEPT, NOBODY, NOBODY, Succession()).refusal == "", "it could not before, either"


def seen(*signs: NameOwner | AliveSign, **changes: object) -> Observation:
    assert isinstance(HEALTHY.kernel, Kernel)
    kernel = replace(HEALTHY.kernel, links=(Link(2, "eth0", mac=US.macs[0]),))
    quiet: dict[str, object] = {"docker": Docker(), "bird": Unreadable("BIRD", "nobody answers", "refused")}
    found = replace(stored(claims=signs), host=Host("host1", US.machine_id, boot_id="boot-1"), kernel=kernel)
    return replace(found, **{**quiet, **changes})  # type: ignore[arg-type]


def test_only_claims_of_this_machine_are_its_own() -> None:
    theirs = NameOwner("host2", Machine("b" * 32, "boot-9"), AT, "{}")
    assert own_claims(seen(OWNER, theirs)) == (OWNER,)
    etcd = Unreadable("etcd", "refused")
    assert own_claims(seen(OWNER, datastore_trouble=etcd)) == etcd


def test_one_that_nobody_lives_under_may_go() -> None:
    assert forgetting_claim(OWNER, seen(OWNER), NONE).refusal == ""
    own_sign = seen(OWNER, AliveSign("host1", US))
    assert forgetting_claim(OWNER, own_sign, NONE).refusal == "", "of the agent that was stopped just now"
    assert forgetting_claim(OWNER, seen(OWNER), frozenset({"edge-9"})).refusal == "", "it runs under another name"
    absent = seen(OWNER, docker=Unreadable("Docker", "there is no socket", "absent"))
    assert forgetting_claim(OWNER, absent, NONE).refusal == ""


@pytest.mark.parametrize(
    ("observation", "running", "why"),
    [
        (seen(OWNER), frozenset({"host1"}), "calico/node runs on this host as host1"),
        (seen(OWNER, bird=HEALTHY.bird), NONE, "calico/node runs on this host as host1"),
        (seen(OWNER, docker=Unreadable("Docker", "it hangs", "timeout")), NONE, "is not known: it hangs"),
        (
            seen(OWNER, AliveSign("host1", Machine("b" * 32, "boot-9", (), "host9", "10.77.0.19"))),
            NONE,
            "another agent runs under the name host1: host9 (10.77.0.19)",
        ),
    ],
    ids=["it runs", "BIRD answers", "nobody knows", "another agent"],
)
def test_one_that_somebody_lives_under_stays(observation: Observation, running: frozenset[str], why: str) -> None:
    assert why in forgetting_claim(OWNER, observation, running).refusal


def test_what_is_given_up_and_since_when_is_said() -> None:
    earlier = replace(OWNER, since=AT - timedelta(days=2))
    assert (
        forgetting_claim(earlier, seen(earlier), NONE)
        .lines[0]
        .startswith("kept: the claim on the node name host1 in etcd, by host1 (10.77.0.11) since 20")
    )
    with_leases = seen(earlier, datastore_settings=IN_KUBERNETES)
    assert "host1 in the Kubernetes API, by" in forgetting_claim(earlier, with_leases, NONE).lines[0]
