"""The address that changed under calico/node, and places that name this host otherwise."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_interface

import pytest

from calico_agent.faults.node.identity import IP_NONE
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, Docker
from calico_agent.model.container.supervision import Attempts, Succession, Supervising
from calico_agent.model.finding import Severity
from calico_agent.model.identity import Candidate, Identity, KeptAddress, LostAddress, NameChoice, NameSource
from calico_agent.model.settings import Mode, OnChange, SuperviseSettings
from tests.checks.case import Case, check
from tests.checks.cluster import (
    DATASTORE,
    DOCKER0,
    HEALTHY,
    IDENTITY,
    contained,
    findings_of,
    node,
    peered,
    session,
    stored,
)

NEW = Candidate(ip_interface("10.77.0.27/24"), "eth0")
KEPT = KeptAddress(ip_interface("10.77.0.11/24"), "eth0", "default route", datetime(2026, 11, 20, 10, 0, tzinfo=UTC))
LOST = LostAddress(KEPT, "is on no link of this host any more")
MOVED = replace(
    IDENTITY,
    ipv4=replace(IDENTITY.ipv4, chosen=NEW.interface, rule="default route", candidates=(NEW, DOCKER0), lost=LOST),
)
GONE = replace(
    IDENTITY,
    ipv4=replace(
        IDENTITY.ipv4,
        chosen=None,
        link="",
        rule="",
        candidates=(DOCKER0,),
        lost=LOST,
        refusal="No IPv4 address of this host can be the node's.",
        refused_by=IP_NONE,
    ),
)
OURS = contained(
    labels=((LABEL_MANAGED_BY, MANAGED_BY),),
    env=(("NODENAME", "host1"), ("IP", "10.77.0.11/24")),
    network_mode="host",
    privileged=True,
)
CLOSED = "Socket: Connection closed"
CUT_OFF = peered(session("10.77.0.12", "Active", CLOSED), session("10.77.0.13", "Active", CLOSED), observation=OURS)
DOWN = {"BGP-DOWN host2", "BGP-DOWN host3"}
BY_HAND = "docker rm -f calico-node: calico-agent then makes it anew with IP=10.77.0.27/24"
REPORT = Supervising(
    None,
    Attempts(),
    SuperviseSettings(on_identity_change=OnChange.REPORT),
    Succession(stays='[identity] on_change = "report"', on_purpose=BY_HAND),
)
REPLACE = Supervising(None, Attempts(), SuperviseSettings())


def named(source: str, name: str, where: str = "somewhere") -> Identity:
    """Host1, which one place calls otherwise."""
    return replace(IDENTITY, name=replace(IDENTITY.name, sources=(NameSource(source, name, where),)))


CNI = "/etc/cni/net.d/10-calico.conflist"
LEFT = "/etc/cni/net.d/99-calico-old.conf"
CASES = {
    "the address changed: old, new and since when are told": Case(
        CUT_OFF,
        {"IP-CHANGED host1": DOWN},
        MOVED,
        Mode.SUPERVISE,
        says=(
            "10.77.0.11 (eth0), the address of node host1 since 2026-11-20 10:00 UTC, is on no link of this host",
            "now 10.77.0.27 (eth0) by the rule 'default route'",
            "calico-agent replaces the container with IP=10.77.0.27/24",
        ),
        supervising=REPLACE,
    ),
    "the address changed, and people want to decide what becomes of the container": Case(
        CUT_OFF,
        {"IP-CHANGED host1": DOWN},
        MOVED,
        Mode.SUPERVISE,
        says=(BY_HAND,),
        supervising=REPORT,
    ),
    "another machine wrote its address into this node's record: the container has what it should have": Case(
        stored(CUT_OFF, nodes=(node("host1", "10.77.0.99/24"), *DATASTORE.nodes[1:])),
        {"IP-NOT-LOCAL host1": DOWN},
        mode=Mode.SUPERVISE,
        says=("docker restart calico-node registers IP=10.77.0.11/24 again, which it was given",),
        supervising=REPLACE,
    ),
    "a guard speaks against the new address: nothing is announced": Case(
        CUT_OFF,
        {"IP-CHANGED host1": DOWN},
        MOVED,
        Mode.SUPERVISE,
        says=(
            "calico-agent does not replace the container while this holds: node host9 is registered with 10.77.0.27",
        ),
        supervising=replace(REPLACE, succession=Succession("node host9 is registered with 10.77.0.27")),
    ),
    "the address is gone and there is no other": Case(
        CUT_OFF,
        {"IP-CHANGED host1": DOWN | {"IP-NONE IPv4"}},
        GONE,
        Mode.SUPERVISE,
        says=("no other address of this host can take its place", "ip addr add 10.77.0.11/24 dev eth0"),
        supervising=REPLACE,
    ),
    "the CNI plugin registers pods under another name (projectcalico/calico#1093)": Case(
        HEALTHY,
        {f"NAME-SOURCES {CNI}": set()},
        named("CNI", "host1.example", f"{CNI}, by /var/lib/calico/nodename"),
        says=(
            "the CNI plugin registers pods under node host1.example; calico/node here is host1",
            f'set "nodename": "host1" in {CNI}',
        ),
    ),
    "the CNI plugin has another name in a file that the runtime does not take": Case(
        HEALTHY,
        {f"NAME-SOURCES {LEFT}": set()},
        replace(IDENTITY, name=replace(IDENTITY.name, sources=(NameSource("CNI", "oldname", LEFT, CNI),))),
        says=(
            f"{LEFT}, which is not in use, names node oldname; calico/node here is host1",
            f"the runtime takes {CNI}, whose name comes first",
            f"rm {LEFT}",
        ),
        status={},
    ),
    "the host name changed while the node runs": Case(
        contained(env=(("NODENAME", "host1"), ("IP", "10.77.0.11/24")), labels=((LABEL_MANAGED_BY, MANAGED_BY),)),
        {"NAME-MISMATCH host1": set()},
        replace(
            IDENTITY,
            name=NameChoice(
                "host1",
                "last choice",
                evidence="node host1 is registered with 10.77.0.11 (eth0), an address of this host",
                renamed="edge-9",
            ),
        ),
        Mode.SUPERVISE,
        says=(
            "this machine is called edge-9 now, and its node is host1 as before",
            "node host1 is registered with 10.77.0.11 (eth0), an address of this host",
            'hostnamectl set-hostname host1, or [identity] name = "host1"',
            'set [identity] name = "edge-9", then calicoctl delete node host1',
        ),
        status={},
        supervising=REPLACE,
    ),
    "a kubelet came with another name, and the node goes on": Case(
        HEALTHY,
        {"NAME-SOURCES kubelet": set()},
        replace(
            IDENTITY,
            name=NameChoice(
                "host1",
                "last choice",
                sources=(NameSource("kubelet", "Worker-1", "--hostname-override of process 77"),),
                evidence="node host1 is registered with 10.77.0.11 (eth0), an address of this host",
            ),
        ),
        says=("start the kubelet with --hostname-override=host1", '[identity] name = "worker-1"'),
    ),
    "the kubelet has another name": Case(
        HEALTHY,
        {"NAME-SOURCES kubelet": set()},
        named("kubelet", "Worker-1", "--hostname-override of process 77"),
        says=("the kubelet here is node Worker-1; calico/node is host1", '[identity] name = "worker-1"'),
    ),
    "the kubelet has the same name in capitals, which it lowers": Case(HEALTHY, {}, named("kubelet", "HOST1")),
    "an earlier start left another name, before the first one here": Case(
        replace(HEALTHY, docker=Docker()),
        {"NAME-SOURCES nodename file": set()},
        named("nodename file", "old-host", "/var/lib/calico/nodename"),
        Mode.SUPERVISE,
        says=(
            "an earlier calico/node left the name 'old-host' in /var/lib/calico/nodename; this node is host1",
            "a start with NODENAME=host1, which calico-agent gives, overwrites it",
        ),
    ),
    "the CNI plugin would take that name, too, if it were not overwritten by the start": Case(
        replace(HEALTHY, docker=Docker()),
        {},
        named("CNI", "old-host", f"{CNI}, by /var/lib/calico/nodename"),
        Mode.SUPERVISE,
    ),
    "the kubelet's name is the wanted one, and calico/node runs under another: one problem": Case(
        contained(
            stored(nodes=(node("worker-1", "10.77.0.11/24"), *DATASTORE.nodes[1:])), env=(("NODENAME", "worker-1"),)
        ),
        {"RT-WORKLOAD-ELSEWHERE host1": set(), "NAME-MISMATCH host1": set()},
        replace(
            IDENTITY,
            name=NameChoice("host1", "kubelet", sources=(NameSource("kubelet", "host1", "process 77"),)),
        ),
        says=("calico/node here runs as node worker-1; the kubelet names it host1",),
    ),
    "the host name in its full form is another source, not a fault": Case(
        HEALTHY, {}, named("full name", "host1.example", "/etc/hosts")
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_identity_change(case: Case) -> None:
    check(case)


def test_a_lost_address_that_nothing_uses_is_not_told() -> None:
    """Calico/node runs with the new one already."""
    settled = contained(env=(("NODENAME", "host1"), ("IP", "10.77.0.11/24")))
    lost = LostAddress(replace(KEPT, interface=ip_interface("10.77.0.99/24")), LOST.why)
    identity = replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, lost=lost))
    assert findings_of(settled, identity) == []


def test_a_name_that_was_left_over_is_worth_a_note_only() -> None:
    case = CASES["an earlier start left another name, before the first one here"]
    found = findings_of(case.observation, case.identity, case.mode)
    assert [one.severity for one in found if one.code == "NAME-SOURCES"] == [Severity.INFO]
