"""The endpoint records of single nodes and single blocks, from a real etcd."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import EtcdApi
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico.workload_endpoint import PREFIX
from calico_agent.sources.datastore.etcd3.decode import block_key
from calico_agent.sources.datastore.single_reads import EndpointReader, read_blocks, read_endpoints
from tests.etcd_server import EtcdServer, running_etcd
from tests.sources.datastore.etcd2.test_reader import send

pytestmark = pytest.mark.real
RECORDS = (
    ("a", "node--1-k8s-p1-eth0", "node-1"),
    ("a", "node-k8s-p2-eth0", "node"),
    ("b", "other-k8s-p3-eth0", "other"),
    ("c", "node-k8s-p4-eth0", "node"),
    ("c-d", "node-k8s-p5-eth0", "node"),
    ("c0", "node-k8s-p6-eth0", "node"),
)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """An etcd with pods of three nodes in five namespaces, and one pod of Calico 2.x."""
    with running_etcd(tmp_path_factory.mktemp("etcd"), None, "--enable-v2") as server:
        for number, (namespace, name, node) in enumerate(RECORDS):
            spec = {"node": node, "interfaceName": f"cali{number}", "ipNetworks": [f"10.0.0.{number}/32"], "pod": name}
            server.put(f"{PREFIX}{namespace}/{name}", json.dumps({"spec": spec}))
        fields = {"name": "cali9", "ipv4_nets": ["10.0.0.9/32"]}
        send(server, "PUT", "/calico/v1/host/node/workload/k8s/default.p9/endpoint/eth0", json.dumps(fields))
        yield server


def links(found: WorkloadEndpoints | Unreadable | None) -> list[str]:
    assert isinstance(found, WorkloadEndpoints), found
    return sorted(one.link for one in found.records)


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        pytest.param({"node"}, ["cali1", "cali3", "cali4", "cali5"], id="in several namespaces"),
        pytest.param({"node-1"}, ["cali0"], id="a name that begins as another one does"),
        pytest.param({"node-1", "other"}, ["cali0", "cali2"], id="of two nodes"),
        pytest.param({"none"}, [], id="of a node without pods"),
    ],
)
def test_the_records_of_some_nodes_are_found(etcd: EtcdServer, nodes: set[str], found: list[str]) -> None:
    assert links(read_endpoints(etcd.settings(), frozenset(nodes), frozenset(), timeout=10.0)) == found


def test_the_records_of_calico_2(etcd: EtcdServer) -> None:
    settings = replace(etcd.settings(), api=EtcdApi.V2)
    assert links(read_endpoints(settings, frozenset({"node", "none"}), frozenset(), timeout=10.0)) == ["cali9"]


def test_an_etcd_that_does_not_answer_is_unreadable(etcd: EtcdServer) -> None:
    found = read_endpoints(etcd.settings("http://127.0.0.1:1"), frozenset({"node"}), frozenset(), timeout=2.0)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("workload endpoints: ")


def test_the_next_endpoint_is_asked_when_one_does_not_answer(etcd: EtcdServer) -> None:
    settings = etcd.settings("http://127.0.0.1:1", etcd.url)
    assert links(read_endpoints(settings, frozenset({"other"}), frozenset(), timeout=10.0)) == ["cali2"]


def test_an_answer_is_kept_for_a_while_and_says_what_it_was_asked_about(etcd: EtcdServer) -> None:
    reader = EndpointReader(10.0)
    node, lost = frozenset({"node"}), frozenset({ip_address("10.0.0.1")})
    first = reader.read(etcd.settings(), node, frozenset({7}), lost)
    assert isinstance(first, WorkloadEndpoints)
    assert first.about == {7}
    assert reader.read(etcd.settings(), node, frozenset({7, 8}), lost) is first


@pytest.mark.parametrize("api", EtcdApi)
def test_single_blocks_are_read_by_both_apis(etcd: EtcdServer, api: EtcdApi) -> None:
    cidr, junk, none = map(ip_network, ("10.9.0.0/26", "10.9.0.64/26", "10.9.0.128/26"))
    for written, value in ((cidr, json.dumps({"cidr": str(cidr), "affinity": "host:node"})), (junk, "junk")):
        if api is EtcdApi.V3:
            etcd.put(block_key(written), value)
        else:
            send(etcd, "PUT", block_key(written), value)
    settings = replace(etcd.settings("http://127.0.0.1:1", etcd.url), api=api)
    found = read_blocks(backend_of(settings), settings, [none, junk, cidr])
    assert found == (Block(cidr, "node", in_use=False),)
