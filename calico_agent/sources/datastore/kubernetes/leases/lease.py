"""A claim on a node name as a Lease (coordination.k8s.io/v1), and what a kubelet wrote into the Node of that name.

Both parts of a claim (`model.name_lease`) are one object: an annotation says whose the name is, `renewTime` changes
with each sign of life. Nobody compares that time with a clock, as in the leader election of client-go: whether a claim
is alive is seen by whether it changes within `leaseDurationSeconds`. So clocks may be set as they like.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import LEASE_SECONDS, OWNERS, ClaimName, KubeletSign, NameOwner
from calico_agent.model.network.address import IPAddress
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico.name_lease import decode_claim, encode_owner
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

NAMESPACE = "calico-agent"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
"""In a namespace of their own: in that of others a right to write Leases is one to stop their controllers."""

_OWNER = "calico-agent.github.io/owner"
_LONGEST_SECONDS = 10 * LEASE_SECONDS  # whoever wrote more than that: silence is to be seen some time


@dataclass(frozen=True, slots=True)
class NameClaim:
    """A claim as it was read. `sign` is another one after each sign of life, good for `seconds`.

    `whole` is the object, for who writes it anew.
    """

    owner: NameOwner
    sign: tuple[str, str]
    seconds: int
    whole: JsonObject


def decode_lease(raw: bytes) -> NameClaim:
    """A claim; one that nobody of us wrote is that of a machine that is not known. Raises Malformed."""
    whole = json_object.parse_object(raw)
    metadata, spec = json_object.section(whole, "metadata"), json_object.section(whole, "spec")
    name = json_object.text(metadata, "name") or ""
    text = str(json_object.section(metadata, "annotations").get(_OWNER) or "")
    version = json_object.text(metadata, "resourceVersion") or ""
    sign = (json_object.text(spec, "holderIdentity") or "", json_object.text(spec, "renewTime") or "")
    seconds = json_object.number(spec, "leaseDurationSeconds", 1, 2**31) or LEASE_SECONDS
    return NameClaim(_owner(name, text, sign[0], version), sign, min(seconds, _LONGEST_SECONDS), whole)


def _owner(name: str, text: str, holder: str, version: str) -> NameOwner:
    try:
        found = decode_claim(f"{OWNERS}{name}", text.encode())
    except Malformed:
        found = None
    if isinstance(found, NameOwner):
        return replace(found, version=version)
    return NameOwner(name, Machine("", hostname=holder), None, text, version)


def encode_lease(claim: ClaimName, seconds: int, before: JsonObject | None = None) -> bytes:
    """A claim as it is written, over the object that was there."""
    metadata = dict(json_object.section(before or {}, "metadata"))
    spec = dict(json_object.section(before or {}, "spec"))
    owner, holder = encode_owner(claim), f"{claim.machine.hostname}_{claim.machine.boot_id}"
    annotations = dict(json_object.section(metadata, "annotations"))
    if json_object.text(spec, "holderIdentity") != holder or annotations.get(_OWNER) != owner:
        spec["acquireTime"] = _now()
        spec["leaseTransitions"] = (json_object.number(spec, "leaseTransitions", 0, 2**31 - 2) or 0) + bool(before)
    spec |= {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": _now()}
    return _encoded({**metadata, "name": claim.name, "annotations": {**annotations, _OWNER: owner}}, spec)


def renewed_lease(whole: JsonObject) -> bytes:
    """The same object with another sign of life."""
    spec = {**json_object.section(whole, "spec"), "renewTime": _now()}
    return _encoded(dict(json_object.section(whole, "metadata")), spec)


def _encoded(metadata: dict[str, Any], spec: dict[str, Any]) -> bytes:
    metadata.pop("managedFields", None)
    whole = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    return json.dumps(whole).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def decode_kubelet(raw: bytes) -> KubeletSign:
    """What the kubelet of a Node says of itself. Raises Malformed."""
    node = json_object.parse_object(raw)
    status = json_object.section(node, "status")
    info = json_object.section(status, "nodeInfo")
    addresses = tuple(_internal(status))
    machine = Machine(
        json_object.text(info, "machineID") or "",
        json_object.text(info, "bootID") or "",
        hostname=_hostname(status),
        address=str(addresses[0]) if addresses else "",
        system_uuid=json_object.text(info, "systemUUID") or "",
    )
    return KubeletSign(json_object.text(json_object.section(node, "metadata"), "name") or "", machine, addresses)


def _internal(status: JsonObject) -> list[IPAddress]:
    return [
        json_object.parse_address(one.get("address"), "InternalIP")
        for one in json_object.objects(status, "addresses")
        if one.get("type") == "InternalIP"
    ]


def _hostname(status: JsonObject) -> str:
    found = (one for one in json_object.objects(status, "addresses") if one.get("type") == "Hostname")
    return next((json_object.text(one, "address") or "" for one in found), "")
