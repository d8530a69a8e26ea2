"""Where a packet gets to: from table to table and wire to wire, with the tunnels that are on the way."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.worlds.model.bird import Internet
from tests.worlds.model.felix import IPIP, Entry
from tests.worlds.model.kernel import Device, Tables, holder, source_towards
from tests.worlds.model.values import Host, IPAddress, KernelRoute, World, network_of
from tests.worlds.model.wireguard import peer_of

_MOST_HOPS = 12


@dataclass(frozen=True, slots=True)
class Machine:
    """A host with all that its kernel has."""

    host: Host
    name: str
    devices: tuple[Device, ...]
    tables: Tables
    neighbours: tuple[Entry, ...] = ()
    forwarding: tuple[Entry, ...] = ()

    def device(self, name: str) -> Device | None:
        return next((one for one in self.devices if one.name == name), None)

    def way(self, address: IPAddress) -> tuple[KernelRoute | None, IPAddress | None]:
        """The route to an address with the source address of a packet that is not bound."""
        if holder(self.devices, address) is not None:
            return None, address
        route = self.tables.look_up(address)
        if route is None or route.kind != "unicast":
            return route, None
        return route, source_towards(self.devices, route, address)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a packet ended: at a host (`pod` is the link into which it went, empty for the host itself), or why not."""

    host: str = ""
    pod: str = ""
    why: str = ""


class Network:
    """All machines on their wires. `internets`: what routers know that speak BGP; the others know all pods."""

    def __init__(
        self, world: World, machines: tuple[Machine, ...], internets: Mapping[int, Internet] | None = None
    ) -> None:
        self._world = world
        self._internets = internets or {}
        self._machines = {one.host.hostname: one for one in machines}
        self._on_wire: dict[tuple[str, IPAddress], str] = {}
        self._announced: dict[IPAddress, str] = {}
        for machine in machines:
            # An answer comes over any link of a host that is on the wire (arp_ignore is 0).
            on = {one.segment for one in machine.devices if one.segment and one.up and one.carrier}
            for device in machine.devices:
                for address in (one.ip for one in device.addresses):
                    if device.announced:
                        self._announced.setdefault(address, machine.host.hostname)
                    for segment in on if device.up else ():
                        self._on_wire.setdefault((segment, address), machine.host.hostname)

    def send(self, hostname: str, address: IPAddress, hops: int = _MOST_HOPS) -> Arrival:
        """What becomes of a packet of a host to an address."""
        if hops == 0:
            return Arrival(why="it goes round in a circle")
        if hostname not in self._machines:
            return self._by_router(address, hops)
        machine = self._machines[hostname]
        if holder(machine.devices, address) is not None:
            return Arrival(hostname)
        route = machine.tables.look_up(address)
        if route is None:
            return Arrival(why="no route")
        if route.kind != "unicast":
            return Arrival(why=route.kind)
        device = machine.device(route.device)
        if device is None or not device.up:
            return Arrival(why=f"{route.device} is down")
        if device.kind in {"ipip", "vxlan", "wireguard"}:
            return self._through_tunnel(machine, device, route, address, hops)
        if device.segment:
            return self._over_wire(hostname, device.segment, route.via or address, address, hops)
        if any(pod.link == route.device for pod in machine.host.pods):
            return Arrival(hostname, route.device)
        return Arrival(why=f"nothing is behind {route.device}")

    def _over_wire(self, sender: str, segment: str, next_hop: IPAddress, address: IPAddress, hops: int) -> Arrival:
        target = self._on_wire.get((segment, next_hop))
        if target is not None and target != sender:
            return self.send(target, address, hops - 1)
        wire = next(one for one in self._world.segments if one.name == segment)
        network = wire.network(next_hop.version)
        if network is None or next_hop != network.network_address + 1:
            return Arrival(why=f"nobody has {next_hop} on {segment}")
        return self._by_router(address, hops)

    def _by_router(self, address: IPAddress, hops: int) -> Arrival:
        """The routers know all wires and what is announced to them, blocks too."""
        for wire in self._world.segments:
            network = wire.network(address.version)
            if network is not None and address in network:
                if address == network.network_address + 1:
                    return Arrival(f"router {wire.name}")
                target = self._on_wire.get((wire.name, address))
                return self.send(target, address, hops - 1) if target else Arrival(why=f"nobody has {address}")
        if (target := self._announced.get(address) or self._host_of(address)) is not None:
            return self.send(target, address, hops - 1)
        return Arrival(why=f"the router knows no way to {address}")

    def _host_of(self, address: IPAddress) -> str | None:
        """The host to which the routers send for a pod."""
        if self._world.routers and self._internets:
            return self._internets[address.version].told(address, [one.name for one in self._world.routers])
        for block in self._world.blocks:
            if block.cidr.version == address.version and address in block.cidr:
                if block.owner is None and self._world.pool_of(block.cidr) is None:
                    return None
                ordinal = int(address) - int(block.cidr.network_address)
                user = next((one.node for one in block.given if one.ordinal == ordinal), block.owner)
                return next((one.host.hostname for one in self._machines.values() if one.name == user), None)
        return None

    def _through_tunnel(
        self, machine: Machine, device: Device, route: KernelRoute, address: IPAddress, hops: int
    ) -> Arrival:
        outer = route.via or address
        if device.kind == "wireguard":
            peer = peer_of(self._world, address)
            end = peer.registered(address.version) if peer is not None else None
            if end is None:
                return Arrival(why=f"nobody is allowed {address} in WireGuard")
            outer = end.ip
        if device.kind == "vxlan":
            known = next((one for one in machine.neighbours if (one.device, one.address) == (device.name, outer)), None)
            entry = next(
                (one for one in machine.forwarding if known and one.mac == known.mac and one.device == device.name),
                None,
            )
            if entry is None:
                return Arrival(why=f"{device.name} does not know {outer}")
            outer = entry.address
        arrival = self.send(machine.host.hostname, outer, hops - 1)
        there = self._machines.get(arrival.host)
        if there is None or arrival.pod:
            return Arrival(why=f"the tunnel to {outer} does not arrive: {arrival.why}")
        other = there.device(device.name)
        if other is None or not other.up or there.host.hostname == machine.host.hostname:
            return Arrival(why=f"no tunnel ends at {outer}")
        if device.kind == "ipip" and not self._takes_ipip(machine, outer):
            return Arrival(why=f"Felix at {outer} takes no IPIP from there")
        return self.send(arrival.host, address, hops - 1)

    def _takes_ipip(self, machine: Machine, outer: IPAddress) -> bool:
        """Felix lets IPIP in from the registered addresses of nodes only."""
        _, source = machine.way(outer)
        return any(one.ipv4 is not None and one.ipv4.ip == source for one in self._world.nodes)


__all__ = ["IPIP", "Arrival", "Machine", "Network", "network_of"]
