"""What the commands in printed cures do, in the model: each takes the world, the host where it is done, the words."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

from tests.worlds.model import history
from tests.worlds.model.ipam import address_of
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CONFIRMED, Host, Pod, Pool, World

T = TypeVar("T")
Words = re.Match[str]
Cure = Callable[[World, str, Words], World]


def given_address(world: World, where: str, found: Words) -> World:
    named = {"NODENAME": name[1]} if (name := re.search(r"-e NODENAME=(\S+)", found.string)) else {}
    return history.restart(world, where, IP=found[1], **named)


def given_name(world: World, where: str, found: Words) -> World:
    host = world.host(where)
    world = with_host(world, host, nodename_file=None) if "rm /var/lib/calico/nodename" in found.string else world
    return history.restart(world, where, NODENAME=found[1])


def own_names_again(world: World, where: str, found: Words) -> World:
    """First this host registers its own address again, then the other one its own name."""
    world, address = history.restart(world, where), ip_address(found[1])
    other = next(
        host.hostname for host in world.hosts for link in host.links for one in link.addresses if one.ip == address
    )
    return history.restart(world, other, NODENAME=other)


def own_name_again(world: World, where: str, found: Words) -> World:
    """First the host whose name it is registers its own address again; at last the pods here are started anew."""
    name = node_name(world, world.host(where))
    others = [one.hostname for one in world.hosts if one.hostname != where and node_name(world, one) == name]
    if not others:  # else this machine is that node
        gone = re.search(r"calicoctl ipam release --ip=(\S+), and", found.string)
        return record_released(world, where, gone) if gone else pods_started_anew(world, where, found)
    world = history.restart(history.restart(world, others[0]), where, NODENAME=found[1])
    return pods_started_anew(world, where, found)


def node_again(world: World, where: str, found: Words) -> World:
    """Its record goes, and calico/node is started under the name of before, with the labels that it has now."""
    labels = next((one.labels for one in world.nodes if one.name == found[1]), ())
    world = history.restart(history.delete_node(world, found[1]), where, NODENAME=found[2])
    nodes = tuple(replace(one, labels=labels) if one.name == found[2] else one for one in world.nodes)
    return replace(world, nodes=nodes)


def restarted(world: World, where: str, _found: Words) -> World:
    return history.restart(world, where)


def started(world: World, where: str, _found: Words) -> World:
    """Only where it does not run: who sees that it does changes nothing."""
    host = world.host(where)
    return history.restart(world, where) if host.trouble.container or "calico" in host.stopped else world


def program_up(world: World, where: str, found: Words) -> World:
    host = world.host(where)
    return with_host(world, host, stopped=host.stopped - {found[1]})


def bird_restarted(world: World, where: str, _found: Words) -> World:
    host = world.host(where)
    unread = without(host.trouble.unread, lambda one: one[0].startswith("BIRD"))
    return mended(world, where, unread=unread, unseen=frozenset(), switched_off=frozenset())


def mends(**changes: Any) -> Cure:
    """What ails the host of that kind ends."""
    return lambda world, where, _found: mended(world, where, **changes)


def mended(world: World, where: str, **changes: Any) -> World:
    host = world.host(where)
    return with_host(world, host, trouble=replace(host.trouble, **changes))


def answers_again(source: str) -> Cure:
    def do(world: World, where: str, _found: Words) -> World:
        return mended(world, where, unread=without(world.host(where).trouble.unread, lambda one: one[0] == source))

    return do


def protocol_enabled(world: World, where: str, found: Words) -> World:
    return mended(world, where, switched_off=world.host(where).trouble.switched_off - {found[1]})


def mesh_on(world: World, _where: str, _found: Words) -> World:
    return replace(world, bgp=replace(world.bgp, mesh=True))


def peer_deleted(world: World, _where: str, found: Words) -> World:
    return replace(world, bgp=replace(world.bgp, peers=without(world.bgp.peers, lambda one: one.name == found[1])))


def peer_of_as(world: World, _where: str, found: Words) -> World:
    number = int(found[1])
    peers = (replace(one, as_number=number) if one.name == found[2] else one for one in world.bgp.peers)
    return replace(world, bgp=replace(world.bgp, peers=tuple(peers)))


def exported(world: World, _where: str, found: Words) -> World:
    pools = tuple(replace(one, exported=True) if one.name == found[1] else one for one in world.pools)
    return replace(world, pools=pools)


def claim_deleted(world: World, _where: str, found: Words) -> World:
    return _with_claims(world, found, {found[1]: ""})


def claim_confirmed(world: World, _where: str, found: Words) -> World:
    return _with_claims(world, found, {found[1]: CONFIRMED})


def _with_claims(world: World, found: Words, change: dict[str, str]) -> World:
    cidr = ip_network(f"{found[2].replace('-', '.')}/{found[3]}")
    blocks = []
    for block in world.blocks:
        claims = {**dict(block.claims), **(change if block.cidr == cidr else {})}
        blocks.append(replace(block, claims=tuple((node, state) for node, state in claims.items() if state)))
    return replace(world, blocks=tuple(blocks))


def key_corrected(world: World, _where: str, found: Words) -> World:
    return replace(world, keys=without(world.keys, lambda one: one[0] == found[1]))


def object_corrected(world: World, _where: str, found: Words) -> World:
    """A bad record by its kind and name in the Kubernetes API, whatever its key is in etcd."""
    return replace(
        world, keys=without(world.keys, lambda one: one[0].endswith(f"{found[1].partition('.')[0]}/{found[2]}"))
    )


def block_restored(world: World, _where: str, _found: Words) -> World:
    return replace(world, keys=without(world.keys, lambda one: "block" in one[0] and one[1] is None))


def told_apart(world: World, _where: str, found: Words) -> World:
    """Of two records with one address one is an old name, which goes, or its host gets its own address."""
    for host in world.hosts:
        if node_name(world, host) == found[1]:
            return own_address(world, host.hostname, "IP")
    return history.delete_node(world, found[1])


def chosen_address(world: World, where: str, found: Words) -> World:
    return own_address(world, where, found[1])


def own_address(world: World, where: str, variable: str) -> World:
    """The one by which the host is on a wire, or that is announced for it."""
    version = 4 if variable == "IP" else 6
    links = [one for one in world.host(where).links if one.segment or one.announced]
    links.sort(key=lambda one: not one.announced)
    held = (address for link in links for address in link.addresses if address.version == version)
    own = next(held, None)
    return history.restart(world, where, **{variable: str(own)}) if own is not None else world


def without_address(world: World, where: str, found: Words) -> World:
    """Of one family, which calico/node is told not to look for."""
    world = history.restart(world, where, **{found[1]: "none"})
    field: dict[str, Any] = {"ipv4" if found[1] == "IP" else "ipv6": None}
    nodes = tuple(replace(one, **field) if one.name == found[2] else one for one in world.nodes)
    return replace(world, nodes=nodes)


def address_exchanged(world: World, where: str, found: Words) -> World:
    """The record gives up its address before calico/node is started with the new one."""
    field: dict[str, Any] = {"ipv4" if found[2] == "IP" else "ipv6": None}
    nodes = tuple(replace(one, **field) if one.name == found[1] else one for one in world.nodes)
    return history.restart(replace(world, nodes=nodes), where, **{found[2]: found[3]})


def pods_started_anew(world: World, where: str, _found: Words) -> World:
    """Each gets an address of its node as it is now."""
    for pod in world.host(where).pods:
        world = _anew(world, where, pod)
    return world


def restarted_before_its_pods(world: World, where: str, found: Words) -> World:
    return pods_started_anew(history.restart(world, where), where, found)


def pod_started_anew(world: World, where: str, found: Words) -> World:
    return _anew(world, where, next(one for one in world.host(where).pods if one.link == found[1]))


def _anew(world: World, where: str, pod: Pod) -> World:
    world = history.remove_pod(world, where, world.host(where).pods.index(pod))
    return history.add_pod(world, where, pod.name, tuple(one.version for one in pod.addresses))


def pool_made_again(world: World, _where: str, _found: Words) -> World:
    """A pool around each block that lies in none."""
    lost = [one.cidr for one in world.blocks if world.pool_of(one.cidr) is None]
    pools = tuple(Pool(f"again-{number}", cidr, block_size=cidr.prefixlen) for number, cidr in enumerate(lost))
    return replace(world, pools=(*world.pools, *pools))


def service_withdrawn(world: World, _where: str, found: Words) -> World:
    """BIRD takes its blackhole away with it."""
    services = without(world.bgp.services, lambda one: one == ip_network(found[1]))
    return replace(world, bgp=replace(world.bgp, services=services))


def record_released(world: World, _where: str, found: Words) -> World:
    """The record of a pod that is gone, and its addresses, wherever they were given."""
    address = ip_address(found[1])
    for host in world.hosts:
        for index, pod in enumerate(host.pods):
            if address in pod.addresses and pod.link in host.trouble.gone:
                return history.remove_pod(world, host.hostname, index)
    return world


def tunnel_given_back(world: World, where: str, found: Words) -> World:
    """The address is given back, and calico/node takes another one."""
    address = ip_address(found[1])
    blocks = tuple(
        replace(one, given=without(one.given, lambda given, one=one: address_of(one, given) == address))
        for one in world.blocks
    )
    return history.restart(replace(world, blocks=blocks), where)


def with_host(world: World, host: Host, **changes: Any) -> World:
    return history.with_host(world, replace(host, **changes))


def without(held: Iterable[T], which: Callable[..., bool]) -> tuple[T, ...]:
    return tuple(one for one in held if not which(one))
