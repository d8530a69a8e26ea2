"""What changed in a large cluster since it was listed is never called a fault, on a host where all is well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calico_agent.config.schema import AgentSection, Config, DatastoreSection
from calico_agent.model.container.container import Docker
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import TimedProblem
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.datastore import DatastoreSource
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import evaluate
from calico_agent.sources.datastore.kubernetes import poll_rounds
from calico_agent.sources.datastore.kubernetes.kinds import V1, path_of
from tests.kube_apiserver.calico import ACCOUNT, change, empty, install, write
from tests.kube_apiserver.server import KubeApiServer, running_apiserver
from tests.patience import until
from tests.places import DATA
from tests.replay.kubernetes import AT, NOT_RECORDED, read_host
from tests.runtime.test_suspects import Recorded

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

CAPTURE = DATA / "calico-kubernetes" / "borrowed-address"
PATH = "/api/v1/nodes"
PEERS = path_of(V1, "bgppeers/")
PEER: dict[str, Any] = {"apiVersion": f"{V1}/v1", "kind": "BGPPeer", "metadata": {"name": "tor"}}
PEER["spec"] = {"peerIP": "10.99.0.1", "asNumber": 64999}
ADDRESS = "projectcalico.org/IPv4Address"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiServer]:
    with running_apiserver(tmp_path_factory.mktemp("late") / "api") as server:
        install(server)
        yield server


@pytest.fixture
def large(server: KubeApiServer) -> Iterator[KubeApiServer]:
    write(server, CAPTURE)
    for number in range(50):
        server.call("POST", PATH, {"metadata": {"name": f"more-{number}"}})
    yield server
    empty(server)


@dataclass
class Host(Recorded):
    """The recorded host1, whose datastore is the one that is followed."""

    source: DatastoreSource | None = None
    sightings: Sightings = field(default_factory=Sightings)

    def observe(self, at: datetime) -> Observation:
        assert self.source is not None
        datastore, trouble = self.source.read(Docker())
        return replace(read_host(CAPTURE, "host1"), at=at, datastore=datastore, datastore_trouble=trouble)

    def doubted(self, keys: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        assert self.source is not None
        return self.source.doubted(keys)

    def look(self) -> list[TimedProblem]:
        """The problems of a pass, with a hold-down of nothing."""
        found = evaluate(self, Config(), Memory(), AT)
        self.sightings, _, timed = advance(self.sightings, found.assessment, AT, timedelta(0))
        return [one for one in timed if one.problem.cause.code not in NOT_RECORDED]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not watched is listed when somebody wants it, and else in an hour."""
    monkeypatch.setattr(poll_rounds, "SHORTEST_PAUSE", 3600.0)
    monkeypatch.setattr(poll_rounds, "LONGEST_PAUSE", 3600.0)


def follow(api: KubeApiServer, folder: Path) -> DatastoreSource:
    path = api.kubeconfig(folder / "kubeconfig", {"token": api.token(ACCOUNT)})
    section = DatastoreSection(kubeconfig=str(path), timeout_seconds=5.0)
    config = Config(agent=AgentSection(state_dir=""), datastore=section)
    source = DatastoreSource(config, lambda _: None, one_shot=False)
    until("the first reading is there", lambda: not isinstance(source.read(Docker())[0], Unreadable))
    assert source.doubted(frozenset()) == frozenset()
    return source


def move(api: KubeApiServer, address: str) -> None:
    change(api, "nodes", "host3", metadata={"annotations": {ADDRESS: f"{address}/24"}})


def remove(api: KubeApiServer, name: str) -> None:
    api.call("DELETE", f"{PATH}/{name}")


def add(api: KubeApiServer, name: str, address: str) -> None:
    api.call("POST", PATH, {"metadata": {"name": name, "annotations": {ADDRESS: f"{address}/24"}}})


Change = Callable[[KubeApiServer], None]
CHANGES: dict[str, tuple[Change, Change]] = {
    "readdressed": (lambda api: move(api, "10.99.0.99"), lambda api: move(api, "10.99.0.13")),
    "added": (lambda api: remove(api, "host3"), lambda api: add(api, "host3", "10.99.0.13")),
    "removed": (lambda api: add(api, "host4", "10.99.0.14"), lambda api: remove(api, "host4")),
    "peer": (lambda api: api.call("POST", PEERS, PEER), lambda api: api.call("DELETE", f"{PEERS}/tor")),
}
"""What makes of a cluster what it is when Nodes are listed, and what happens then: it becomes the recorded one."""


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_since_it_was_listed_is_no_fault(large: KubeApiServer, tmp_path: Path, what: str) -> None:
    before, after = CHANGES[what]
    before(large)
    source = follow(large, tmp_path)
    try:
        after(large)
        host = Host(read_host(CAPTURE, "host1"), {}, source=source)
        seen = host.look()
        assert seen, "by the old list something is amiss"

        def quiet() -> bool:
            found = host.look()
            seen.extend(found)
            return not found

        until("all is known as it is", quiet)
        assert not any(one.confirmed for one in seen)
    finally:
        source.close()


@pytest.mark.usefixtures("unhurried")
def test_a_node_that_is_amiss_is_told_after_the_next_list(large: KubeApiServer, tmp_path: Path) -> None:
    move(large, "10.99.0.99")
    source = follow(large, tmp_path)
    try:
        host = Host(read_host(CAPTURE, "host1"), {}, source=source)
        assert not any(one.confirmed for one in host.look())
        until("it is confirmed", lambda: any(one.confirmed for one in host.look()))
    finally:
        source.close()
