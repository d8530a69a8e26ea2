"""What worlds have found, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.checks.bgp.rib import Rib
from calico_agent.model.calico.bird import RibRoute
from calico_agent.model.finding import Severity, Status
from tests.worlds import mistakes
from tests.worlds.faults import identity
from tests.worlds.heal import heal
from tests.worlds.health import false_alarms
from tests.worlds.looking import Look, look_at
from tests.worlds.model import history, startup
from tests.worlds.model.peering import Peer
from tests.worlds.model.releases import V2_3, V3_32
from tests.worlds.model.settle import settle
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, NEVER, DockerNetwork, Link, Node, Pool, World
from tests.worlds.plain import POOL, apart, of_size, over_ipv6, plain


def roots(world: World | None, hostname: str) -> dict[str, str]:
    """The root causes on a host, with what is said of each."""
    return {f"{root.code} {root.subject}": f"{root.what}\n{root.cure}" for root in _look(world, hostname).roots}


def _look(world: World | None, hostname: str) -> Look:
    assert world is not None
    return next(one for one in look_at(settle(world)) if one.hostname == hostname)


def stolen(world: World, thief: str = "host2", owner: str = "host3") -> World:
    """Somebody wrote a route to the block of a node on another one."""
    host, block = world.host(thief), next(one for one in world.blocks if one.owner == owner)
    route = replace(host.routes[0], prefix=block.cidr, protocol=4)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def test_a_block_of_one_address_whose_pod_is_gone_is_told_to_nobody() -> None:
    """BIRD has no blackhole for a /32, so that nothing is left to advertise; the claim on the block stays."""
    world = history.remove_pod(plain(of_size(32)), "host2", 0)
    assert [block.owner for block in world.blocks if not block.given] == ["host2"]
    assert false_alarms(world) == []


def test_an_address_that_leaked_in_a_block_of_one_is_a_remark_and_makes_no_node_silent() -> None:
    """BIRD of its node has no route to it to tell of, and no blackhole either."""
    world = plain(of_size(32))
    host = world.host("host2")
    look = _look(history.with_host(world, replace(host, pods=())), "host1")
    assert [(root.code, root.severity) for root in look.roots] == [("RT-MISSING", Severity.WARNING)]
    assert "a pod, or a leaked address" in look.roots[0].what
    assert all(one.status is Status.TRUE for one in look.assessment.conditions if one.reason != "NotJudged")


def test_a_tunnel_address_that_leaked_in_a_block_of_one_is_a_remark() -> None:
    world = plain(replace(of_size(32), ipip=ALWAYS))
    node = world.node("host2")
    assert node is not None
    nodes = tuple(replace(one, ipip=None) if one is node else one for one in world.nodes)
    look = _look(startup.allocate_tunnels(_without_handle(replace(world, nodes=nodes), "host2"), "host2"), "host1")
    assert [(root.code, root.severity) for root in look.roots] == [("RT-MISSING", Severity.WARNING)]


def _without_handle(world: World, name: str) -> World:
    """The handle of a node's tunnel addresses is lost, so that nothing gives them back."""
    lost = []
    for block in world.blocks:
        given = (replace(one, kind="") if one.node == name else one for one in block.given)
        lost.append(replace(block, given=tuple(given)))
    return replace(world, blocks=tuple(lost))


def test_a_host_of_ipv6_alone_is_not_told_that_it_lacks_an_ipv4_address() -> None:
    """An agent without a configuration looks for IPv4, and calico/node there was told not to."""
    assert false_alarms(over_ipv6()) == []


def test_a_link_that_is_switched_off_does_not_make_its_host_another_node() -> None:
    world = plain()
    host = world.host("host2")
    spare = Link("eth9", addresses=(ip_interface("10.9.2.1/24"),))
    world = history.with_host(world, replace(host, links=(*host.links, spare)))
    assert list(roots(mistakes.link_down(world, "host2"), "host2")) == ["RT-LINK-DOWN eth0"]


def test_a_host_with_an_announced_address_is_cut_off_by_its_uplink() -> None:
    world = plain()
    host = world.host("host2")
    links = (
        replace(host.links[0], addresses=()),
        Link("lo", addresses=(ip_interface("10.250.0.2/32"),), announced=True),
    )
    routes = tuple(replace(one, source=ip_interface("10.250.0.2/32").ip, onlink=True) for one in host.routes)
    world = history.with_host(world, replace(host, links=links, routes=routes))
    world = history.restart(world, "host2", IP="10.250.0.2/32")
    assert false_alarms(world) == []
    assert list(roots(mistakes.link_down(world, "host2"), "host2")) == ["RT-LINK-DOWN eth0"]


def test_a_docker_network_over_a_block_is_one_problem_with_dockers_cure() -> None:
    found = roots(mistakes.docker_over_block(plain(), "host2"), "host2")
    assert [one.partition(" ")[0] for one in found] == ["RT-OVERLAP"]


def as_host2(world: World) -> World:
    """calico/node on host3 is given the name host2; its own record was deleted, else its address would be refused."""
    return history.restart(history.delete_node(world, "host3"), "host3", NODENAME="host2", IP="10.77.0.13/24")


def test_who_took_another_hosts_name_is_not_told_to_delete_the_records_of_its_pods() -> None:
    """host3 runs as host2, without a pod, and host2's pods are alive: nothing else on host3 says that this is wrong."""
    world = history.remove_pod(plain(), "host3", 0)
    said = roots(as_host2(world), "host3")
    ((root, words),) = said.items()
    assert root.startswith("RT-WORKLOAD-GONE")
    assert "called host3: calico/node here may have taken the name of another machine" in words
    assert "if host2 is another machine" in words.partition("\n")[2]


def test_a_reflector_passes_on_no_address_that_was_borrowed_from_its_own_block() -> None:
    """It leads to each of them itself, so that packets get there by way of it."""
    pool = Pool("small", ip_network("198.18.5.0/24"), ipip=ALWAYS, block_size=24)
    world = plain(pool)
    nodes = (replace(one, labels=(("rack", _rack(one)),), cluster_id=_cluster(one)) for one in world.nodes)
    peers = (Peer("to-reflector", nodes="rack == 'node'", peers="rack == 'reflector'"),)
    world = replace(world, nodes=tuple(nodes), bgp=replace(world.bgp, mesh=False, peers=peers))
    assert [one.owner for one in world.blocks] == ["host1"], "the others have borrowed"
    assert false_alarms(world) == []


def _rack(node: Node) -> str:
    return "reflector" if node.name == "host1" else "node"


def _cluster(node: Node) -> str | None:
    return "244.0.0.1" if node.name == "host1" else None


def test_a_pool_that_is_deleted_in_use_is_told_where_blocks_do_not_say_who_uses_them() -> None:
    world = mistakes.pool_deleted(plain(release=V2_3), "host1")
    assert [one.partition(" ")[0] for one in roots(world, "host1")] == ["RT-POOL-GONE"]


def test_a_far_host_with_dockers_address_and_the_one_that_knocks_are_one_problem() -> None:
    """Calico 2.x lists no links, and a host without a bridge of Docker's cannot know the address by that."""
    world = apart(release=V2_3)
    world = history.restart(history.with_host(world, replace(world.host("host1"), docker=())), "host3", IP="172.17.0.1")
    found = roots(world, "host1")
    assert list(found) == ["IP-ELSEWHERE host3"]
    assert "IP=10.77.1.13" in found["IP-ELSEWHERE host3"]


def test_the_bridge_of_a_hypervisor_in_the_usual_pool_is_its_hosts_own_affair() -> None:
    """libvirt's network lies in Calico's usual pool. BIRD tells all hosts of it, and it is in no block's way."""
    world = plain()
    host = world.host("host2")
    bridge = Link("virbr0", "bridge", addresses=(ip_interface("192.168.122.1/24"),), carrier=False)
    world = history.with_host(world, replace(host, links=(*host.links, bridge)))
    assert false_alarms(world) == []
    assert list(roots(world, "host1")) == ["RT-STALE 192.168.122.0/24"], "a remark"


@pytest.mark.parametrize("network", ["10.77.0.8/29", "10.77.0.12/30"])
def test_a_docker_network_over_nodes_is_to_blame_whatever_these_own(network: str) -> None:
    """host2 has no block; and of the second network Docker's bridge takes the very address of host3."""
    world = history.remove_pod(plain(), "host2", 0)
    host = world.host("host1")
    docker = (*host.docker, DockerNetwork("mistake", "br-badbadbadbad", ip_network(network)))
    world = replace(world, blocks=tuple(one for one in world.blocks if one.owner != "host2"))
    found = roots(history.with_host(world, replace(host, docker=docker)), "host1")
    assert set(found) == {"RT-OVERLAP host2", "RT-OVERLAP host3"}
    assert all("give Docker's bridge br-badbadbadbad another network" in said for said in found.values())


def test_a_node_of_another_as_that_passes_a_route_on_does_not_use_its_address() -> None:
    """host1 stands between the two others, each of an AS of its own: it is the next hop of both."""
    world = plain(of_size(32))
    nodes = tuple(replace(one, as_number=65001 + number) for number, one in enumerate(world.nodes))
    peers = (Peer("hub", node="host1", peers="rack == 'edge'"),)
    nodes = tuple(replace(one, labels=(("rack", "edge"),)) if one.name != "host1" else one for one in nodes)
    assert false_alarms(replace(world, nodes=nodes, bgp=replace(world.bgp, mesh=False, peers=peers))) == []


def test_where_another_host_is_its_own_next_hop_the_cure_names_no_gateway() -> None:
    said = "".join(roots(mistakes.docker_over_block(plain(), "host2"), "host3").values())
    assert "host2 advertises it too" in said
    assert "via 10.77.0.12" not in said.partition("\n")[2]


def test_a_route_that_another_host_advertises_is_not_blamed_on_this_hosts_bird() -> None:
    """Its own node is the only other one near, so that no other route shows that BIRD sees the network."""
    found = roots(stolen(apart(release=V3_32), "host3", "host1"), "host2")
    assert [one.partition(" ")[0] for one in found] == ["RT-WRONG-NEXTHOP", "RT-ROUTER"]
    assert "host3 advertises it too" in next(iter(found.values()))


def test_a_route_on_the_wrong_device_names_the_host_that_advertises_it() -> None:
    found = roots(stolen(apart(replace(POOL, ipip=CROSS_SUBNET), release=V3_32)), "host1")
    assert [one.partition(" ")[0] for one in found] == ["RT-WRONG-DEVICE"]
    assert all("host2 advertises it too" in said and "on host2: ip route del" in said for said in found.values())


@pytest.mark.parametrize("hostname", ["host1", "host3"])
def test_the_pods_of_a_block_whose_claim_is_pending_are_told_alone_and_no_theft(hostname: str) -> None:
    """Behind a router, too: BIRD of the owner has nothing that keeps single addresses of such a block back."""
    world = mistakes.unclaimed(apart(), "host3")
    assert world is not None
    block = next(one.cidr for one in world.blocks if one.owner == "host3")
    look = _look(world, hostname)
    gravest = [f"{one.code} {one.subject}" for one in look.roots if one.severity is not Severity.INFO]
    assert gravest == [f"RT-UNCLAIMED {block}"]
    assert "advertises each of these pods alone" in look.roots[0].effect


def test_a_missing_record_explains_a_tunnel_that_felix_does_not_make() -> None:
    world = mistakes.record_deleted(plain(replace(POOL, vxlan=ALWAYS)), "host2")
    assert "RT-TUNNEL-DEVICE" not in {one.partition(" ")[0] for one in roots(world, "host2")}


def test_a_router_that_stands_for_two_nodes_does_not_hide_which_of_them_advertises_a_foreign_route() -> None:
    router, names = ip_address("10.77.0.1"), {"host2": ip_address("10.77.0.12"), "host3": ip_address("10.77.1.13")}
    sent = tuple(RibRoute(POOL.cidr, "", True, gateway=router, learned_from=names[one]) for one in ("host3", "host2"))
    rib = Rib(routes={POOL.cidr: sent}, holders={address: (name,) for name, address in names.items()})
    assert rib.advertiser(POOL.cidr, router, owner="host3") == "host2"


def test_a_reflector_is_not_blamed_for_what_it_passes_on() -> None:
    router, reflector = ip_address("10.77.0.1"), ip_address("10.77.0.12")
    sent = (RibRoute(POOL.cidr, "", True, gateway=router, learned_from=reflector),)
    rib = Rib(routes={POOL.cidr: sent}, holders={reflector: ("host2",)}, reflectors=frozenset({"host2"}))
    assert not rib.advertiser(POOL.cidr, router, owner="host3")


def test_a_record_with_the_address_of_another_node_sends_nobody_to_that_node() -> None:
    """No machine there uses this name: calico/node would not have started with an address of another record."""
    world = identity.shared_address(plain(), "host3")
    assert list(roots(world, "host3")) == ["IP-NOT-LOCAL host3"]
    (said,) = roots(world, "host3").values()
    assert "somebody gave its record the address of node host1" in said
    assert said.rpartition("\n")[2].startswith("docker restart calico-node")


@pytest.mark.parametrize("hostname", ["host1", "host3"])
def test_nodes_with_one_address_have_no_session_and_lack_no_bgp_peer(hostname: str) -> None:
    look = _look(identity.shared_address(plain(), "host3"), hostname)
    assert "BGP-NO-PATH" not in {one.code for one in look.findings}


def test_of_two_hosts_under_one_name_the_true_one_registers_its_address_first() -> None:
    """While its record has the address of the other, calico/node refuses that address under another name."""
    world = mistakes.taken_name(plain(), "host3")
    assert world is not None
    (said,) = roots(world, "host1").values()
    cure = said.rpartition("\n")[2]
    assert cure.index("docker restart calico-node") < cure.index("NODENAME of its own")
    assert "calico" in history.restart(world, "host3", NODENAME="host3").host("host3").stopped
    assert "calico" not in heal(world, "host1", cure).host("host3").stopped


def test_pods_are_not_started_anew_under_the_name_of_another_node() -> None:
    cures = [one.cure for one in _look(mistakes.taken_name(plain(), "host3"), "host3").roots]
    assert cures
    assert all(
        cure.startswith("if host1 is another machine: docker restart calico-node on the host that is node host1")
        for cure in cures
    )


def test_a_registered_address_by_which_no_session_comes_up_explains_that() -> None:
    found = roots(identity.management_address(plain(), "host3"), "host3")
    assert [one.partition(" ")[0] for one in found] == ["IP-MISMATCH"]


def test_an_address_that_a_docker_network_covers_is_not_to_be_taken_off_dockers_bridge() -> None:
    world = mistakes.docker_over_block(plain(replace(POOL, vxlan=ALWAYS)), "host3")
    look = _look(world, "host3")
    assert [one.code for one in look.roots][:1] == ["RT-OVERLAP"]
    assert not [one.cure for one in look.roots if "ip addr del" in one.cure]


def test_a_container_that_ended_without_a_word_is_started_again() -> None:
    (said,) = roots(mistakes.stop("calico")(plain(), "host3"), "host3").values()
    assert "docker start calico-node" in said.rpartition("\n")[2]


@pytest.mark.parametrize(("outer", "inner"), [(NEVER, ALWAYS), (ALWAYS, NEVER), (NEVER, CROSS_SUBNET)])
def test_of_pools_inside_each_other_the_first_by_name_says_how_2_x_leads_to_a_block(outer: str, inner: str) -> None:
    """The longest prefix was taken for it: each route into the other pool was a fault on every host."""
    pools = (
        replace(POOL, cidr=ip_network("10.233.64.0/18"), ipip=outer),
        Pool("inner", ip_network("10.233.96.0/20"), ipip=inner),
    )
    assert false_alarms(apart(*pools, release=V2_3)) == []
