"""Pods of the Kubernetes API as Calico's workload endpoints, of which there are no records.

libcalico-go/lib/backend/k8s/conversion of projectcalico/calico@v3.32.1: a pod that is on a node, not in the host's
network and not finished has one. Its link is named by a hash of its name.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPAddress
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_CNI = "cni.projectcalico.org/"
_FINISHED = frozenset({"Succeeded", "Failed"})


def decode_pod(raw: bytes) -> WorkloadEndpoint | None:
    """The endpoint of a pod; None for one that has none. Raises Malformed."""
    try:
        pod: dict[str, Any] = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("a pod is not JSON") from None
    metadata, spec, status = (json_object.section(pod, name) for name in ("metadata", "spec", "status"))
    node = json_object.text(spec, "nodeName")
    if node is None or json_object.flag(spec, "hostNetwork") or json_object.text(status, "phase") in _FINISHED:
        return None
    namespace, name = json_object.text(metadata, "namespace") or "", json_object.text(metadata, "name") or ""
    annotations = json_object.section(metadata, "annotations")
    addresses = tuple(_addresses(status, annotations))
    return WorkloadEndpoint(
        f"pods/{namespace}/{name}", node, link_of(namespace, name), addresses, f"{namespace}/{name}"
    )


def link_of(namespace: str, pod: str) -> str:
    """The name of the host's end of a pod's link (VethNameForWorkload)."""
    return f"cali{hashlib.sha1(f'{namespace}.{pod}'.encode(), usedforsecurity=False).hexdigest()[:11]}"


def _addresses(status: JsonObject, annotations: JsonObject) -> Iterator[IPAddress]:
    """The pod's by its status, and while that has none by what the CNI plugin noted; that notes "" when it is over."""
    told = [json_object.text(one, "ip") for one in json_object.objects(status, "podIPs")]
    told = told or [json_object.text(status, "podIP")]
    noted = json_object.text(annotations, f"{_CNI}podIPs") or json_object.text(annotations, f"{_CNI}podIP") or ""
    for written in [one for one in told if one] or noted.split(","):
        if written:
            yield json_object.parse_address(written.partition("/")[0], "its address")
