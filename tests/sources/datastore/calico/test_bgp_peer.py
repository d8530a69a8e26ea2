"""BGPPeers of both generations."""

import json
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.selector import Comparison, Everything, Has, Operator
from calico_agent.sources.datastore.calico.bgp_peer import BgpPeer, bgp_peer, bgp_peer_v2
from calico_agent.sources.decode_error import Malformed

TOR = ip_address("10.0.0.254")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"peerIP": "10.0.0.254", "asNumber": 65001}, Peering("p", TOR, as_number=65001), id="a router of all nodes"
        ),
        pytest.param({"peerIP": "10.0.0.254", "node": "a"}, Peering("p", TOR, node="a"), id="of one node"),
        pytest.param({"peerIP": "10.0.0.254:1790"}, Peering("p", TOR, 1790), id="with a port"),
        pytest.param({"peerIP": "10.0.0.254:0"}, Peering("p", TOR), id="port 0 is none"),
        pytest.param({"peerIP": "fd00::1"}, Peering("p", ip_address("fd00::1")), id="IPv6"),
        pytest.param({"peerIP": "[fd00::1]:179"}, Peering("p", ip_address("fd00::1"), 179), id="IPv6 with a port"),
        pytest.param(
            {"peerIP": "FD00:0::1"},
            Peering("p", ip_address("fd00::1"), mutual=False),
            id="confd compares texts, and does not find the node of an address that is written otherwise",
        ),
        pytest.param(
            {"peerIP": "10.0.0.254", "nodeSelector": "rack == 'r1'"},
            Peering("p", TOR, nodes=Comparison("rack", Operator.EQUAL, "r1")),
            id="of nodes by their labels",
        ),
        pytest.param(
            {"nodeSelector": " ", "peerSelector": "has(reflector)", "peerIP": ""},
            Peering("p", peers=Has("reflector"), nodes=Everything()),
            id="between nodes by their labels; blanks are a selector",
        ),
        pytest.param(
            {"peerSelector": "all()", "peerIP": "10.0.0.254"},
            Peering("p", peers=Everything()),
            id="a peerSelector goes before a peerIP",
        ),
        pytest.param({"nodeSelector": "", "peerIP": "10.0.0.254"}, Peering("p", TOR), id="an empty selector is none"),
        pytest.param(
            {"peerSelector": "all()", "reversePeering": "Manual"},
            Peering("p", peers=Everything(), mutual=False),
            id="in one direction only",
        ),
        pytest.param(
            {"peerSelector": "all()", "nextHopMode": "Self"},
            Peering("p", peers=Everything(), next_hop_self=True),
            id="with a next hop of its own",
        ),
        pytest.param(
            {"peerSelector": "all()", "nextHopMode": "Keep", "keepOriginalNextHop": True},
            Peering("p", peers=Everything()),
            id="with the next hop that is there",
        ),
        pytest.param(
            {"peerIP": "10.0.0.254", "filters": ["b", "a"]}, Peering("p", TOR, filters=("b", "a")), id="with filters"
        ),
        pytest.param(
            {"peerIP": "10.0.0.254", "localASNumber": "1.0"}, Peering("p", TOR, local_as=65536), id="as another AS"
        ),
        pytest.param({"peerIP": "10.0.0.254", "localWorkloadSelector": "all()"}, None, id="with pods"),
        pytest.param({}, None, id="with nobody"),
    ],
)
def test_between_whom_a_bgp_peer_is(spec: dict[str, object], expected: Peering | None) -> None:
    assert bgp_peer("p", {"spec": spec}) == BgpPeer("p", expected)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"peerIP": "tor"}, "peerIP is 'tor', not an IP address", id="a name"),
        pytest.param({"peerIP": "10.0.0.254:bgp"}, "peerIP has a port that is no number", id="the name of a port"),
        pytest.param({"peerIP": "10.0.0.254:70000"}, "the port in peerIP is not between 0 and 65535", id="a huge port"),
        pytest.param({"peerSelector": "rack"}, "peerSelector has its end where an operator", id="a bad peerSelector"),
        pytest.param(
            {"peerIP": "10.0.0.254", "nodeSelector": "rack = 1"},
            "nodeSelector cannot be read from '= 1' on",
            id="a bad nodeSelector",
        ),
        pytest.param({"peerSelector": 1}, "peerSelector is not text", id="a selector that is a number"),
    ],
)
def test_what_is_no_bgp_peer(spec: dict[str, object], reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        bgp_peer("p", {"spec": spec})
    assert refused.value.what.startswith(reason)


@pytest.mark.parametrize(
    ("node", "value", "expected"),
    [
        pytest.param(
            "",
            {"ip": "10.0.0.254", "as_num": "65001"},
            Peering("10.0.0.254", TOR, as_number=65001, mutual=False),
            id="of all nodes; its AS number is text",
        ),
        pytest.param(
            "a",
            {"ip": "10.0.0.254", "as_num": "1.0"},
            Peering("a 10.0.0.254", TOR, as_number=65536, node="a", mutual=False),
            id="of one node",
        ),
        pytest.param("a", {}, Peering("a 10.0.0.254", TOR, node="a", mutual=False), id="the key names the address too"),
    ],
)
def test_peers_of_calico_2(node: str, value: dict[str, str], expected: Peering) -> None:
    assert bgp_peer_v2(node, "10.0.0.254", json.dumps(value).encode()) == BgpPeer(expected.name, expected)
