"""BIRD's sessions, and what the datastore asks of them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

from tests.campaign.deeds import birdc, held, node_with, on, protocol, record, signal_bird
from tests.campaign.fault import fault
from tests.lab.engine import CONTAINER
from tests.lab.image.keys import BGP_DEFAULT, PEERS
from tests.lab.lab import Lab
from tests.lab.program import process
from tests.patience import eventually

_LISTEN = "import socket, time; s = socket.create_server(('', 179)); time.sleep(600)"


@fault("host1", "BGP-NO-PEERS", touches="bgp host1 host2 host3 records")
def mesh_off(lab: Lab) -> Iterator[None]:
    """The mesh between nodes is switched off, and no peer is configured."""
    value = {"kind": "BGPConfiguration", "metadata": {"name": "default"}, "spec": {"nodeToNodeMeshEnabled": False}}
    with record(lab, BGP_DEFAULT, json.dumps(value)):
        yield


@fault("host1", "BGP-DOWN", touches="bgp-peers records", patience=60.0)
def peer_that_is_not_there(lab: Lab) -> Iterator[None]:
    """A BGPPeer is made for an address that no host has."""
    with record(lab, f"{PEERS}nobody", _peer("nobody")):
        yield


@fault("host1", "BGP-NO-SESSION", "SV-CONFD", touches="bgp-peers host1 records", patience=60.0)
def peer_that_bird_is_not_told(lab: Lab) -> Iterator[None]:
    """confd of host1 stands still while a BGPPeer for host1 is made."""
    with held(lab, "host1"), record(lab, f"{PEERS}nobody", _peer("nobody", node="host1")):
        yield


@fault("host1", "BGP-STALE-SESSION", "SV-CONFD", touches="bgp-peers host1 records", patience=60.0)
def peer_gone_that_bird_is_not_told(lab: Lab) -> Iterator[None]:
    """A BGPPeer for host1 is deleted while confd of host1 stands still."""
    with ExitStack() as until_told:
        with record(lab, f"{PEERS}nobody", _peer("nobody", node="host1")):
            eventually(lambda: _shown(lab), lambda now: "Node_10_77_0_200" in now)
            until_told.enter_context(held(lab, "host1"))
        yield


@fault("host1", "BGP-STALE-AS", "SV-CONFD", touches="bgp host1 node-of-host2 records", patience=60.0)
def as_number_that_bird_is_not_told(lab: Lab) -> Iterator[None]:
    """confd of host1 stands still while host2 gets another AS number."""
    with held(lab, "host1"), node_with(lab, "host2", asNumber="64999"):
        yield


@fault("host1", "BGP-DOWN", touches="host1")
def session_disabled(lab: Lab) -> Iterator[None]:
    """BIRD's session of host1 with host2 is disabled by birdcl."""
    birdc(lab, "host1", "disable", "Mesh_10_77_0_12")
    yield
    birdc(lab, "host1", "enable", "Mesh_10_77_0_12")


@fault("host2", "BIRD-DISABLED", touches="host2")
def kernel_protocol_disabled(lab: Lab) -> Iterator[None]:
    """BIRD's kernel protocol of host2 is disabled by birdcl."""
    name = protocol(lab, "host2", "Kernel")
    birdc(lab, "host2", "disable", name)
    yield
    birdc(lab, "host2", "enable", name)


@fault("host3", "BIRD-DISABLED", touches="host3")
def static_protocol_disabled(lab: Lab) -> Iterator[None]:
    """BIRD's static protocol of host3, which has its own blocks, is disabled by birdcl."""
    name = protocol(lab, "host3", "Static")
    birdc(lab, "host3", "disable", name)
    yield
    birdc(lab, "host3", "enable", name)


@fault("host1", "BGP-PORT", "HOST-PORT", "SV-PORT", touches="host1", patience=60.0)
def port_taken(lab: Lab) -> Iterator[None]:
    """Another program takes the BGP port of host1 while BIRD is started again."""
    with ExitStack() as taken:
        with held(lab, "host1"):
            signal_bird(lab, "host1", "KILL")
            taken.enter_context(process(lab, "host1", "python3", "-c", _LISTEN))
            eventually(lambda: on(lab, "host1", "ss -ltn"), lambda now: ":179 " in now)
        yield
    lab.engine("host1").docker("restart", "--time", "1", CONTAINER)


def _shown(lab: Lab) -> str:
    return lab.engine("host1").docker("exec", CONTAINER, "birdcl", "show", "protocols").stdout


def _peer(name: str, **spec: str) -> str:
    wanted = {"peerIP": "10.77.0.200", "asNumber": 64512, **spec}
    return json.dumps({"kind": "BGPPeer", "metadata": {"name": name}, "spec": wanted})
