"""BIRD and its sessions."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import Bird, PeerKind
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.calico.selector import Comparison, Has, Not, Operator
from calico_agent.model.container.program import Program
from calico_agent.model.finding import Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.identity import Candidate
from calico_agent.model.name_lease import AliveSign
from calico_agent.model.network.address import Family
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import Mode
from tests.bad_keys import bad_record
from tests.checks.case import Case, check
from tests.checks.cluster import (
    AT,
    DATASTORE,
    HEALTHY,
    IDENTITY,
    SESSIONS,
    contained,
    look,
    node,
    peered,
    routed,
    session,
    stored,
    v4,
    v6,
    via,
    with_neighbours,
)

TO_HOST2, TO_HOST3 = SESSIONS
WAITS = replace(session("10.77.0.13"), protocol_state="wait")
DUAL = stored(nodes=tuple(replace(one, ipv6=v6(f"fd00:77::1{one.name[-1]}/64")) for one in DATASTORE.nodes))
ETH0_V6 = Candidate(v6("fd00:77::11/64"), "eth0")
DUAL_IDENTITY = replace(IDENTITY, ipv6=replace(IDENTITY.ipv6, candidates=(ETH0_V6,)))
REFLECTOR = (*DATASTORE.nodes[:2], replace(DATASTORE.nodes[2], route_reflector_cluster_id="1.0.0.1"))
WITHOUT_HOST3 = routed(without=["192.168.3.0/26"])
TOR = Peering("tor", ip_address("10.77.0.1"), as_number=65001)
TO_TOR = session("10.77.0.1", kind=PeerKind.GLOBAL)
# host2 is the reflector of the others.
REFLECTS = Peering("reflect", peers=Has("reflector"), nodes=Not(Has("reflector")))
REFLECTED = (
    DATASTORE.nodes[0],
    replace(DATASTORE.nodes[1], route_reflector_cluster_id="1.0.0.1", labels=(("reflector", ""),)),
    DATASTORE.nodes[2],
)
STORAGE = replace(
    IDENTITY,
    ipv4=replace(IDENTITY.ipv4, candidates=(*IDENTITY.ipv4.candidates, Candidate(v4("10.99.0.11/24"), "eth1"))),
)
BY_STORAGE = stored(bgp=BgpSettings(peers=("tor",), peerings=(replace(TOR, address=ip_address("10.99.0.1")),)))
TO_REFLECTOR = replace(TO_HOST2, kind=PeerKind.NODE)


def bird6(*peers: str) -> Bird:
    return Bird(Family.IPV6, "1.6.8", sessions=tuple(map(session, peers)))


def settings(*peerings: Peering, mesh: bool = True) -> BgpSettings:
    return BgpSettings(mesh=mesh, peers=tuple(one.name for one in peerings), peerings=peerings)


def unreadable(code: str) -> Unreadable:
    return Unreadable("BIRD", "no", code)


CASES = {
    "a session that is refused, and the route that is gone with it": Case(
        peered(TO_HOST2, session("10.77.0.13", "Active", "Socket: Connection refused"), observation=WITHOUT_HOST3),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}},
        says=("nothing listens on its BGP port", "Mesh_10_77_0_13 start Active Socket: Connection refused"),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "a session that the peer closes at once": Case(
        peered(TO_HOST2, session("10.77.0.13", "Active", "Socket: Connection closed")),
        {"BGP-DOWN host3": set()},
        says=("it accepts the connection and closes it",),
    ),
    "a session with a node whose record has another address than its agent": Case(
        stored(
            peered(TO_HOST2, replace(session("10.77.0.13", "Passive"))),
            claims=(AliveSign("host3", Machine("m3", address="10.77.0.23")),),
        ),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3"}},
        says=(
            "node host3 is registered with 10.77.0.13, and has 10.77.0.23 instead",
            "its agent says that it has 10.77.0.23",
            "start it with IP=10.77.0.23",
        ),
    ),
    "a session with a node whose agent has the registered address": Case(
        stored(
            peered(TO_HOST2, session("10.77.0.13", "Passive")),
            claims=(AliveSign("host3", Machine("m3", address="10.77.0.13")),),
        ),
        {"BGP-DOWN host3": set()},
        says=("this host waits for it to connect",),
    ),
    "somebody removed BIRD's socket": Case(
        contained(
            replace(HEALTHY, bird=Unreadable("BIRD", "there is no socket bird.ctl", "absent")),
            programs=(Program("bird", 10, AT - timedelta(hours=1), AT - timedelta(hours=1)),),
        ),
        {"BIRD-UNREADABLE BIRD": set()},
        says=("it runs as process 10: somebody removed the socket", "docker restart calico-node"),
    ),
    "this agent has no file descriptor left to ask BIRD": Case(
        replace(HEALTHY, bird=Unreadable("BIRD", "this agent cannot ask BIRD: Too many open files", "error")),
        {"BIRD-UNREADABLE BIRD": set()},
        says=("nobody sees how", "LimitNOFILE"),
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "a session that somebody switched off": Case(
        peered(TO_HOST2, replace(session("10.77.0.13", ""), protocol_state="down")),
        {"BGP-DOWN host3": set()},
        says=("somebody switched it off in BIRD on this host", "bird.ctl enable Mesh_10_77_0_13"),
    ),
    "BIRD writes nothing into the kernel": Case(
        peered(*SESSIONS, observation=WITHOUT_HOST3, switched_off=("kernel1",)),
        {"BIRD-DISABLED kernel1": {"RT-MISSING 192.168.3.0/26"}},
        says=("somebody switched off kernel1 in BIRD on this host", "bird.ctl enable kernel1"),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "BIRD advertises nothing": Case(
        peered(*SESSIONS, observation=routed(without=["192.168.1.0/26"]), switched_off=("static1",)),
        {"BIRD-DISABLED static1": {"RT-BLACKHOLE-MISSING 192.168.1.0/26"}},
        says=("no route leads to its pods from other nodes",),
    ),
    "BIRD missed that another address became the first one of its link": Case(
        peered(
            *SESSIONS,
            observation=routed(via("192.168.3.0/26", "10.77.0.1")),
            links_missed=("eth0",),
        ),
        {"BIRD-LINK eth0": {"RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("takes eth0 for down, and it is up", "docker exec calico-node sv restart /etc/service/enabled/bird"),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "BIRD missed it on a link where no node is": Case(
        peered(*SESSIONS, links_missed=("eth1",)),
        {"BIRD-LINK eth1": set()},
        STORAGE,
        says=("no node and no BGP peer is in the networks of this link",),
        status={},
    ),
    "BIRD missed it on a link where a router is": Case(
        peered(
            *SESSIONS, replace(TO_TOR, peer=ip_address("10.99.0.1")), observation=BY_STORAGE, links_missed=("eth1",)
        ),
        {"BIRD-LINK eth1": set()},
        STORAGE,
        status={"RoutesInPlace": Status.FALSE},
    ),
    "BIRD for IPv6 does not know the links": Case(
        replace(
            DUAL,
            bird6=replace(bird6("fd00:77::12", "fd00:77::13"), switched_off=("device1",)),
        ),
        {"BIRD-DISABLED device1 (IPv6)": set()},
        DUAL_IDENTITY,
        says=("bird6.ctl enable device1",),
    ),
    "two hosts with one router id": Case(
        peered(TO_HOST2, session("10.77.0.13", "Idle", "Received: Bad BGP identifier")),
        {"BGP-DOWN host3": set()},
        says=("the two sides have the same router id",),
    ),
    "a hardware address that somebody wrote by hand": Case(
        with_neighbours(
            peered(TO_HOST2, session("10.77.0.13", "Connect", "Error: Hold timer expired")),
            Neighbour(ip_address("10.77.0.13"), "eth0", "PERMANENT", "02:00:00:00:00:99"),
        ),
        {"BGP-DOWN host3": set()},
        says=(
            "nothing comes back from 02:00:00:00:00:99, the hardware address that somebody wrote for it by hand",
            "ip neigh del 10.77.0.13 dev eth0 on this host",
        ),
    ),
    "a hardware address by hand, from which an answer comes": Case(
        with_neighbours(
            peered(TO_HOST2, session("10.77.0.13", "Active", "Socket: Connection refused")),
            Neighbour(ip_address("10.77.0.13"), "eth0", "PERMANENT", "02:00:00:00:00:99"),
        ),
        {"BGP-DOWN host3": set()},
        says=("nothing listens on its BGP port",),
    ),
    "one of another host, whose session is up": Case(
        with_neighbours(HEALTHY, Neighbour(ip_address("10.77.0.13"), "eth0", "PERMANENT", "02:00:00:00:00:99")), {}
    ),
    "a session that nobody answers any more since it was closed": Case(
        peered(TO_HOST2, session("10.77.0.13", "Connect", "Socket: Connection closed")),
        {"BGP-DOWN host3": set()},
        says=("its address does not answer: a firewall drops TCP port 179",),
    ),
    "a session that nobody answers any more since the peer started anew": Case(
        peered(TO_HOST2, session("10.77.0.13", "Connect", "Received: Administrative reset")),
        {"BGP-DOWN host3": set()},
        says=("its address does not answer: a firewall drops TCP port 179",),
    ),
    "a session that the peer ended, and that is to come again": Case(
        peered(TO_HOST2, session("10.77.0.13", "Active", "Received: Administrative reset")),
        {"BGP-DOWN host3": set()},
        says=("the peer refuses or ended the session",),
    ),
    "a connection that is refused, by nobody who listens or by a firewall": Case(
        peered(TO_HOST2, session("10.77.0.13", "Active", "Socket: Connection refused")),
        {"BGP-DOWN host3": set()},
        says=(
            "nothing listens on its BGP port, or a firewall refuses it",
            "look for a firewall here or there that rejects TCP port 179",
        ),
    ),
    "a node of which nothing but its record is left": Case(
        peered(TO_HOST2, session("10.77.0.13", "Passive")),
        {"BGP-DOWN host3": set()},
        says=("if that host is gone for good, delete its node record",),
    ),
    "a session that only waits": Case(
        peered(TO_HOST2, session("10.77.0.13", "Passive")),
        {"BGP-DOWN host3": set()},
        says=("this host waits for it to connect, and it does not",),
    ),
    "a session on its way back after a graceful restart is none that is down": Case(
        peered(TO_HOST2, replace(session("10.77.0.13", "Active"), protocol_state="wait")),
        {},
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "established though its protocol still waits": Case(peered(TO_HOST2, WAITS), {}, status={}),
    "BIRD recovers: nothing is called down yet": Case(
        peered(session("10.77.0.12", "Passive"), session("10.77.0.13", "Connect"), graceful_restart=True),
        {},
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "the container was started just now": Case(
        peered(TO_HOST2, observation=contained(started_at=AT - timedelta(seconds=3))), {}
    ),
    "a session with a pod is the pod's affair": Case(
        peered(*SESSIONS, session("192.168.1.5", "Active", kind=PeerKind.LOCAL_WORKLOAD)), {}, status={}
    ),
    "a router that is down": Case(
        stored(
            peered(*SESSIONS, session("10.77.0.1", "Idle", "BGP Error: Bad peer AS", PeerKind.GLOBAL)),
            bgp=settings(TOR),
        ),
        {"BGP-DOWN 10.77.0.1": set()},
        says=("peer 10.77.0.1 (global)", "disagree about an AS number"),
    ),
    "a router that listens to nobody is not told to start calico/node": Case(
        stored(
            peered(*SESSIONS, session("10.77.0.1", "Active", "Socket: Connection refused", PeerKind.GLOBAL)),
            bgp=settings(TOR),
        ),
        {"BGP-DOWN 10.77.0.1": set()},
        says=("nothing listens on its BGP port", "see that a BGP daemon runs on 10.77.0.1"),
    ),
    "a registered address that this host does not have: nobody closes anything, BIRD cannot send": Case(
        stored(
            peered(
                *(
                    replace(
                        session(f"10.77.0.1{number}", "Active", "Socket: Connection closed"),
                        source_address=ip_address("10.77.0.99"),
                    )
                    for number in (2, 3)
                )
            ),
            nodes=(node("host1", "10.77.0.99/24"), *DATASTORE.nodes[1:]),
        ),
        {"IP-NOT-LOCAL host1": {"BGP-DOWN host2", "BGP-DOWN host3"}},
        says=("BIRD cannot send from 10.77.0.99, the registered address of this node: no link of this host has it",),
    ),
    "a session whose own address is here": Case(
        peered(
            TO_HOST2,
            replace(
                session("10.77.0.13", "Active", "Socket: Connection closed"), source_address=ip_address("10.77.0.11")
            ),
        ),
        {"BGP-DOWN host3": set()},
        says=("it accepts the connection and closes it", "no router rewrites it (NAT)"),
    ),
    "the same with a router on the way": Case(
        stored(
            peered(TO_HOST2, session("10.78.0.13", "Active", "Socket: Connection closed"), observation=WITHOUT_HOST3),
            nodes=(*DATASTORE.nodes[:2], node("host3", "10.78.0.13/24")),
        ),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}},
        says=("that the router 10.77.0.1 never rewrites it (NAT)",),
    ),
    "a firewall": Case(
        peered(TO_HOST2, session("10.77.0.13", "Connect")),
        {"BGP-DOWN host3": set()},
        says=("on this host: nc -vz 10.77.0.13 179; look at the firewalls of this host and of host3",),
    ),
    "the commands have the ports on which BIRD listens here and there": Case(
        stored(
            peered(replace(TO_HOST2, protocol_state="start", bgp_state="Passive"), session("10.77.0.13", "Connect")),
            bgp=BgpSettings(listen_port=1790, node_listen_ports=(("host3", 1791),)),
        ),
        {"BGP-DOWN host2": set(), "BGP-DOWN host3": set()},
        says=(
            "on this host: nc -vz 10.77.0.13 1791;",
            "a firewall drops TCP port 1791",
            "on host2: nc -vz 10.77.0.11 1790; see that calico/node runs there with a session to this host",
        ),
    ),
    "a node that BIRD does not know": Case(
        peered(TO_HOST2, observation=WITHOUT_HOST3),
        {"BGP-NO-SESSION host3": {"RT-MISSING 192.168.3.0/26"}},
        says=("it was not changed since 2026-11-23 00:30:00",),
    ),
    "a node that only BIRD knows": Case(
        peered(*SESSIONS, session("10.77.0.14", "Active")), {"BGP-STALE-SESSION 10.77.0.14": set()}, status={}
    ),
    "another program has the port": Case(
        peered(
            replace(TO_HOST2, protocol_state="down", bgp_state="", last_error="Error: No listening socket"),
            replace(TO_HOST3, protocol_state="down", bgp_state="", last_error="Error: No listening socket"),
        ),
        {"BGP-PORT host1": {"BGP-DOWN host2", "BGP-DOWN host3"}},
        says=("ss -ltnp",),
    ),
    "another program has the port, and no session brings routes": Case(
        peered(
            replace(TO_HOST2, protocol_state="down", bgp_state="", last_error="Error: No listening socket"),
            replace(TO_HOST3, protocol_state="down", bgp_state="", last_error="Error: No listening socket"),
            observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"]),
        ),
        {
            "BGP-PORT host1": {
                "BGP-DOWN host2",
                "BGP-DOWN host3",
                "RT-MISSING 192.168.2.0/26",
                "RT-MISSING 192.168.3.0/26",
            }
        },
    ),
    "a peer that is up and says nothing": Case(
        peered(TO_HOST2, replace(TO_HOST3, imported=0), observation=WITHOUT_HOST3),
        {"BGP-NO-ROUTES host3": {"RT-MISSING 192.168.3.0/26"}},
    ),
    "a peer that is up and has nothing to say": Case(
        stored(
            peered(TO_HOST2, replace(TO_HOST3, imported=0), observation=WITHOUT_HOST3),
            blocks=DATASTORE.blocks[:2],
            affinities=DATASTORE.affinities[:2],
        ),
        {},
    ),
    "no mesh and no peers: nobody has a route": Case(
        stored(peered(observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"])), bgp=BgpSettings(mesh=False)),
        {"BGP-NO-PEERS default": {"RT-MISSING 192.168.2.0/26", "RT-MISSING 192.168.3.0/26"}},
    ),
    "no mesh, but route reflectors": Case(
        stored(peered(session("10.77.0.2", kind=PeerKind.NODE)), bgp=BgpSettings(mesh=False, peers=("reflectors",))),
        {},
        status={},
    ),
    "a BGPPeer for every node, and BIRD does not know it": Case(
        stored(bgp=settings(TOR)),
        {"BGP-NO-SESSION 10.77.0.1": set()},
        says=("BIRD has no session to 10.77.0.1, which BGPPeer tor asks for",),
    ),
    "a BGPPeer of this node, with its session": Case(
        stored(peered(*SESSIONS, replace(TO_TOR, kind=PeerKind.NODE)), bgp=settings(replace(TOR, node="host1"))),
        {},
        status={},
    ),
    "BGPPeers of other nodes, of IPv6, and this host itself as the peer of all": Case(
        stored(
            bgp=settings(
                replace(TOR, node="host2"),
                Peering("b", ip_address("fd00:77::1")),
                Peering("c", ip_address("10.77.0.11")),
            )
        ),
        {},
        status={},
    ),
    "a BGPPeer for nodes by their labels, and BIRD does not know it": Case(
        stored(
            nodes=(replace(DATASTORE.nodes[0], labels=(("rack", "1"),)), *DATASTORE.nodes[1:]),
            bgp=settings(replace(TOR, nodes=Comparison("rack", Operator.EQUAL, "1"))),
        ),
        {"BGP-NO-SESSION 10.77.0.1": set()},
    ),
    "a BGPPeer for nodes with other labels": Case(
        stored(bgp=settings(replace(TOR, nodes=Comparison("rack", Operator.EQUAL, "1")))), {}, status={}
    ),
    "a session to a route reflector that BIRD does not know": Case(
        stored(
            peered(observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"])),
            nodes=REFLECTED,
            bgp=settings(REFLECTS, mesh=False),
        ),
        {
            "BGP-NO-SESSION host2": {
                "BGP-NO-REFLECTOR host2",
                "RT-MISSING 192.168.2.0/26",
                "RT-MISSING 192.168.3.0/26",
            }
        },
        says=(
            "BIRD has no session for node host2 (10.77.0.12), which BGPPeer reflect asks for",
            "no route to the pods of host2 is learned, nor any that it passes on as a route reflector",
        ),
    ),
    "a cluster with a route reflector": Case(
        stored(peered(TO_REFLECTOR), nodes=REFLECTED, bgp=settings(REFLECTS, mesh=False)), {}, status={}
    ),
    "a session that no BGPPeer asks for any more": Case(
        peered(*SESSIONS, TO_TOR),
        {"BGP-STALE-SESSION 10.77.0.1": set()},
        says=("BIRD has a session to 10.77.0.1 (global), for which no BGPPeer asks",),
        status={},
    ),
    "nobody knows what a BGPPeer that cannot be read asks for": Case(
        stored(
            peered(*SESSIONS, TO_TOR),
            bad_keys=(bad_record(ResourceKind.BGP_PEER, "tor"),),
        ),
        {"DS-BAD-KEY key-of-tor": set()},
    ),
    "the only BGPPeer cannot be read, and the mesh is off": Case(
        stored(
            peered(TO_TOR),
            bgp=BgpSettings(mesh=False),
            bad_keys=(bad_record(ResourceKind.BGP_PEER, "tor"),),
        ),
        {"DS-BAD-KEY key-of-tor": set()},
    ),
    "mesh sessions that outlived the mesh": Case(
        stored(peered(TO_HOST2, TO_REFLECTOR), nodes=REFLECTED, bgp=settings(REFLECTS, mesh=False)),
        {"BGP-STALE-SESSION 10.77.0.12": set()},
        says=("a mesh session to node host2 (10.77.0.12), and the mesh is off",),
    ),
    "the mesh and a BGPPeer ask for the same session: one of the two stays idle": Case(
        stored(
            peered(*SESSIONS, session("10.77.0.13", "Idle", kind=PeerKind.NODE)),
            bgp=settings(Peering("pair", ip_address("10.77.0.13"), node="host1")),
        ),
        {"BGP-DOUBLE host3": set()},
        says=(
            "BGPPeer pair asks for a second session with node host3 (10.77.0.13), beside that of the mesh: BIRD never",
            "calicoctl delete bgppeer pair; or turn the mesh off",
        ),
        status={},
    ),
    "the same, and it is the session of the mesh that stays idle": Case(
        stored(
            peered(
                TO_HOST2, session("10.77.0.13", "Idle"), replace(TO_HOST3, name="Node_10_77_0_13", kind=PeerKind.NODE)
            ),
            bgp=settings(Peering("pair", ip_address("10.77.0.13"), node="host1")),
        ),
        {"BGP-DOUBLE host3": set()},
        says=("the mesh asks for a second session with node host3 (10.77.0.13), beside that of BGPPeer pair",),
    ),
    "two BGPPeers ask for the same router": Case(
        stored(
            peered(*SESSIONS, TO_TOR, session("10.77.0.1", "Idle", kind=PeerKind.NODE)),
            bgp=settings(TOR, replace(TOR, name="again", node="host1")),
        ),
        {"BGP-DOUBLE 10.77.0.1": set()},
        says=("BGPPeers ask for two sessions with 10.77.0.1, one for all nodes and one for some",),
        status={},
    ),
    "two sessions with one peer, and none is up": Case(
        stored(
            peered(
                TO_HOST2,
                session("10.77.0.13", "Active", "Socket: Connection refused"),
                session("10.77.0.13", "Idle", kind=PeerKind.NODE),
            ),
            bgp=settings(Peering("pair", ip_address("10.77.0.13"), node="host1")),
        ),
        {"BGP-DOWN host3": set()},
    ),
    "an AS number of before, and the session with it is up": Case(
        stored(
            peered(replace(TO_HOST2, neighbour_as=64512), TO_HOST3),
            nodes=(DATASTORE.nodes[0], replace(DATASTORE.nodes[1], as_number=64999), DATASTORE.nodes[2]),
        ),
        {"BGP-STALE-AS host2": set()},
        says=("BIRD takes node host2 (10.77.0.12) to be of AS 64512, and the datastore says AS 64999",),
        status={},
    ),
    "an AS number of before keeps a router away": Case(
        stored(
            peered(*SESSIONS, replace(TO_TOR, bgp_state="Idle", last_error="Bad peer AS", neighbour_as=65000)),
            bgp=settings(TOR),
        ),
        {"BGP-STALE-AS 10.77.0.1": set(), "BGP-DOWN 10.77.0.1": set()},
    ),
    "an AS number of before keeps a node away": Case(
        stored(
            peered(replace(session("10.77.0.12", "Idle", "Bad peer AS"), neighbour_as=64512), TO_HOST3),
            nodes=(DATASTORE.nodes[0], replace(DATASTORE.nodes[1], as_number=64999), DATASTORE.nodes[2]),
        ),
        {"BGP-STALE-AS host2": {"BGP-DOWN host2"}},
    ),
    "a node that alone has an AS number of its own": Case(
        stored(
            peered(replace(session("10.77.0.12", "Idle", "Received: Bad peer AS"), neighbour_as=64999), TO_HOST3),
            nodes=(DATASTORE.nodes[0], replace(DATASTORE.nodes[1], as_number=64999), DATASTORE.nodes[2]),
        ),
        {"BGP-DOWN host2": set()},
        says=(
            "node host2 has an AS number of its own, 64999, and host1 has none but the cluster's, 64512",
            """calicoctl patch node host2 -p '{"spec":{"bgp":{"asNumber":64512}}}'""",
        ),
    ),
    "this node alone has an AS number of its own": Case(
        stored(
            peered(replace(session("10.77.0.12", "Idle", "BGP Error: Bad peer AS"), neighbour_as=64999), TO_HOST3),
            nodes=(replace(DATASTORE.nodes[0], as_number=64999), *DATASTORE.nodes[1:]),
        ),
        {"BGP-DOWN host2": set()},
        says=("node host1 has an AS number of its own, 64999, and host2 has none but the cluster's, 64512",),
    ),
    "both have the number that their records say, and the peer takes this host for another": Case(
        stored(
            peered(replace(session("10.77.0.12", "Idle", "Received: Bad peer AS"), neighbour_as=64999), TO_HOST3),
            nodes=(
                replace(DATASTORE.nodes[0], as_number=64512),
                replace(DATASTORE.nodes[1], as_number=64999),
                DATASTORE.nodes[2],
            ),
        ),
        {"BGP-DOWN host2": set()},
        says=("what speaks BGP there takes this host to be of another AS than the records say: another program",),
    ),
    "another BGP program answers at a node's address (kube-vip/kube-vip#398)": Case(
        stored(
            peered(replace(session("10.77.0.12", "Idle", "BGP Error: Bad peer AS"), neighbour_as=64512), TO_HOST3),
            nodes=DATASTORE.nodes,
        ),
        {"BGP-DOWN host2": set()},
        says=(
            "what speaks BGP there is not of AS 64512, as the records say: another program than calico/node",
            "on host2: ss -atnp '( sport = :179 or dport = :179 )'",
        ),
    ),
    "a BGPPeer has another AS number for a node than its record": Case(
        stored(
            peered(
                replace(session("10.77.0.12", "Idle", "BGP Error: Bad peer AS", PeerKind.NODE), neighbour_as=65999),
                replace(TO_HOST3, kind=PeerKind.NODE),
            ),
            bgp=settings(
                Peering("to-host2", ip_address("10.77.0.12"), as_number=65999, node="host1"),
                Peering("to-host3", ip_address("10.77.0.13"), node="host1"),
                mesh=False,
            ),
        ),
        {"BGP-DOWN host2": set()},
        says=(
            "BGPPeer to-host2 has the AS number 65999 for it, and its record 64512",
            "write asNumber 64512 into BGPPeer to-host2",
        ),
    ),
    "large packets to a peer get lost": Case(
        peered(session("10.77.0.12", "Idle", "Received: Hold timer expired"), TO_HOST3),
        {"BGP-DOWN host2": set()},
        says=("it heard nothing from this host for its hold time", "ping -M do -s 1472 10.77.0.12"),
    ),
    "the AS number of a BGPPeer that gives none is not known": Case(
        stored(peered(*SESSIONS, replace(TO_TOR, neighbour_as=64512)), bgp=settings(replace(TOR, as_number=None))),
        {},
        status={},
    ),
    "a route reflector takes no part in the mesh": Case(
        stored(
            peered(TO_HOST2, session("10.77.0.13", kind=PeerKind.NODE)),
            nodes=REFLECTOR,
            bgp=settings(Peering("to-host3", ip_address("10.77.0.13"), node="host1")),
        ),
        {},
        status={},
    ),
    "it did in releases of before": Case(
        stored(nodes=REFLECTOR, bgp=settings(Peering("to-host3", ip_address("10.77.0.13"), node="host1"))),
        {},
        status={},
    ),
    "IPv6 has a daemon and sessions of its own": Case(
        replace(DUAL, bird6=bird6("fd00:77::12", "fd00:77::13")), {}, DUAL_IDENTITY, status={}
    ),
    "one that is missing in IPv6 only": Case(
        replace(DUAL, bird6=bird6("fd00:77::12")), {"BGP-NO-SESSION host3 (IPv6)": set()}, DUAL_IDENTITY
    ),
    "a wrong IPv6 address explains no IPv4 session": Case(
        replace(
            peered(TO_HOST2, session("10.77.0.13", "Passive"), observation=DUAL),
            bird6=bird6("fd00:77::12"),
        ),
        {"IP-NOT-LOCAL host1 (IPv6)": {"BGP-NO-SESSION host3 (IPv6)"}, "BGP-DOWN host3": set()},
    ),
    "only the IPv6 daemon is gone": Case(
        replace(DUAL, bird6=unreadable("refused")),
        {"BIRD-DOWN BIRD for IPv6": set()},
        DUAL_IDENTITY,
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "BIRD is gone, and with it the routes": Case(
        replace(routed(without=["192.168.2.0/26", "192.168.1.0/26"]), bird=unreadable("absent")),
        {"BIRD-DOWN BIRD": {"RT-MISSING 192.168.2.0/26", "RT-BLACKHOLE-MISSING 192.168.1.0/26"}},
    ),
    "where Docker cannot be asked, nobody knows whether a BIRD that left no trace belongs here": Case(
        replace(HEALTHY, bird=unreadable("absent"), docker=Unreadable("Docker", "there is no socket", "absent")),
        {"DOCKER-UNREADABLE Docker": set()},
        status={"ContainerRunning": Status.UNKNOWN, "BGPEstablished": Status.UNKNOWN},
    ),
    "but one that left its socket is gone": Case(
        replace(HEALTHY, bird=unreadable("refused"), docker=Unreadable("Docker", "there is no socket", "absent")),
        {"BIRD-DOWN BIRD": set(), "DOCKER-UNREADABLE Docker": set()},
    ),
    "dockerd that is down took BIRD with it": Case(
        replace(HEALTHY, bird=unreadable("refused"), docker=Unreadable("Docker", "there is no socket", "absent")),
        {"DOCKER-DOWN Docker": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        says=("systemctl start docker",),
    ),
    "dockerd that is down, and left its socket": Case(
        replace(HEALTHY, bird=unreadable("refused"), docker=Unreadable("Docker", "nobody answers", "refused")),
        {"DOCKER-DOWN Docker": {"BIRD-DOWN BIRD"}},
    ),
    "a dockerd that hangs is not why BIRD is gone": Case(
        replace(HEALTHY, bird=unreadable("refused"), docker=Unreadable("Docker", "it hangs", "timeout")),
        {"BIRD-DOWN BIRD": set(), "DOCKER-UNREADABLE Docker": set()},
        mode=Mode.SUPERVISE,
    ),
    "BIRD hangs": Case(
        replace(HEALTHY, bird=unreadable("timeout")),
        {"BIRD-HUNG BIRD": set()},
        says=("sv restart /etc/service/enabled/bird",),
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "BIRD may not be asked": Case(
        replace(HEALTHY, bird=unreadable("denied")),
        {"BIRD-UNREADABLE BIRD": set()},
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "without BIRD by choice nothing is asked of it": Case(
        contained(replace(HEALTHY, bird=unreadable("absent")), env=(("CALICO_NETWORKING_BACKEND", "none"),)),
        {},
        status={},
    ),
    "a node alone": Case(
        stored(
            peered(observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"])),
            nodes=(node("host1"),),
            blocks=DATASTORE.blocks[:1],
            affinities=DATASTORE.affinities[:1],
        ),
        {},
        status={},
    ),
    "without the datastore BIRD's own sessions still tell": Case(
        replace(
            peered(TO_HOST2, session("10.77.0.13", "Active", "Socket: No route to host")),
            datastore=Unreadable("etcd", "connection refused", "refused"),
        ),
        {"BGP-DOWN 10.77.0.13": set(), "DS-UNREADABLE etcd": set()},
        status={
            "IdentityConfirmed": Status.UNKNOWN,
            "DatastoreReachable": Status.UNKNOWN,
            "BGPEstablished": Status.FALSE,
            "RoutesInPlace": Status.UNKNOWN,
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bgp(case: Case) -> None:
    check(case)


def test_sessions_are_shown_with_the_nodes_behind_them() -> None:
    found = look(peered(TO_HOST2, session("10.77.0.99", kind=PeerKind.GLOBAL))).sessions
    assert [(str(one.session.peer), one.node) for one in found] == [("10.77.0.12", "host2"), ("10.77.0.99", "")]
