"""BGPPeers: resources of Calico 3.x, and the keys below `peer_v4` and `peer_v6` of Calico 2.x.

Fields: api/pkg/apis/projectcalico/v3/bgppeer.go of projectcalico/calico@v3.32.1, and lib/backend/model/bgppeer.go of
projectcalico/libcalico-go@v1.3.0. `keepOriginalNextHop` is of no interest: it holds for peers of another AS only, whose
next hops are not judged anyway.
"""

from dataclasses import dataclass

from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.selector import Selector
from calico_agent.model.network.address import IPAddress
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico.as_number import as_number
from calico_agent.sources.datastore.calico.selector import parse_selector
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A BGPPeer. `peering` is None for one that is between nodes and their pods, or with nobody."""

    name: str
    peering: Peering | None = None


def bgp_peer(name: str, resource: JsonObject) -> BgpPeer:
    """A BGPPeer resource. Raises Malformed, also for a selector that Calico does not understand."""
    spec = json_object.section(resource, "spec")
    peers, written = _selector(spec, "peerSelector"), json_object.text(spec, "peerIP")
    if json_object.text(spec, "localWorkloadSelector") or (peers is None and written is None):
        return BgpPeer(name)
    host, port = ("", None) if peers is not None or written is None else _host_and_port(written)
    address = json_object.parse_address(host, "peerIP") if host else None
    peering = Peering(
        name,
        address,
        port,
        as_number=as_number(spec),
        local_as=as_number(spec, "localASNumber"),
        peers=peers,
        node=json_object.text(spec, "node") or "",
        nodes=_selector(spec, "nodeSelector"),
        mutual=json_object.text(spec, "reversePeering") != "Manual" and _as_calico_writes(host, address),
        next_hop_self=json_object.text(spec, "nextHopMode") == "Self",
        filters=_filters(spec),
    )
    return BgpPeer(name, peering)


def bgp_peer_v2(node: str, address: str, value: bytes) -> BgpPeer:
    """A peer of one node, or of all where `node` is empty. Calico 2.x knows no sessions in the opposite direction."""
    fields = json_object.parse_object(value)
    found = json_object.parse_address(json_object.text(fields, "ip") or address, "ip")
    name = json_object.printable(f"{node} {address}".strip(), "the peer in the key")
    return BgpPeer(name, Peering(name, found, as_number=as_number(fields, "as_num"), node=node, mutual=False))


def _selector(spec: JsonObject, name: str) -> Selector | None:
    """The selector under `name`. Blanks alone are one, that of everything; an empty text is none."""
    written = spec.get(name)
    if written is None or written == "":
        return None
    if not isinstance(written, str):
        raise Malformed(f"{name} is not text")
    try:
        return parse_selector(written)
    except Malformed as malformed:
        raise Malformed(f"{name} {malformed.what}") from None


def _host_and_port(written: str) -> tuple[str, int | None]:
    """`10.0.0.254:1790` and `[fd00::1]:179` taken apart; an address alone has no port."""
    if written.startswith("["):
        host, _, rest = written[1:].partition("]")
        port = rest.removeprefix(":")
    elif written.count(":") == 1:
        host, _, port = written.partition(":")
    else:
        host, port = written, ""
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise Malformed("peerIP has a port that is no number")
    return host, json_object.between(int(port), "the port in peerIP", 0, 65535) or None


def _as_calico_writes(host: str, address: IPAddress | None) -> bool:
    """Whether Calico finds the node with this address: it compares texts (confd's client.go@v3.28.5)."""
    return address is None or host == str(address)


def _filters(spec: JsonObject) -> tuple[str, ...]:
    names = json_object.items(spec, "filters")
    if not all(isinstance(name, str) for name in names):
        raise Malformed("filters holds values that are not text")
    return tuple(json_object.printable(name, "a name in filters") for name in names)
