"""A recorded cluster as a World: what was given there (links, records, environment), without what follows from it.

What follows - routes, sessions - the model computes, and `differences` holds it against what was recorded.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

from tests.worlds.model.releases import RELEASES, V2_3, Release
from tests.worlds.model.settle import Settled, settle
from tests.worlds.model.startup import node_name, start
from tests.worlds.model.values import DockerNetwork, Host, KernelRoute, Link, Node, Pod, Segment, World
from tests.worlds.recorded_store import read_store

_CALICO_LINKS = ("cali", "tunl0", "vxlan")
_PROTOCOLS = {"kernel": 2, "boot": 3, "static": 4, "bird": 12, "ra": 9, "dhcp": 16}
_ROW = re.compile(
    r"^1002-(?P<name>(?:Mesh|Node|Global)_\S+)\s+BGP\s+\S+\s+(?P<state>\S+)\s+\S+\s+(?P<info>\S*)", re.MULTILINE
)


def world_of(capture: Path) -> World:
    """The cluster of one recording. Hosts that were not recorded are made of their records."""
    store = read_store(capture)
    recorded = {path.name: path for path in sorted(capture.glob("host*")) if (path / "ip-addr.json").exists()}
    addresses = {one.ipv4.ip for one in store.nodes if one.ipv4 is not None}
    near = [ip_network("10.77.0.0/24"), *([ip_network("fd00:77::/64")] if any(one.ipv6 for one in store.nodes) else ())]
    segments = [Segment("near", tuple(near))]
    if any(one in ip_network("10.77.1.0/24") for one in addresses):
        segments.append(Segment("far", (ip_network("10.77.1.0/24"),)))
    release = _release(capture, recorded)
    hosts = [_host(path, number + 1, segments, store.pods) for number, path in enumerate(recorded.values())]
    hosts += [_unrecorded(one, store.pods) for one in store.nodes if one.name not in recorded]
    world = World(
        release,
        tuple(segments),
        tuple(hosts),
        store.nodes,
        store.pools,
        store.blocks,
        bgp=store.bgp,
        by_felix=store.by_felix,
    )
    return replace(world, hosts=tuple(_recovering(world, one, recorded) for one in world.hosts))


def _recovering(world: World, host: Host, recorded: dict[str, Path]) -> Host:
    """With what its kernel kept, where BIRD was just started: of the node that the host was before, if it was one."""
    folder = recorded.get(host.hostname)
    said = folder / "bird.txt" if folder is not None else None
    if said is None or not said.exists() or "Graceful restart recovery in progress" not in said.read_text():
        return host
    if '"bird"' not in (said.parent / "ip-route.json").read_text():
        return replace(host, recovers=True)  # there was no BIRD before
    own = next(one for one in host.links if one.segment).addresses[0]
    others = tuple(one for one in world.nodes if one.name != host.hostname)
    was = replace(world.node(host.hostname) or Node(host.hostname), ipv4=own)
    earlier = replace(host, env=(("NODENAME", host.hostname),))
    hosts = tuple(earlier if one is host else one for one in world.hosts)
    return replace(host, recovers=True, before=replace(world, hosts=hosts, nodes=(*others, was)))


def differences(capture: Path, hostname: str) -> Iterator[str]:
    """What of the model's routes and sessions is not as recorded, both ways."""
    settled = settle(world_of(capture))
    folder = capture / hostname
    routes = {_shown(one) for one in json.loads((folder / "ip-route.json").read_text()) if _is_compared(one)}
    computed = {_text(one) for one in settled.machines[hostname].tables.routes if one.table == 254}
    computed = {one for one in computed if not one.startswith(("fe80", "ff00"))}
    yield from (f"recorded only: {one}" for one in sorted(routes - computed))
    yield from (f"computed only: {one}" for one in sorted(computed - routes))
    for version, name in ((4, "bird.txt"), (6, "bird6.txt")):
        if (folder / name).exists():
            yield from _sessions(settled, hostname, version, (folder / name).read_text())


def registered(capture: Path, hostname: str) -> Iterator[str]:
    """What of the record that start-up writes, by the model, is not as recorded; nothing where none was written."""
    world = world_of(capture)
    host = world.host(hostname)
    name = node_name(world, host)
    recorded = world.node(name)
    if recorded is None or host.stopped:
        return
    without = replace(world, nodes=tuple(one for one in world.nodes if one.name != name))
    written = start(without, hostname).node(name) or Node(name)
    for field in ("ipv4", "ipv6", "as_number"):
        if getattr(written, field) != getattr(recorded, field):
            yield f"{field}: recorded {getattr(recorded, field)}, computed {getattr(written, field)}"
    for field in ("ipip", "vxlan", "vxlan6"):  # which one, chance says
        if (getattr(written, field) is None) is not (getattr(recorded, field) is None):
            yield f"{field}: recorded {getattr(recorded, field)}, computed {getattr(written, field)}"
    if _listed(written) != _listed(recorded):
        yield f"interfaces: recorded {recorded.interfaces}, computed {written.interfaces}"


def _listed(node: Node) -> list[tuple[str, list[str]]]:
    """The links of a record; which link-local address one has, the kernel draws by lot."""
    return [(name, ["fe80::" if one.is_link_local else str(one) for one in held]) for name, held in node.interfaces]


def _sessions(settled: Settled, hostname: str, version: int, text: str) -> Iterator[str]:
    part = text.partition("# > show protocols all\n")[2].partition("# >")[0]
    seen = {row["name"]: f"{row['state']} {row['info']}".strip() for row in _ROW.finditer(part)}
    made = {one.configured.name: f"{one.state} {one.info}" for one in settled.sessions.get((hostname, version), ())}
    for name in sorted(seen.keys() | made.keys()):
        if str(seen.get(name)).replace("Connect", "Active") != str(made.get(name)):
            yield f"session {name}: recorded {seen.get(name)}, computed {made.get(name)}"


def _release(capture: Path, recorded: dict[str, Path]) -> Release:
    if (capture / "etcd-v2.json").exists():
        return V2_3
    images = {
        json.loads((path / "docker-inspect.json").read_text())[0]["Config"]["Image"] for path in recorded.values()
    }
    return next((one for one in RELEASES for image in images if image.endswith(one.version)), RELEASES[0])


def _host(folder: Path, number: int, segments: list[Segment], pods: tuple[Pod, ...]) -> Host:
    rows = json.loads((folder / "ip-addr.json").read_text())
    networks = tuple(_docker(json.loads((folder / "docker-networks.json").read_text())))
    inspected = json.loads((folder / "docker-inspect.json").read_text())[0]
    links = tuple(_links(rows, {one.bridge for one in networks}, segments))
    names = {row["ifname"] for row in rows}
    down = {row["ifname"] for row in rows if row["ifname"].startswith(_CALICO_LINKS[1:]) and "UP" not in row["flags"]}
    exited = inspected["State"]["Status"] != "running"
    nodename = folder / "nodename"
    return Host(
        folder.name,
        links,
        networks,
        tuple((key, value) for key, _, value in (one.partition("=") for one in inspected["Config"]["Env"])),
        tuple(one for one in pods if one.link in names),
        tuple(_foreign(json.loads((folder / "ip-route.json").read_text()))),
        nodename_file=nodename.read_text() if nodename.exists() else None,
        machine=number,
        ipip="tunl0" in names,
        down=frozenset(down),
        stopped=frozenset({"calico"}) if exited else frozenset(),
    )


def _unrecorded(node: Node, pods: tuple[Pod, ...]) -> Host:
    held = (one for one in (node.ipv4, node.ipv6) if one is not None)
    wide = tuple(ip_interface(f"{one.ip}/{24 if one.version == 4 else 64}") for one in held)
    link = Link("eth0", "", "near", wide)
    own = tuple(one for one in pods if one.node == node.name)
    return Host(node.name, (link,), env=(("NODENAME", node.name),), pods=own, machine=100, ipip=node.ipip is not None)


def _links(rows: list[Any], bridges: set[str], segments: list[Segment]) -> Iterator[Link]:
    for row in rows:
        name = row["ifname"]
        if name == "lo" or name in bridges or name.startswith(_CALICO_LINKS):
            continue
        held = tuple(ip_interface(f"{one['local']}/{one['prefixlen']}") for one in row["addr_info"])
        held = tuple(one for one in held if not one.ip.is_link_local)
        wire = next((one.name for one in segments for each in one.networks if any(a.ip in each for a in held)), "")
        yield Link(name, row.get("linkinfo", {}).get("info_kind", ""), wire, held, "UP" in row["flags"])


def _docker(networks: list[Any]) -> Iterator[DockerNetwork]:
    for one in networks:
        if one["Driver"] == "bridge":
            bridge = one["Options"].get("com.docker.network.bridge.name") or f"br-{one['Id'][:12]}"
            yield DockerNetwork(one["Name"], bridge, ip_network(one["IPAM"]["Config"][0]["Subnet"]))


def _foreign(rows: list[Any]) -> Iterator[KernelRoute]:
    """The routes that neither the kernel nor Calico wrote."""
    for row in rows:
        protocol = row.get("protocol", "boot")
        ours = protocol in {"kernel", "bird", "80"} or str(row.get("dev", "")).startswith(_CALICO_LINKS)
        if row.get("table", "main") != "main" or ours or row.get("type", "unicast") != "unicast":
            continue
        via = ip_address(row["gateway"]) if "gateway" in row else None
        prefix = ip_network(
            row["dst"] if row["dst"] != "default" else "::/0" if via and via.version == 6 else "0.0.0.0/0"
        )
        yield KernelRoute(prefix, via, row.get("dev", ""), protocol=_PROTOCOLS[protocol], metric=row.get("metric", 0))


def _is_compared(row: dict[str, Any]) -> bool:
    return row.get("table", "main") == "main" and not row["dst"].startswith(("fe80", "ff00"))


def _shown(row: dict[str, Any]) -> str:
    hops = row.get("nexthops") or [row]
    gateways = " + ".join(f"{hop.get('gateway', '')} {hop.get('dev', '')}" for hop in hops)
    far = row["dst"] != "default" or ":" not in str(row.get("gateway", ""))
    dst = row["dst"] if row["dst"] != "default" else "0.0.0.0/0" if far else "::/0"
    onlink = " onlink" if "onlink" in row.get("flags", ()) else ""
    kind, protocol = row.get("type", "unicast"), row.get("protocol", "boot")
    gateways = " " if kind != "unicast" else gateways
    return f"{ip_network(dst)} {kind} {gateways}{onlink} proto {protocol} metric {row.get('metric', 0)}"


def _text(route: KernelRoute) -> str:
    hops = ((route.via, route.device), *route.more)
    gateways = " + ".join(f"{via or ''} {device}" for via, device in hops)
    onlink = " onlink" if route.onlink else ""
    names = {number: name for name, number in _PROTOCOLS.items()}
    protocol = names.get(route.protocol, str(route.protocol))
    return f"{route.prefix} {route.kind} {gateways}{onlink} proto {protocol} metric {route.metric}"


__all__ = ["differences", "world_of"]
