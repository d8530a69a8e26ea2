"""Workload endpoints: the records of pods.

    v3  /calico/resources/v3/projectcalico.org/workloadendpoints/<namespace>/<node>-<orchestrator>-<workload>-<endpoint>
    v2  /calico/v1/host/<node>/workload/<orchestrator>/<workload>/endpoint/<endpoint>

In a name of v3 each "-" inside a part is written twice, so that those of one node begin alike within each namespace
(libcalico-go/lib/names/workloadendpoint.go of projectcalico/calico@v3.32.1). In keys of v2 a "/" inside a part is
written %2F (lib/backend/model/workloadendpoint.go of projectcalico/libcalico-go@v1.3.0).
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPAddress
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

PREFIX = "/calico/resources/v3/projectcalico.org/workloadendpoints/"


def prefix_of_node(namespace: str, node: str) -> str:
    """What the keys of a node's endpoints in one namespace begin with (v3). Those of other nodes may begin so too."""
    return f"{PREFIX}{namespace}/{node.replace('-', '--')}-"


def namespace_of(key: str) -> str:
    """The namespace of an endpoint's key (v3)."""
    return key.removeprefix(PREFIX).partition("/")[0]


def decode_endpoint(key: str, value: bytes) -> WorkloadEndpoint | None:
    """The endpoint under a key of v3; None for one without a link. Raises Malformed."""
    spec = json_object.section(json_object.parse_object(value), "spec")
    node, link = json_object.text(spec, "node"), json_object.text(spec, "interfaceName")
    if node is None or link is None:
        return None
    named = json_object.text(spec, "pod") or json_object.text(spec, "workload") or json_object.text(spec, "containerID")
    namespace, _, name = key.removeprefix(PREFIX).partition("/")
    pod = f"{namespace}/{named}" if named else name
    return WorkloadEndpoint(_printable(key), node, link, _addresses(spec, "ipNetworks"), pod, namespace, name)


def decode_endpoint_v2(node: str, key: str, value: bytes) -> WorkloadEndpoint | None:
    """The endpoint under a key of v2; None for another key below the workloads, or one without a link."""
    path = key.partition("/workload/")[2].split("/")
    if len(path) != 4 or path[2] != "endpoint":
        return None
    fields = json_object.parse_object(value)
    link = json_object.text(fields, "name")
    if link is None:
        return None
    addresses = (*_addresses(fields, "ipv4_nets"), *_addresses(fields, "ipv6_nets"))
    return WorkloadEndpoint(
        _printable(key), node, link, addresses, json_object.printable(unquote(path[1]), "the workload")
    )


def _addresses(fields: JsonObject, name: str) -> tuple[IPAddress, ...]:
    return tuple(_networks(json_object.items(fields, name), name))


def _networks(written: list[Any], name: str) -> Iterator[IPAddress]:
    for one in written:
        yield json_object.parse_network(one if "/" in str(one) else f"{one}/{128 if ':' in str(one) else 32}", name)[0]


def _printable(key: str) -> str:
    if not key.isprintable():
        raise Malformed("the key is no usable text")
    return key
