"""What explains what: the relations that decide which line a person reads first."""

import pytest

from calico_agent.faults.bgp.bird import BIRD_DOWN
from calico_agent.faults.bgp.sessions import BGP_DOWN, BGP_RECOVERING
from calico_agent.faults.datastore import DS_UNREADABLE
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CONFLICT, IP_NOT_LOCAL
from calico_agent.faults.node.container import SV_ABSENT, SV_STUCK
from calico_agent.faults.node.identity import IP_AMBIGUOUS
from calico_agent.faults.node.names import NAME_CLAIMED, NAME_MISMATCH
from calico_agent.faults.node.programs import SV_FELIX
from calico_agent.faults.node.registration import NODE_NO_RECORD
from calico_agent.faults.preflight.kernel import HOST_MODULE
from calico_agent.faults.preflight.machine import HOST_CERTIFICATE
from calico_agent.faults.registry import FAULTS
from calico_agent.faults.routes.blocks import RT_DUPLICATE_AFFINITY
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.routes.pods import RT_WORKLOAD_MISSING
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD, RT_TUNNEL_DEVICE
from calico_agent.model.finding import Fault, Writer
from calico_agent.model.joining import Scope


def arrows() -> set[tuple[Fault, Fault]]:
    """Each cause with each of its effects, but for what explains itself."""
    return {
        (cause, fault)
        for fault in FAULTS.values()
        for causes in fault.explained_by
        for cause in causes.faults
        if cause is not fault
    }


@pytest.mark.parametrize(
    ("cause", "effect", "scope", "writer"),
    [
        pytest.param(RT_LINK_DOWN, DS_UNREADABLE, Scope.HERE, None, id="a host whose link is down reads no etcd"),
        pytest.param(HOST_CERTIFICATE, DS_UNREADABLE, Scope.HERE, None, id="nor does one whose certificate ran out"),
        pytest.param(IP_AMBIGUOUS, SV_ABSENT, Scope.HERE, None, id="without an address calico/node is not started"),
        pytest.param(NAME_CLAIMED, SV_ABSENT, Scope.HERE, None, id="nor under the name of another machine"),
        pytest.param(DS_UNREADABLE, SV_STUCK, Scope.HERE, None, id="a start waits for etcd"),
        pytest.param(SV_ABSENT, NODE_NO_RECORD, Scope.NODE, None, id="what does not run registers nothing"),
        pytest.param(NODE_NO_RECORD, BIRD_DOWN, Scope.HERE, None, id="without a record confd configures no BIRD"),
        pytest.param(IP_BRIDGE, BGP_DOWN, Scope.NODE, None, id="a peer that is registered with its bridge is not met"),
        pytest.param(IP_NOT_LOCAL, BGP_DOWN, Scope.HERE, None, id="BIRD cannot bind an address that this host lost"),
        pytest.param(RT_NEXTHOP_DEAD, BGP_DOWN, Scope.NODE, None, id="a host that is off has no session"),
        pytest.param(BGP_DOWN, RT_MISSING, Scope.NODE, Writer.BIRD, id="without a session BIRD learns no route"),
        pytest.param(BGP_DOWN, BGP_RECOVERING, Scope.NODE, None, id="a peer that is away holds the recovery"),
        pytest.param(BGP_RECOVERING, RT_MISSING, Scope.HERE, Writer.BIRD, id="BIRD writes nothing before its end"),
        pytest.param(SV_FELIX, RT_MISSING, Scope.HERE, Writer.FELIX, id="Felix writes the routes of VXLAN"),
        pytest.param(SV_FELIX, RT_WORKLOAD_MISSING, Scope.HERE, Writer.FELIX, id="and those to the pods of this host"),
        pytest.param(HOST_MODULE, RT_TUNNEL_DEVICE, Scope.HERE, None, id="without its module no tunnel device is made"),
        pytest.param(RT_TUNNEL_DEVICE, RT_MISSING, Scope.DEVICE, None, id="and no route leads into it"),
        pytest.param(RT_DUPLICATE_AFFINITY, RT_MISSING, Scope.PREFIX, None, id="two nodes own one block"),
        pytest.param(NAME_MISMATCH, RT_MISSING, Scope.HERE, None, id="who runs as another node takes its blocks"),
    ],
)
def test_a_cause(cause: Fault, effect: Fault, scope: Scope, writer: Writer | None) -> None:
    assert (scope, writer) in {(one.scope, one.writer) for one in effect.explained_by if cause in one.faults}


def test_a_fault_of_the_peer_comes_before_one_of_this_host() -> None:
    first = {cause: place for place, causes in reversed([*enumerate(BGP_DOWN.explained_by)]) for cause in causes.faults}
    assert first[RT_NEXTHOP_DEAD] < first[BIRD_DOWN]


def test_no_fault_follows_from_its_own_effects() -> None:
    """What is explained is shown once, under its root: a circle has none."""
    left = arrows()
    while roots := {cause for cause, _ in left} - {effect for _, effect in left}:
        left = {(cause, effect) for cause, effect in left if cause not in roots}
    assert left == set()


def test_only_two_nodes_with_one_address_explain_each_other() -> None:
    assert {fault for fault in FAULTS.values() if fault.one_for_each} == {IP_CONFLICT}
    assert IP_CONFLICT.one_for_each is Scope.PREFIX
