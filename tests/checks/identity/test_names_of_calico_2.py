"""Calico 2.x takes a host name in its own case: such a node is as healthy as any other."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from msgspec import structs

from calico_agent.config import Config
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.observation import Observation
from calico_agent.model.settings import EtcdApi, Mode
from tests.places import DATA
from tests.replay.capture import read_capture
from tests.replay.judge import assess_observation

HEALTHY = DATA / "calico-v2.3" / "healthy"


def called(name: str, hostname: str, env: Mapping[str, str]) -> Observation:
    """Host3 of the recording under another name, in everything that it and its cluster say."""
    seen = read_capture(HEALTHY, "host3")
    assert isinstance(seen.host, Host)
    assert isinstance(seen.docker, Docker)
    assert isinstance(seen.datastore, Datastore)
    (container,) = seen.docker.containers
    given = tuple((key, value) for key, value in container.env if key not in {"NODENAME", "HOSTNAME"})
    stored = seen.datastore

    def renamed(owner: str | None) -> str | None:
        return name if owner == "host3" else owner

    return replace(
        seen,
        host=replace(seen.host, hostname=hostname, nodename_file=None),
        docker=replace(seen.docker, containers=(replace(container, env=(*given, *env.items())),)),
        datastore=replace(
            stored,
            nodes=tuple(replace(node, name=renamed(node.name) or "") for node in stored.nodes),
            blocks=tuple(replace(block, owner=renamed(block.owner)) for block in stored.blocks),
            affinities=tuple(replace(one, node=renamed(one.node) or "") for one in stored.affinities),
        ),
    )


CASES_OF_NAMES = {
    "the host name": called("Node-C3", "Node-C3", {}),
    "a host name with an underscore": called("node_c3", "node_c3", {}),
    "HOSTNAME of the container": called("Worker-7", "host3", {"HOSTNAME": "Worker-7"}),
    "NODENAME of the container": called("Worker-7", "host3", {"NODENAME": "Worker-7"}),
}


@pytest.mark.parametrize("observation", CASES_OF_NAMES.values(), ids=CASES_OF_NAMES.keys())
def test_a_node_with_capitals_is_all_good(observation: Observation) -> None:
    assert [one.cause for one in assess_observation(observation).problems] == []


@pytest.mark.parametrize("name", ["Node-C3", "node_c3"])
def test_supervised_it_keeps_its_name(name: str) -> None:
    """By host name, and as it is configured; nobody is told to delete it."""
    observation = called(name, name, {"NODENAME": name, "IP": "10.77.0.13/24"})
    config = Config(mode=Mode.SUPERVISE)
    config = structs.replace(config, datastore=structs.replace(config.datastore, api=EtcdApi.V2))
    written = structs.replace(config, identity=structs.replace(config.identity, name=name))
    for each in (config, written):
        found = assess_observation(observation, each)
        assert found.identity.name.name == name
        assert {one.cause.code for one in found.problems} <= {"SV-FOREIGN"}
        assert not any("delete node" in one.cause.cure for one in found.problems)
