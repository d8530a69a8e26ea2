"""Workload endpoints of both APIs."""

import json
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.sources.datastore.calico.workload_endpoint import (
    PREFIX,
    decode_endpoint,
    decode_endpoint_v2,
    namespace_of,
    prefix_of_node,
)
from calico_agent.sources.decode_error import Malformed

KEY = f"{PREFIX}shop/node--a-k8s-web--0-eth0"
SPEC = {
    "node": "node-a",
    "pod": "web-0",
    "interfaceName": "cali0123456789a",
    "ipNetworks": ["10.233.64.1/32", "fd00::1/128"],
}


def spec(**changes: object) -> bytes:
    return json.dumps({"spec": {**SPEC, **changes}}).encode()


def test_a_pod_of_kubernetes() -> None:
    addresses = (ip_address("10.233.64.1"), ip_address("fd00::1"))
    assert decode_endpoint(KEY, spec()) == WorkloadEndpoint(
        KEY, "node-a", "cali0123456789a", addresses, "shop/web-0", "shop", "node--a-k8s-web--0-eth0"
    )


@pytest.mark.parametrize(
    ("changes", "pod"),
    [
        pytest.param({"pod": None, "workload": "w1"}, "shop/w1", id="another orchestrator's workload"),
        pytest.param({"pod": None, "containerID": "c1"}, "shop/c1", id="the CNI plugin without Kubernetes"),
        pytest.param({"pod": None}, "node--a-k8s-web--0-eth0", id="nothing but its key"),
    ],
)
def test_what_a_pod_is_called(changes: dict[str, object], pod: str) -> None:
    found = decode_endpoint(KEY, spec(**changes))
    assert found is not None
    assert found.pod == pod


def test_an_endpoint_without_a_link_is_none() -> None:
    assert decode_endpoint(KEY, spec(interfaceName="")) is None


@pytest.mark.parametrize("changes", [{"ipNetworks": ["nonsense"]}, {"ipNetworks": [5]}, {"node": 5}])
def test_what_is_no_endpoint_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        decode_endpoint(KEY, spec(**changes))


def test_the_keys_of_a_node_begin_alike_within_a_namespace() -> None:
    assert KEY.startswith(prefix_of_node("shop", "node-a"))
    assert not KEY.startswith(prefix_of_node("shop", "node-a-1"))
    assert namespace_of(KEY) == "shop"


V2 = "/calico/v1/host/host1/workload/k8s/default.pod1-a/endpoint/eth0"
FIELDS = json.dumps({"state": "active", "name": "cali2a971e8bace", "ipv4_nets": ["10.20.119.1/32"], "ipv6_nets": []})


def test_a_pod_of_calico_2() -> None:
    found = decode_endpoint_v2("host1", V2, FIELDS.encode())
    assert found == WorkloadEndpoint(V2, "host1", "cali2a971e8bace", (ip_address("10.20.119.1"),), "default.pod1-a")


def test_other_keys_of_a_workload_are_none() -> None:
    assert decode_endpoint_v2("host1", f"{V2}/status", b"{}") is None
