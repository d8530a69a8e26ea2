"""The copy in memory, and when it is believed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from calico_agent.model.calico.node import Block, Datastore, Node
from calico_agent.model.observation import Unreadable
from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.etcd3.backend import Etcd3
from calico_agent.sources.datastore.replica import Replica
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.shrink_guard import ShrinkGuard

CLUSTER = "/calico/resources/v3/projectcalico.org/clusterinformations/default"
MINUTES = timedelta(minutes=3)
NODES = "/calico/resources/v3/projectcalico.org/nodes/"
NODE = "/calico/resources/v3/projectcalico.org/nodes/node-a"


def nodes(number: int) -> Datastore:
    return Datastore(nodes=tuple(Node(f"node-{each}") for each in range(number)))


def test_a_key_that_comes_and_goes_in_one_message_is_gone() -> None:
    replica = Replica(Etcd3(), stale_after=60.0)
    replica.load(1, [])
    assert replica.apply(Changes(NODES, 3, 3, ((NODE, b"{}"), (NODE, None))))
    read = replica.snapshot()
    assert isinstance(read, Datastore)
    assert read.nodes == ()
    assert read.revision == 3


def test_a_key_that_is_deleted_and_written_again_in_one_message_is_there() -> None:
    replica = Replica(Etcd3(), stale_after=60.0)
    replica.load(1, [(NODE, b"{}")])
    replica.apply(Changes(NODES, 3, 3, ((NODE, None), (NODE, b"{}"))))
    read = replica.snapshot()
    assert isinstance(read, Datastore)
    assert read.nodes == (Node("node-a"),)


def test_the_same_value_again_is_no_change_but_a_sign_of_life() -> None:
    replica = Replica(Etcd3(), stale_after=60.0)
    replica.load(1, [(NODE, b"{}")])
    first = replica.snapshot()
    assert not replica.apply(Changes(NODES, 2, 2, ((NODE, b'{"metadata": {"resourceVersion": "2"}}'),)))
    again = replica.snapshot()
    assert isinstance(first, Datastore)
    assert isinstance(again, Datastore)
    assert again.nodes is first.nodes
    assert again.revision == 2


BLOCK = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26"


def block(*allocations: int | None) -> bytes:
    """A block of node-a; 0 stands for one of its pods, 1 for its tunnel address, 2 for a pod of node-b."""
    attributes = [
        {"secondary": {"node": "node-a"}},
        {"secondary": {"node": "node-a", "type": "vxlanTunnelAddress"}},
        {"secondary": {"node": "node-b"}},
    ]
    fields = {"cidr": "10.0.0.0/26", "affinity": "host:node-a", "allocations": allocations, "attributes": attributes}
    return json.dumps(fields).encode()


def test_pods_that_come_and_go_make_no_other_datastore_and_are_followed_all_the_same() -> None:
    def held(node: str) -> list[str]:
        return [str(address) for one in replica.blocks([ip_network("10.0.0.0/26")]) for address in one.held_by(node)]

    replica = Replica(Etcd3(), stale_after=60.0)
    replica.load(1, [(BLOCK, block(1, 0, 2))])
    first = replica.snapshot()
    assert (held("node-a"), held("node-b")) == (["10.0.0.1"], ["10.0.0.2"])
    assert not replica.apply(Changes(NODES, 2, 2, ((BLOCK, block(1, 0, 2, 0)),)))
    assert held("node-a") == ["10.0.0.1", "10.0.0.3"]
    replica.load(3, [(BLOCK, block(1, None, 2, 0))])
    assert held("node-a") == ["10.0.0.3"]
    again = replica.snapshot()
    assert isinstance(first, Datastore)
    assert isinstance(again, Datastore)
    assert again.blocks is first.blocks
    assert replica.apply(Changes(NODES, 4, 4, ((BLOCK, block(1, None, None, 0)),))), "the borrowed address has changed"


def test_before_the_first_list_each_endpoint_says_why() -> None:
    replica = Replica(Etcd3(), stale_after=60.0)
    assert replica.snapshot() == Unreadable("etcd", "no answer has arrived yet", "pending")
    assert replica.fail("http://a:2379", DatastoreError("connection refused", "refused"))
    assert not replica.fail("http://b:2379", DatastoreError("no answer within 5 s", "timeout"))
    assert replica.snapshot() == Unreadable(
        "etcd", "http://a:2379: connection refused; http://b:2379: no answer within 5 s", "refused"
    )


def test_a_copy_without_a_sign_of_life_is_stale() -> None:
    replica = Replica(Etcd3(), stale_after=-1.0)
    replica.load(1, [(NODE, b"{}")])
    replica.fail("http://a:2379", DatastoreError("connection refused", "refused"))
    read = replica.snapshot()
    assert isinstance(read, Unreadable)
    assert read.code == "refused"
    assert read.reason.startswith("no sign of life since 20")


def test_a_list_that_breaks_off_changes_nothing() -> None:
    def broken() -> Iterator[tuple[str, bytes]]:
        yield f"{NODE}-other", b"{}"
        raise DatastoreError("no answer within 5 s", "timeout")

    replica = Replica(Etcd3(), stale_after=60.0)
    replica.load(1, [(NODE, b"{}")])
    with pytest.raises(DatastoreError):
        replica.load(2, broken())
    read = replica.snapshot()
    assert isinstance(read, Datastore)
    assert (read.nodes, read.revision) == ((Node("node-a"),), 1)


def test_what_an_earlier_run_read_counts_until_etcd_answers() -> None:
    remembered = nodes(4)
    replica = Replica(Etcd3(), stale_after=60.0, remembered=remembered)
    replica.fail("http://a:2379", DatastoreError("connection refused", "refused"))
    assert isinstance(replica.snapshot(), Unreadable)
    assert replica.last_good() is remembered
    replica.load(2, [(NODE, b"{}"), (f"{NODE}-2", b"{}")])
    assert isinstance(replica.snapshot(), Datastore)
    last = replica.last_good()
    assert last is not None
    assert len(last.nodes) == 2


@pytest.mark.parametrize(
    ("before", "after", "age", "believed"),
    [
        pytest.param("one", "one", MINUTES, False, id="of the same cluster it is doubted"),
        pytest.param("one", "", MINUTES, False, id="of a cluster that was wiped it is doubted"),
        pytest.param("one", "two", MINUTES, True, id="another cluster has its own size"),
        pytest.param("one", "one", timedelta(minutes=11), True, id="nodes may have left while nobody looked"),
        pytest.param("one", "one", timedelta(days=30), True, id="last month says nothing about today"),
        pytest.param("one", "one", timedelta(hours=-1), True, id="of an unknown age, as the clock was set back"),
    ],
)
def test_a_loss_against_what_an_earlier_run_read(before: str, after: str, age: timedelta, *, believed: bool) -> None:
    remembered = replace(nodes(10), cluster_guid=before, read_at=datetime.now(UTC) - age)
    replica = Replica(Etcd3(), 60.0, remembered)
    keys = [(NODE, b"{}")]
    if after:
        keys.append((CLUSTER, json.dumps({"spec": {"clusterGUID": after}}).encode()))
    replica.load(1, keys)
    assert isinstance(replica.snapshot(), Datastore) is believed
    last = replica.last_good()
    assert last is not None
    assert len(last.nodes) == (1 if believed else 10)


def test_a_loss_against_an_earlier_run_is_doubted_for_ten_minutes_in_all_whoever_restarts_meanwhile() -> None:
    belief = ShrinkGuard(600.0, nodes(10), remembered_until=100.0)
    assert belief.judge(nodes(1), 0.0).endswith("for another 100 s")
    assert belief.judge(nodes(1), 100.0) == ""
    assert belief.judge(nodes(10), 101.0) == ""
    assert belief.judge(nodes(1), 102.0).endswith("for another 600 s"), "a loss that this run has seen"


def test_a_cluster_that_calls_itself_anew_while_it_is_watched_is_still_doubted() -> None:
    belief = ShrinkGuard(600.0)
    assert belief.judge(replace(nodes(10), cluster_guid="one"), 0.0) == ""
    assert belief.judge(replace(nodes(1), cluster_guid="two"), 1.0)


@pytest.mark.parametrize(
    ("before", "after", "doubt"),
    [
        pytest.param(nodes(10), nodes(6), "4 of 10 nodes", id="four of ten nodes"),
        pytest.param(nodes(10), nodes(7), "", id="three of ten are not more than 30 %"),
        pytest.param(nodes(3), nodes(1), "", id="two are too few to tell"),
        pytest.param(nodes(3), nodes(0), "3 of 3 nodes", id="all of three nodes"),
        pytest.param(nodes(2), nodes(0), "2 of 2 nodes", id="both nodes"),
        pytest.param(nodes(1), nodes(0), "", id="the only node is deleted by somebody who means it"),
        pytest.param(nodes(3), nodes(30), "", id="growth is no loss"),
        pytest.param(
            Datastore(nodes=nodes(3).nodes, blocks=(Block(ip_network("10.0.0.0/26")),) * 9),
            nodes(3),
            "9 of 9 blocks",
            id="all blocks while the nodes stay",
        ),
    ],
)
def test_a_loss_is_doubted_when(before: Datastore, after: Datastore, doubt: str) -> None:
    belief = ShrinkGuard(hold=600.0)
    assert belief.judge(before, 0.0) == ""
    said = belief.judge(after, 1.0)
    assert said == (f"{doubt} vanished at once, which is not believed for another 600 s" if doubt else "")
    assert belief.believed is (before if doubt else after)


def test_a_loss_that_stays_is_believed_in_the_end_and_one_that_passes_is_forgotten() -> None:
    belief = ShrinkGuard(hold=600.0)
    belief.judge(nodes(10), 0.0)
    assert belief.judge(nodes(1), 1.0)
    assert belief.judge(nodes(10), 300.0) == ""
    assert belief.judge(nodes(1), 500.0).endswith("for another 600 s")
    assert belief.judge(nodes(1), 1099.0).endswith("for another 1 s")
    assert belief.judge(nodes(1), 1100.0) == ""
    assert belief.believed == nodes(1)
    assert belief.judge(replace(nodes(1), revision=9), 1101.0) == ""
