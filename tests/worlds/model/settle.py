"""The settled state of a world: machines with their tables, sessions, and what BIRD has learned."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.worlds.model.bird import Internet
from tests.worlds.model.confd import Configured, listens_at, sessions, shadowed
from tests.worlds.model.felix import felix_routes, tunnel_devices, vxlan_entries
from tests.worlds.model.kept import kept
from tests.worlds.model.kernel import BIRD, MAIN, Tables, connected, devices, holder
from tests.worlds.model.reach import Arrival, Machine, Network
from tests.worlds.model.routers import router_speakers, router_ups
from tests.worlds.model.startup import node_name
from tests.worlds.model.told import Speaker, Up
from tests.worlds.model.values import Host, IPAddress, KernelRoute, Rule, World
from tests.worlds.model.wireguard import wireguard_devices, wireguard_routes, wireguard_rules

_SILENT = frozenset({"timeout", "refused"})


@dataclass(frozen=True, slots=True)
class Session:
    """A session as BIRD shows it."""

    configured: Configured
    state: str
    info: str
    error: str = ""
    imported: int = 0
    exported: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """All of it, by host name; sessions and internets by IP version, too."""

    world: World
    machines: dict[str, Machine]
    network: Network
    sessions: dict[tuple[str, int], tuple[Session, ...]]
    internets: dict[int, Internet]


@kept
def settle(world: World) -> Settled:
    """Compute it: the kernel and Felix first, then BIRD's sessions, then what comes through them."""
    bare = {host.hostname: _machine(world, host) for host in world.hosts}
    before = Network(world, tuple(bare.values()))
    internets: dict[int, Internet] = {}
    shown: dict[tuple[str, int], tuple[Session, ...]] = {}
    more: dict[str, list[KernelRoute]] = {name: [] for name in bare}
    for version in (4, 6):
        nodes = dict(_speakers(world, bare, version))
        routers = dict(router_speakers(world, version, nodes))
        speakers = {**nodes, **routers}
        up = _established(nodes, speakers, before, bare)
        up |= {name: tuple(router_ups(one, speakers, up)) for name, one in routers.items()}
        internet = internets[version] = Internet(world, speakers, up)
        for name, speaker in nodes.items():
            established = {one.own.name for one in up[name]}
            shown[name, version] = tuple(
                _shown(one, speaker, speakers, before, internet, one.name in established) for one in speaker.sessions
            )
            more[name].extend(internet.kernel_routes(name) if not speaker.recovers else ())
    for host in (one for one in world.hosts if one.before is not None):
        more[host.hostname].extend(_of_before(host))
    machines = {
        name: replace(machine, tables=Tables(tuple(_left(machine, more[name])), machine.tables.rules))
        for name, machine in bare.items()
    }
    machines |= _kept(world)
    return Settled(world, machines, Network(world, tuple(machines.values()), internets), shown, internets)


def _of_before(host: Host) -> Iterator[KernelRoute]:
    """BIRD's routes of a host whose BIRD was started since (`persist`)."""
    machine = settle(host.before).machines[host.hostname] if host.before is not None else None
    return (one for one in (machine.tables.routes if machine is not None else ()) if one.protocol == BIRD)


def _left(machine: Machine, more: list[KernelRoute]) -> Iterator[KernelRoute]:
    """All routes but those that something deletes again and again."""
    lost = machine.host.trouble.lost
    return (one for one in (*machine.tables.routes, *more) if not lost or one.prefix not in lost)


def _kept(world: World) -> dict[str, Machine]:
    """The machines without calico/node or BIRD: their kernel has the routes of before (`persist`)."""
    halted = {one.hostname for one in world.hosts if _halted(one)}
    if not halted:
        return {}
    before = replace(world, hosts=tuple(_running(one) if _halted(one) else one for one in world.hosts))
    machines = settle(before).machines
    return {name: replace(machines[name], host=world.host(name)) for name in halted}


def _halted(host: Host) -> bool:
    """Whether BIRD writes nothing there."""
    return not speaks(host, 4) or "kernel1" in host.trouble.switched_off


def speaks(host: Host, version: int) -> bool:
    """Whether BIRD of a family does its work there, as far as anybody can tell."""
    program, source = ("bird", "BIRD") if version == 4 else ("bird6", "BIRD6")
    silent = any(one == source and kind in _SILENT for one, kind in host.trouble.unread)
    return not (host.stopped & {"calico", program} or host.trouble.container or silent)


def _running(host: Host) -> Host:
    return replace(host, stopped=frozenset(), trouble=host.trouble.started_anew())


def _machine(world: World, host: Host) -> Machine:
    name = node_name(world, host)
    node = world.node(name)
    made = devices(world, host, (*tunnel_devices(world, host, node), *wireguard_devices(host, node)))
    parents = {}
    for version in (4, 6):
        registered = node.registered(version) if node is not None else None
        link = holder(made, registered.ip) if registered is not None else None
        if link is not None:
            parents[version] = link.name
    routes = [route for device in made for route in connected(device)]
    up = {one.name for one in made if one.up and (one.carrier or not one.segment)}
    routes += [route for route in host.routes if not route.device or route.device in up]
    routes += [one for one in felix_routes(world, host, node, name, parents) if not one.device or one.device in up]
    routes += [one for one in wireguard_routes(world, node) if not one.device or one.device in up]
    entries = tuple(one for one in vxlan_entries(world, node) if one[0].address not in host.trouble.alone)
    rules = tuple(sorted((*host.rules, *wireguard_rules(node)), key=lambda rule: rule.priority))
    tables = Tables(tuple(routes), tuple(_before_main(rules)))
    return Machine(host, name, made, tables, tuple(one for one, _ in entries), tuple(one for _, one in entries))


def _before_main(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    yield from (rule for rule in rules if rule.priority < 32766 and rule.table != MAIN)


def _speakers(world: World, machines: dict[str, Machine], version: int) -> Iterator[tuple[str, Speaker]]:
    for hostname, machine in machines.items():
        known = machine.host.known or world
        node = world.node(machine.name) or known.node(machine.name)
        if node is not None and node.registered(version) is not None and speaks(machine.host, version):
            asked = sessions(known, known.node(node.name) or node, version)
            trouble, recovers = machine.host.trouble, machine.host.recovers
            devices, tables = machine.devices, machine.tables
            port = listens_at(known, node.name)
            yield hostname, Speaker(hostname, node, version, devices, tables, asked, None, recovers, trouble, port)


def _established(
    nodes: dict[str, Speaker], speakers: dict[str, Speaker], network: Network, machines: dict[str, Machine]
) -> dict[str, tuple[Up, ...]]:
    """The sessions of all nodes whose packets get there and back, between ends that know each other.

    Who is dialled asks for the session by the address that dials alone, whatever his own is to be in it
    (bgp_find_proto in proto/bgp/bgp.c of BIRD 1.6.8; recorded as `name-kept-in-nodename-file`).
    """
    up: dict[str, dict[str, Up]] = {name: {} for name in nodes}
    for speaker in nodes.values():
        for one in speaker.sessions:
            answered = _answered(speaker, one, speakers, network, machines)
            if answered is None:
                continue
            other, back = answered
            up[speaker.host].setdefault(one.name, Up(one, other.host, back))
            if other.host in up:
                up[other.host].setdefault(back.name, Up(back, speaker.host, one))
    return {name: tuple(found.values()) for name, found in up.items()}


def _answered(
    speaker: Speaker, one: Configured, speakers: dict[str, Speaker], network: Network, machines: dict[str, Machine]
) -> tuple[Speaker, Configured] | None:
    """Who takes a session that this one opens, and as which of his."""
    if one.passive or not _bound(speaker, one) or shadowed(speaker.sessions, one):
        return None
    arrival = network.send(speaker.host, one.peer)
    other = speakers.get(arrival.host)
    if other is None or other.host == speaker.host or arrival.pod:
        return None
    if other.router is None and not _has(machines[other.host], one):
        return None
    if _kept_apart(speaker, other) or {speaker.trouble.port, other.trouble.port} != {False} or one.port != other.port:
        return None
    source = source_of(one, machines[speaker.host])
    back = next((each for each in other.sessions if each.peer == source), None)
    if back is None or back.password != one.password:
        return None
    if shadowed(other.sessions, back) or (one.own_as, one.peer_as) != (back.peer_as, back.own_as):
        return None
    return (other, back) if network.send(other.host, one.own).host == speaker.host else None


def source_of(one: Configured, machine: Machine) -> IPAddress | None:
    """The address at which a session begins."""
    return machine.way(one.peer)[1] if one.unbound else one.own


def _kept_apart(speaker: Speaker, other: Speaker) -> bool:
    """Whether a firewall drops what they say, or a router on the way gives it another source."""
    troubles = (speaker.trouble, other.trouble)
    ends = [one.node.registered(one.version) for one in (speaker, other)]
    near = all(one is not None and one.network == ends[0].network for one in ends if ends[0] is not None)
    return any("bgp" in one.dropped or (one.rewritten and not near) for one in troubles)


def _has(machine: Machine, one: Configured) -> bool:
    return holder(machine.devices, one.peer) is not None


def _bound(speaker: Speaker, one: Configured) -> bool:
    """Whether BIRD can use its source address."""
    return one.unbound or holder(speaker.devices, one.own) is not None


def _shown(
    one: Configured, speaker: Speaker, speakers: dict[str, Speaker], network: Network, internet: Internet, up: bool
) -> Session:
    if up:
        learned = internet.learned[speaker.host]
        imported = sum(any(told.session == one.name for told in paths) for paths in learned.values())
        return Session(one, "up", "Established", "", imported, internet.exported.get((speaker.host, one.name), 0))
    if shadowed(speaker.sessions, one):
        return Session(one, "start", "Idle")
    if speaker.trouble.port:
        return Session(one, "start", "Idle", "Error: No listening socket")
    if one.passive:
        return Session(one, "start", "Passive")
    if not _bound(speaker, one):
        return Session(one, "start", "Active", "Socket: Connection closed")
    arrival: Arrival = network.send(speaker.host, one.peer)
    other = speakers.get(arrival.host)
    back = next((each for each in other.sessions if each.peer == one.own), None) if other is not None else None
    if other is not None and "bgp" in speaker.trouble.dropped | other.trouble.dropped:
        return Session(one, "start", "Connect")
    if back is not None and back.password != one.password:  # its kernel drops what is not signed as it expects
        return Session(one, "start", "Connect")
    if other is not None and (other.trouble.port or one.port != other.port):
        return Session(one, "start", "Active", "Socket: Connection refused")
    if back is not None and (one.own_as, one.peer_as) != (back.peer_as, back.own_as):
        return Session(one, "start", "Idle", "BGP Error: Bad peer AS")
    if other is not None and other.host != speaker.host:
        return Session(one, "start", "Active", "Socket: Connection closed")
    if arrival.host:
        return Session(one, "start", "Active", "Socket: Connection refused")
    error = "Network is unreachable" if arrival.why == "no route" else "No route to host"
    return Session(one, "start", "Active", f"Socket: {error}")
