"""Faults of BIRD's sessions, and of what configures them."""

from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

from tests.worlds import mistakes
from tests.worlds.faults.kind import Done, Fault, ailing, codes, others, own_node, troubled, uplink, with_node
from tests.worlds.model import history
from tests.worlds.model.peering import Filter, FilterRule, Peer
from tests.worlds.model.values import NEVER, Node, World

_PEOPLE = "which BGPPeers there are to be, people know"
_ROUTERS = "how the routers are set up, other people know"
_UNSHOWN = "BIRD does not show to which port a session leads"
_FIREWALL = "it says where to look; the rule that drops the packets is the preflight's (tests/verify/host)"


def _by_mesh(world: World) -> bool:
    return world.bgp.mesh and not world.by_felix and len(world.hosts) > 2


def outdated(change: Done) -> Done:
    """confd here does not follow: BIRD has the sessions of another cluster, made by `change` of the true one."""

    def do(world: World, hostname: str) -> World | None:
        known = change(world, hostname) if _by_mesh(world) else None
        return known and history.with_host(world, replace(world.host(hostname), known=known))

    return do


def _without_another(world: World, hostname: str) -> World | None:
    other = next(others(world, hostname), None)
    return other and replace(world, nodes=tuple(one for one in world.nodes if one is not other[1]))


def _with_one_more(world: World, _hostname: str) -> World | None:
    gone = Node("gone", ip_interface("10.99.99.99/24"), ip_interface("fd00:99::99/64"))
    return replace(world, nodes=(*world.nodes, gone))


def _with_another_as(world: World, hostname: str) -> World | None:
    other = next(others(world, hostname), None)
    return other and with_node(world, other[1], as_number=65333)


def _with_another_port(world: World, hostname: str) -> World | None:
    """Of a node that this host dials: where a node listens, who waits for it need not know."""
    own, dialled = own_node(world, hostname), _dialled(world, hostname)
    if world.release.v2 or not dialled or own is None or own.cluster_id:
        return None
    return replace(world, bgp=replace(world.bgp, ports=(*world.bgp.ports, (dialled[0].name, 2179))))


def _dialled(world: World, hostname: str) -> list[Node]:
    """The nodes that wait for this host: of two, the one with the greater address dials, as text."""
    own = own_node(world, hostname)
    there = (one for _, one in others(world, hostname) if one.ipv4 is not None and not one.cluster_id)
    return [one for one in there if own is not None and own.ipv4 and str(one.ipv4).split("/")[0] < str(own.ipv4.ip)]


def unknown_peer(world: World, hostname: str) -> World | None:
    """The node is deleted while it runs, and goes on dialling."""
    return mistakes.record_deleted(world, hostname) if world.release.v2 or _dialled(world, hostname) else None


def another_password(world: World, _hostname: str) -> World | None:
    """The routers have got a new one."""
    return _with_routers(world, password="new")


def another_port(world: World, _hostname: str) -> World | None:
    """The routers listen elsewhere."""
    return _with_routers(world, port=2179)


def _with_routers(world: World, **changes: Any) -> World | None:
    if not world.routers or world.release.v2:
        return None
    return replace(world, routers=tuple(replace(one, **changes) for one in world.routers))


def another_source(world: World, hostname: str) -> World | None:
    """Sessions with routers begin at the address that the kernel chooses, and that is no more the node's."""
    node, link = own_node(world, hostname), uplink(world, hostname)
    if node is None or node.ipv4 is None or link is None or not world.routers or world.release.v2:
        return None
    alone = sum(one.version == 4 for one in link.addresses) == 1 and node.ipv4.network.prefixlen <= 26
    if not alone or any(one.announced for one in world.host(hostname).links):
        return None
    first = ip_interface(f"{node.ipv4.network.broadcast_address - 6}/{node.ipv4.network.prefixlen}")
    host = world.host(hostname)
    links = tuple(
        replace(one, addresses=(first, *one.addresses)) if one.name == link.name else one for one in host.links
    )
    peers = tuple(replace(one, unbound=True) for one in world.bgp.peers)
    return history.with_host(replace(world, bgp=replace(world.bgp, peers=peers)), replace(host, links=links))


def beside_the_mesh(world: World, hostname: str) -> World | None:
    """A BGPPeer asks for a session that the mesh has."""
    node, other = own_node(world, hostname), next(others(world, hostname), None)
    if node is None or other is None or other[1].ipv4 is None or not _by_mesh(world) or world.release.v2:
        return None
    peer = Peer("beside", node=node.name, address=other[1].ipv4.ip, as_number=other[1].as_number or world.bgp.as_number)
    return replace(world, bgp=replace(world.bgp, peers=(*world.bgp.peers, peer)))


def another_as(world: World, hostname: str) -> World | None:
    """The BGPPeers stand in for the mesh, and that of this node has another AS number than its peer, which it dials:
    who waits is told nothing."""
    node, pairs = own_node(world, hostname), _in_pairs(world, "")
    other = next(iter(_dialled(world, hostname)), None)
    if node is None or node.ipv4 is None or other is None or other.ipv4 is None or pairs is None:
        return None
    ends = {(node.name, other.ipv4.ip), (other.name, node.ipv4.ip)}
    peers = tuple(
        replace(one, as_number=65999) if (one.node, one.address) == (node.name, other.ipv4.ip) else one
        for one in pairs.bgp.peers
    )
    return replace(pairs, bgp=replace(pairs.bgp, peers=peers)) if ends else None


def _in_pairs(world: World, without: str) -> World | None:
    """The mesh replaced by a BGPPeer for each two nodes, but none with `without`."""
    if not _by_mesh(world) or world.release.v2 or not _needed(world):
        return None
    found = []
    for one in world.nodes:
        for other in world.nodes:
            if other.ipv4 is not None and one is not other and without not in {one.name, other.name}:
                number = other.as_number or world.bgp.as_number
                found.append(Peer(f"{one.name}-{other.name}", one.name, address=other.ipv4.ip, as_number=number))
    return replace(world, bgp=replace(world.bgp, mesh=False, peers=tuple(found)))


def _needed(world: World) -> bool:
    """Whether routes come by BGP: of pools for new pods, and of those that are still used. WireGuard needs none."""
    if 4 in world.encrypted:
        return False
    by_bgp = (one for one in world.pools if one.vxlan == NEVER)
    return any(not one.disabled or mistakes.used(world, one.cidr) for one in by_bgp)


def isolated(world: World, hostname: str) -> World | None:
    """The BGPPeers that stand in for the mesh leave this host out."""
    node = own_node(world, hostname)
    return _in_pairs(world, node.name) if node is not None and _missed(world, hostname) else None


def _missed(world: World, hostname: str) -> bool:
    """Whether a host misses a route where no session brings it: a block of another node, with a pod, by BGP."""
    own = own_node(world, hostname)
    led = (one for one in world.blocks if own is not None and one.owner not in {None, own.name})
    pools = (world.pool_of(one.cidr) for one in led if one.cidr.version == 4 and mistakes.pod_in(one))
    return any(one is not None and one.vxlan == NEVER and one.exported for one in pools)


def unlabelled(world: World, hostname: str) -> World | None:
    """The label by which a node has its reflectors is gone."""
    node = own_node(world, hostname)
    if node is None or not node.labels or node.cluster_id or world.bgp.mesh or not _needed(world) or world.by_felix:
        return None
    if not _missed(world, hostname):
        return None
    return with_node(world, node, labels=())


def no_pair(world: World, hostname: str) -> World | None:
    """Of the BGPPeers that stand in for the mesh those between two nodes are missing."""
    node, pairs = own_node(world, hostname), _in_pairs(world, "")
    other = next((one for _, one in others(world, hostname) if one.ipv4 is not None), None)
    if node is None or node.ipv4 is None or other is None or other.ipv4 is None or pairs is None:
        return None
    gone = {(node.name, other.ipv4.ip), (other.name, node.ipv4.ip)}
    peers = tuple(one for one in pairs.bgp.peers if (one.node, one.address) not in gone)
    return replace(pairs, bgp=replace(pairs.bgp, peers=peers))


def filtered(world: World, hostname: str) -> World | None:
    """The BGPPeers that join this host with the others, and stand in for the mesh, take no routes to pods."""
    node, pairs = own_node(world, hostname), _in_pairs(world, "")
    if node is None or node.ipv4 is None or pairs is None or world.bgp.filters:
        return None
    ends = {node.name, node.ipv4.ip}
    peers = tuple(
        replace(one, filters=("nothing",)) if ends & {one.node, one.address} else one for one in pairs.bgp.peers
    )
    refuses = Filter("nothing", imports=(FilterRule(accepts=False),))
    return replace(pairs, bgp=replace(pairs.bgp, peers=peers, filters=(refuses,)))


def untold(world: World, hostname: str) -> World | None:
    """Pods are known through routers alone, and the BGPPeers with these let no node tell of its own."""
    block = mistakes.others_block(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    by_bgp = pool is not None and pool.vxlan == NEVER and pool.exported and not world.by_felix
    if not by_bgp or not world.routers or world.bgp.mesh:
        return None
    silent = Filter("tells-nothing", exports=(FilterRule(accepts=False),))
    peers = tuple(replace(one, filters=(silent.name,)) for one in world.bgp.peers)
    return replace(world, bgp=replace(world.bgp, peers=peers, filters=(silent,)))


def reflectors_gone(world: World, hostname: str) -> World | None:
    """All route reflectors have ended, and this host is none."""
    reflecting = [host for host in world.hosts if (node := own_node(world, host.hostname)) and node.cluster_id]
    if not reflecting or not _needed(world) or world.by_felix or hostname in {one.hostname for one in reflecting}:
        return None
    for host in reflecting:
        world = history.with_host(world, replace(host, stopped=frozenset({"calico"})))
    return world


def link_missed(world: World, hostname: str) -> World | None:
    """A floating address was the first of the link, and went away: BIRD takes the link for down."""
    link = uplink(world, hostname)
    near = [
        node
        for _, node in others(world, hostname)
        if link is not None and node.ipv4 is not None and any(node.ipv4.ip in one.network for one in link.addresses)
    ]
    pools = (one for one in world.pools if one.cidr.version == 4 and one.ipip == one.vxlan == NEVER)
    plain = any(mistakes.used(world, one.cidr) for one in pools)
    if mistakes.from_anybody(world):  # the default route leads to the routers, which know the way
        return None
    return troubled(world, hostname, unseen=frozenset({link.name})) if link is not None and near and plain else None


def blocks_off(world: World, hostname: str) -> World | None:
    """A block of this host has no other route: those of one address and of VXLAN have."""
    block = mistakes.own_block(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    if block is None or block.cidr.prefixlen == 32 or pool is None or pool.vxlan != NEVER or not pool.exported:
        return None
    return troubled(world, hostname, switched_off=frozenset({"static1"}))


def rewritten(world: World, hostname: str) -> World | None:
    """The router before this host rewrites the source of what it sends."""
    node = own_node(world, hostname)
    far = [
        one
        for _, one in others(world, hostname)
        if one.ipv4 and node and node.ipv4 and one.ipv4.network != node.ipv4.network
    ]
    return troubled(world, hostname, rewritten=True) if len(far) == len(world.hosts) - 1 and _by_mesh(world) else None


def _several(done: Done) -> Done:
    """With a session that is missed when it is down."""
    return lambda world, hostname: done(world, hostname) if _by_mesh(world) and _needed(world) else None


FAULTS = (
    Fault("the mesh is off and nothing stands in for it", mistakes.mesh_off, codes("BGP-NO-PEERS"), everywhere=True),
    Fault("a firewall drops BGP", _several(ailing(dropped=frozenset({"bgp"}))), codes("BGP-DOWN"), incurable=_FIREWALL),
    Fault("calico/node of another host has ended", _several(mistakes.stop("calico")), codes("BGP-DOWN"), here=False),
    Fault("another program has BIRD's port", _several(ailing(port=True)), codes("BGP-PORT")),
    Fault("confd does not know a node", outdated(_without_another), codes("BGP-NO-SESSION")),
    Fault("confd knows a node that left", outdated(_with_one_more), codes("BGP-STALE-SESSION")),
    Fault("confd knows another AS number", outdated(_with_another_as), codes("BGP-STALE-AS")),
    Fault("confd knows another port", _several(outdated(_with_another_port)), codes("BGP-DOWN"), incurable=_UNSHOWN),
    Fault("routers have another password", another_password, codes("BGP-DOWN"), everywhere=True, incurable=_ROUTERS),
    Fault("routers listen on another port", another_port, codes("BGP-DOWN"), everywhere=True, incurable=_ROUTERS),
    Fault("sessions begin at another address", another_source, codes("BGP-DOWN"), incurable=_ROUTERS),
    Fault("a BGPPeer asks for what the mesh has", beside_the_mesh, codes("BGP-DOUBLE")),
    Fault("a BGPPeer has another AS number", another_as, codes("BGP-DOWN")),
    Fault("the BGPPeers leave a host out", isolated, codes("BGP-ISOLATED"), incurable=_PEOPLE),
    Fault("a node has lost the label of its reflectors", unlabelled, codes("BGP-ISOLATED"), incurable=_PEOPLE),
    Fault("no BGPPeer joins two nodes", no_pair, codes("BGP-NO-PATH"), incurable=_PEOPLE),
    Fault("a BGPFilter takes no routes to pods", filtered, codes("RT-FILTERED"), everywhere=True, incurable=_PEOPLE),
    Fault("no node tells routers of its pods", untold, codes("RT-FILTERED"), everywhere=True, incurable=_PEOPLE),
    Fault(
        "the route reflectors have ended",
        reflectors_gone,
        codes("BGP-DOWN"),
        everywhere=True,
        follows=codes("BGP-NO-REFLECTOR"),
    ),
    Fault("BIRD does not see a link", link_missed, codes("BIRD-LINK")),
    Fault("BIRD's blocks are switched off", ailing(switched_off=frozenset({"static1"})), codes("BIRD-DISABLED")),
    Fault("BIRD's routes are switched off", ailing(switched_off=frozenset({"kernel1"})), codes("BIRD-DISABLED")),
    Fault(
        "BIRD's blocks are switched off, as another host sees it",
        _several(blocks_off),
        codes(
            "BGP-NO-ROUTES RT-MISSING"
        ),  # the latter where the host tells of something else, such as a bridge's network
        here=False,
        incurable="it sends to the host that knows",
    ),
    Fault("a router rewrites the source", rewritten, codes("BGP-NAT"), here=False, incurable="the router is no host"),
    Fault(
        "the node is deleted while it runs, as another host sees it",
        _several(unknown_peer),
        codes("BGP-UNKNOWN-PEER"),
        here=False,
        incurable="its pods were deleted with it",
    ),
)
