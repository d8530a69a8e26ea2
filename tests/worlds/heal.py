"""What people do who follow a printed cure, done in the model: the commands that it knows, and None for other cures."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

from tests.worlds.model import history
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CONFIRMED, Host, World

Cure = Callable[[World, str, re.Match[str]], World]


def heal(world: World, here: str, cure: str) -> World | None:
    """The world after the cure that is printed on a host; None where the model cannot do it."""
    for pattern, do in _CURES:
        if (found := pattern.search(cure)) is not None:
            return do(world, _where(world, here, cure), found)
    return None


def _where(world: World, here: str, cure: str) -> str:
    """The host on which it is to be done: `on NODE: ...`, else this one."""
    names = {node_name(world, host): host.hostname for host in world.hosts}
    named = re.match(r"on (\S+): ", cure)
    return names.get(named[1], here) if named else here


def _given_address(world: World, where: str, found: re.Match[str]) -> World:
    return history.restart(world, where, IP=found[1])


def _restarted(world: World, where: str, _found: re.Match[str]) -> World:
    return history.restart(world, where)


def _link_up(world: World, where: str, found: re.Match[str]) -> World:
    host = world.host(where)
    links = tuple(replace(one, up=True, carrier=True) if one.name == found[1] else one for one in host.links)
    return history.with_host(world, replace(host, links=links, down=host.down - {found[1]}))


def _route_deleted(world: World, where: str, found: re.Match[str]) -> World:
    host, prefix = world.host(where), ip_network(found[1])
    return _with(world, host, routes=tuple(one for one in host.routes if one.prefix != prefix))


def _rule_deleted(world: World, where: str, found: re.Match[str]) -> World:
    host = world.host(where)
    return _with(world, host, rules=tuple(one for one in host.rules if one.priority != int(found[1])))


def _program_up(world: World, where: str, found: re.Match[str]) -> World:
    host = world.host(where)
    return _with(world, host, stopped=host.stopped - {found[1]})


def _mesh_on(world: World, _where: str, _found: re.Match[str]) -> World:
    return replace(world, bgp=replace(world.bgp, mesh=True))


def _exported(world: World, _where: str, found: re.Match[str]) -> World:
    pools = tuple(replace(one, exported=True) if one.name == found[1] else one for one in world.pools)
    return replace(world, pools=pools)


def _claim_deleted(world: World, _where: str, found: re.Match[str]) -> World:
    return _with_claims(world, found, lambda claims: {**claims, found[1]: ""})


def _claim_confirmed(world: World, _where: str, found: re.Match[str]) -> World:
    return _with_claims(world, found, lambda claims: {**claims, found[1]: CONFIRMED})


def _with_claims(world: World, found: re.Match[str], change: Callable[[dict[str, str]], dict[str, str]]) -> World:
    cidr = ip_network(f"{found[2]}/{found[3]}")
    blocks = []
    for block in world.blocks:
        claims = change(dict(block.claims)) if block.cidr == cidr else dict(block.claims)
        blocks.append(replace(block, claims=tuple((node, state) for node, state in claims.items() if state)))
    return replace(world, blocks=tuple(blocks))


def _network_removed(world: World, where: str, found: re.Match[str]) -> World:
    host = world.host(where)
    return _with(world, host, docker=tuple(one for one in host.docker if one.bridge != found[1]))


def _with(world: World, host: Host, **changes: object) -> World:
    return history.with_host(world, replace(host, **changes))  # type: ignore[arg-type]


_KEY = r"/calico/ipam/v2/host/([^/]+)/ipv[46]/block/(\S+)-(\d+)"
_CURES: tuple[tuple[re.Pattern[str], Cure], ...] = tuple(
    (re.compile(pattern), do)
    for pattern, do in (
        (r"(?:-e|with) IP=([0-9./]+)", _given_address),
        (r"ip link set (\S+) up", _link_up),
        (r"ip route del (\S+) .*on this host", _route_deleted),
        (r"ip rule del priority (\d+)", _rule_deleted),
        (r"sv up /etc/service/enabled/(\w+)", _program_up),
        (r'patch bgpconfiguration default .*"nodeToNodeMeshEnabled": true', _mesh_on),
        (r'patch ippool (\S+) .*"disableBGPExport": false', _exported),
        (rf"etcdctl del {_KEY}", _claim_deleted),
        (rf"etcdctl put {_KEY} ", _claim_confirmed),
        (r"another network on (br-\S+)", _network_removed),
        (r"give Docker's bridge (\S+) another network", _network_removed),
        (r"docker (?:re)?start calico-node", _restarted),
    )
)
