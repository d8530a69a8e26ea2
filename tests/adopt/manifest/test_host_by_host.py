"""The rollout, as it depends on the manifest; and what is told of pools."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from calico_agent.adopt.described import Given
from calico_agent.adopt.manifest.host_by_host import Places, rollout
from calico_agent.adopt.manifest.page import render_split
from calico_agent.adopt.manifest.pools import pool_notes
from calico_agent.model.calico.node import Datastore, EncapsulationMode, Pool
from calico_agent.model.observation import Unreadable
from tests.adopt.manifest.texts import NAMES, NODE, OTHER, daemon_set, read, split_text

PLACES = Places("before.yaml", "new dir/after.yaml", "new dir/calico-agent.toml")


def commands(name: str) -> list[str]:
    steps = rollout(split_text(read(name)), PLACES)
    return [row for step in steps for row in (*step.commands, *step.checks, *step.undo)]


def test_going_back_on_one_host_changes_no_other() -> None:
    """The old manifest would have RollingUpdate again, and so bring calico-node back to all hosts at once."""
    _, _, move, *_ = rollout(split_text(read("etcd-3.31.yaml")), PLACES)
    undo = "\n".join(move.undo)
    assert undo.count("$ kubectl -n kube-system rollout undo daemonset/calico-node ") == 2
    assert "apply" not in undo
    _, _, move, *_ = rollout(split_text(read("hosted-2.3.yaml")), PLACES)
    undo = "\n".join(move.undo)
    assert "rollout undo" not in undo
    assert (
        undo.index("apply -f before.yaml") < undo.index("delete pod POD") < undo.index("apply -f 'new dir/after.yaml'")
    )


def test_a_strategy_that_the_manifest_leaves_to_the_cluster_is_looked_at_before() -> None:
    """With RollingUpdate there, set by hand or by a newer API, `apply` would take calico-node from all hosts."""
    first, *_ = rollout(split_text(read("hosted-2.3.yaml")), PLACES)
    look, patch, apply = first.commands
    assert ".spec.updateStrategy.type" in look
    assert '"type":"OnDelete"' in patch
    assert "kubectl apply -f" in apply
    first, *_ = rollout(split_text(read("etcd-3.31.yaml")), PLACES)
    assert len(first.commands) == 1


def test_a_node_that_calico_node_marks_as_it_stops_is_looked_after() -> None:
    assert any("NetworkUnavailable" in command for command in commands("etcd-3.31.yaml"))
    assert not any("NetworkUnavailable" in command for command in commands("etcd-3.10.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_stays_and_quotes_what_a_shell_would_read(name: str) -> None:
    result = split_text(read(name))
    page = render_split(result, PLACES, ["a note"])
    stays = {"etcd-3.10.yaml": "keep-pod", "etcd-3.31.yaml": "cni-token"}.get(name, "install-cni")
    assert f"# says: {stays}" in page
    assert "kubectl apply -f 'new dir/after.yaml'" in page
    assert "  a note\n" in page
    assert ("updateStrategy becomes OnDelete" in page) == name.startswith("etcd")


def test_the_pods_are_selected_as_the_daemon_set_does_it() -> None:
    steps = rollout(split_text(daemon_set(NODE + OTHER)), PLACES)
    assert "-l k8s-app=calico-node " in steps[0].checks[-1]
    text = daemon_set(NODE + OTHER).replace("    spec:", "    metadata: {labels: {app: net, tier: a}}\n    spec:", 1)
    assert "-l app=net,tier=a " in rollout(split_text(text), PLACES)[0].checks[-1]


ENV = {
    "CALICO_IPV4POOL_CIDR": Given("192.168.0.0/16", "calico.yaml:9"),
    "CALICO_IPV4POOL_IPIP": Given("Always", "calico.yaml:11"),
}


def notes(*pools: Pool) -> list[str]:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    return list(pool_notes(ENV, Datastore(nodes=(), pools=pools, blocks=(), revision=1, read_at=now)))


def test_a_pool_that_the_datastore_has_is_not_mentioned() -> None:
    assert notes(Pool("default", ip_network("192.168.0.0/16"), ipip=EncapsulationMode.ALWAYS)) == []


def test_another_pool_of_the_datastore_goes_on() -> None:
    other = [Pool("old", ip_network("10.254.64.0/18")), Pool("six", ip_network("fd00::/48"))]
    (note,) = notes(*other)
    assert note == (
        "calico.yaml:9: CALICO_IPV4POOL_CIDR=192.168.0.0/16, but the datastore has 10.254.64.0/18: calico/node makes a "
        "pool only where there is none, so pods go on getting those addresses"
    )


def test_another_encapsulation_of_the_datastores_pool_stays() -> None:
    (note,) = notes(Pool("default", ip_network("192.168.0.0/16"), ipip=EncapsulationMode.CROSS_SUBNET))
    assert "CALICO_IPV4POOL_IPIP=Always, but the datastore's pool 192.168.0.0/16 has IPIP CrossSubnet" in note


def test_a_datastore_without_a_pool_gets_this_one() -> None:
    (note,) = notes()
    assert "has no IPv4 pool, so the first calico/node that starts makes this one" in note


def test_a_datastore_that_cannot_be_read_says_nothing() -> None:
    (note,) = pool_notes(ENV, Unreadable("etcd", "connection refused"))
    assert note.endswith("cannot tell whether the datastore has this pool: connection refused")
    assert list(pool_notes({}, Unreadable("etcd", "connection refused"))) == []
