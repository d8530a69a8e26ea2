"""An address that calico/node refused: what is wrong here, and not at the node that has it."""

from dataclasses import replace

import pytest

from calico_agent.model.container.container import ContainerState, LogHint
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.name_lease import NameOwner
from calico_agent.model.observation import Observation
from tests.checks.cluster import DATASTORE, contained, findings_of, node, peered, stored


def refused(address: str, by: str, observation: Observation, **env: str) -> Observation:
    """Calico/node exited, because a node is registered with the address."""
    hint = LogHint(
        "address-conflict",
        f"calico/node refuses the address {address}: node {by} is already registered with it",
        f"Calico node '{by}' is already using the IPv4 address {address}.",
        "give this host an address of its own (IP=ADDRESS/LENGTH)",
        address,
        by,
    )
    given = tuple(env.items())
    return contained(observation, state=ContainerState.EXITED, exit_code=1, log_hint=hint, env=given)


TAKEN = stored(peered(), nodes=(DATASTORE.nodes[0], node("host2", "172.17.0.1/16"), DATASTORE.nodes[2]))
REFUSED: dict[str, tuple[Observation, tuple[str, ...]]] = {
    "Docker's bridge, which calico/node found by itself": (
        refused("172.17.0.1", "host2", TAKEN),
        (
            "172.17.0.1 is the address of Docker's bridge docker0 on this host itself, and on host2 too",
            "-e IP=10.77.0.11/24",
        ),
    ),
    "another node's address, which this host does not have": (
        refused("10.77.0.12", "host2", peered(), IP="10.77.0.12/24"),
        ("no link of this host has 10.77.0.12", "-e IP=10.77.0.11/24"),
    ),
    "this host's own address under another name": (
        refused("10.77.0.11", "host1", peered(), IP="10.77.0.11/24", NODENAME="host2"),
        (
            "10.77.0.11 (eth0) is this host's own, and node host1 is this host; it was started as host2",
            "-e NODENAME=host1",
        ),
    ),
    "this host's own address, with which another node is registered": (
        refused("10.77.0.11", "old", peered(), IP="10.77.0.11/24"),
        ("10.77.0.11 (eth0) is this host's own", "if old is an old name of this machine: calicoctl delete node old"),
    ),
}


@pytest.mark.parametrize(("observation", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_was_refused_is_explained(observation: Observation, says: tuple[str, ...]) -> None:
    (exited,) = [one for one in findings_of(observation) if one.code == "SV-EXITED"]
    text = f"{exited.why}\n{exited.cure}"
    for piece in says:
        assert piece in text
    assert "None" not in text
    healthy = [f"delete node {name}" for name in ("host1", "host2", "host3")]
    assert not any(words in text for words in healthy)


def test_a_host_whose_calico_node_was_given_another_name_has_no_conflict_with_its_own_record() -> None:
    started_as = refused("10.77.0.11", "host1", peered(), IP="10.77.0.11/24", NODENAME="edge")
    assert "IP-CONFLICT" in {one.code for one in findings_of(started_as)}, "host1 may be an old name"
    claimed = stored(
        replace(started_as, host=Host("host1", machine_id="m1", nodename_file="edge")),
        claims=(NameOwner("host1", Machine("m1"), None, ""),),
    )
    found = {one.code for one in findings_of(claimed)}
    assert "SV-EXITED" in found
    assert "IP-CONFLICT" not in found
