"""What calico/node registers at a Node of Kubernetes, in its annotations -> Node.

libcalico-go/lib/backend/k8s/resources/node.go of projectcalico/calico@v3.32.1.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from calico_agent.model.calico.node import Node
from calico_agent.model.network.address import IPAddress
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico.as_number import as_number
from calico_agent.sources.datastore.calico.resource import shared_label
from calico_agent.sources.decode_error import Malformed

_CALICO = "projectcalico.org/"


class Metadata(msgspec.Struct):
    """What is read of an object's metadata."""

    annotations: dict[str, str] | None = None
    labels: dict[str, str | None] | None = None


def node_of(name: str, metadata: Metadata) -> Node:
    """A node by its annotations. Calico ignores one that cannot be understood, as if it were not there."""
    said = {
        key.removeprefix(_CALICO): value
        for key, value in (metadata.annotations or {}).items()
        if value and key.startswith(_CALICO)
    }
    found: dict[str, Any] = {}
    for written in said.keys() & _NODE_FIELDS.keys():
        field, read = _NODE_FIELDS[written]
        with suppress(Malformed):
            found[field] = read(said, written)
    return Node(name=name, labels=_labels(metadata, said), **found)


def _interfaces(said: Mapping[str, str], name: str) -> tuple[tuple[str, tuple[IPAddress, ...]], ...]:
    written = {"interfaces": _json(said[name])}
    return tuple(
        (
            json_object.text(link, "name") or "",
            tuple(json_object.parse_address(one, "addresses") for one in json_object.items(link, "addresses")),
        )
        for link in json_object.objects(written, "interfaces")
    )


_IPV4, _IPV6 = partial(json_object.address, version=4), partial(json_object.address, version=6)
_NODE_FIELDS: Mapping[str, tuple[str, Callable[[Mapping[str, str], str], Any]]] = {
    "IPv4Address": ("ipv4", partial(json_object.interface, version=4)),
    "IPv6Address": ("ipv6", partial(json_object.interface, version=6)),
    "ASNumber": ("as_number", as_number),
    "RouteReflectorClusterID": ("route_reflector_cluster_id", json_object.text),
    "IPv4IPIPTunnelAddr": ("ipip_tunnel_address", _IPV4),
    "IPv4VXLANTunnelAddr": ("vxlan_tunnel_address", _IPV4),
    "IPv6VXLANTunnelAddr": ("vxlan_tunnel_address_v6", _IPV6),
    "VXLANTunnelMACAddr": ("vxlan_tunnel_mac", json_object.text),
    "VXLANTunnelMACAddrV6": ("vxlan_tunnel_mac_v6", json_object.text),
    "WireguardPublicKey": ("wireguard_public_key", json_object.text),
    "WireguardPublicKeyV6": ("wireguard_public_key_v6", json_object.text),
    "IPv4WireguardInterfaceAddr": ("wireguard_address", _IPV4),
    "IPv6WireguardInterfaceAddr": ("wireguard_address_v6", _IPV6),
    "Interfaces": ("interfaces", _interfaces),
}
"""By annotation, the field of a Node, and what reads it."""


def _labels(metadata: Metadata, said: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of Kubernetes, and those that were given through Calico where Kubernetes has none of that name."""
    labels: dict[str, str] = {}
    if "labels" in said:
        with suppress(Malformed):
            given = json_object.section({"labels": _json(said["labels"])}, "labels")
            labels |= {name: value for name, value in given.items() if isinstance(value, str)}
    labels |= {name: value or "" for name, value in (metadata.labels or {}).items()}
    return tuple(sorted(shared_label(*label) for label in labels.items()))


def _json(written: str) -> Any:  # noqa: ANN401 - whatever somebody wrote there
    try:
        return msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("the annotation is not JSON") from None
