"""What one pass asks of Kubernetes about nodes: this host, and those with which something is amiss."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calico_agent.config import Config
from calico_agent.model.assessment import Key
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import evaluate
from calico_agent.runtime.pods import hanging_on_nodes
from tests.places import DATA
from tests.replay.kubernetes import AT, NOT_RECORDED, read_host

CAPTURES = DATA / "calico-kubernetes"


@dataclass
class Recorded:
    """A recorded host, of which Kubernetes says something of some nodes."""

    seen: Observation
    says: Mapping[str, ClusterNode]
    asked: list[frozenset[str]] = field(default_factory=list)
    waiting: frozenset[tuple[str, str, str]] = frozenset()

    def observe(self, at: datetime) -> Observation:
        assert at == self.seen.at
        return self.seen

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        assert about
        return observation

    def blocks_of(self, datastore: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        assert isinstance(datastore, Datastore)
        return tuple(one for one in datastore.blocks if one.cidr in wanted)

    def with_holders(self, observation: Observation, names: frozenset[str]) -> Observation:
        assert names is not None
        return observation

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable | None:
        return Unreadable("pods", f"{len(nodes)}, {len(links)} and {len(lost)} were not recorded", "absent")

    def nodes_of(self, names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        self.asked.append(names)
        return {name: self.says[name] for name in names if name in self.says}

    def doubted(self, keys: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        return keys & self.waiting


def causes(outside: Recorded) -> set[str]:
    found = evaluate(outside, Config(), Memory(), AT).assessment.problems
    return {f"{one.cause.code} {one.cause.subject}" for one in found if one.cause.code not in NOT_RECORDED}


def test_of_a_host_where_all_is_well_no_other_node_is_asked_for() -> None:
    outside = Recorded(read_host(CAPTURES / "healthy", "host1"), {"host2": ClusterNode("host2", ready=None)})
    assert causes(outside) == set()
    assert outside.asked == [{"host1"}]


def test_a_node_that_is_off_is_the_cause_of_its_missing_session() -> None:
    outside = Recorded(read_host(CAPTURES / "bgp-peers", "host2"), {"host1": ClusterNode("host1", ready=None)})
    assert causes(outside) == {"NODE-NOT-READY host1"}
    assert outside.asked[0] == {"host2"}
    assert "host1" in outside.asked[1]


def test_a_finding_that_hangs_on_nodes_proves_nothing_before_they_are_known_as_they_are_now() -> None:
    outside = Recorded(read_host(CAPTURES / "bgp-peers", "host2"), {})
    outside.waiting = hanging_on_nodes(evaluate(outside, Config(), Memory(), AT).assessment)
    for waits in (True, False):
        found = evaluate(outside, Config(), Memory(), AT).assessment
        _, _, timed = advance(Sightings(), found, AT, timedelta(0))
        told = {one.confirmed for one in timed if "host1" in one.problem.cause.what}
        assert told == {not waits}
        outside.waiting = frozenset()


def test_a_new_cause_of_what_is_believed_is_believed() -> None:
    outside = Recorded(read_host(CAPTURES / "bgp-peers", "host2"), {"host1": ClusterNode("host1", ready=None)})
    found = evaluate(outside, Config(), Memory(), AT).assessment
    problem = next(one for one in found.problems if one.cause.code == "NODE-NOT-READY")
    explained = problem.consequences[0].key
    for believed in (frozenset({explained}), frozenset[Key]()):
        again = found.doubting({problem.cause.key}, believed)
        cause = next(one.cause for one in again.problems if one.cause.key == problem.cause.key)
        assert cause.early is not bool(believed)
