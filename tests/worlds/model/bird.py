"""BIRD on all hosts: which sessions come up, what is told over them, what is best (proto/bgp of BIRD 1.6.8).

Everything is told to everybody over and over until nothing new comes: a settled state, without timers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tests.worlds.model.confd import Configured, advertises, into_kernel, own_blocks
from tests.worlds.model.felix import IPIP
from tests.worlds.model.kernel import BIRD, BOOT, Device, Tables
from tests.worlds.model.values import IPAddress, IPNetwork, KernelRoute, Node, World

_MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Told:
    """A route as it came over a session. `maker` is the host that has it from nobody, `passed` the ASes it went by."""

    prefix: IPNetwork
    next_hop: IPAddress
    maker: str
    session: str = ""
    sender: IPAddress | None = None
    passed: tuple[int, ...] = ()
    internal: bool = True
    reflected: int = 0
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Speaker:
    """BIRD of one host and family, with what it needs to know."""

    host: str
    node: Node
    version: int
    devices: tuple[Device, ...]
    tables: Tables
    sessions: tuple[Configured, ...]


@dataclass(frozen=True, slots=True)
class Up:
    """A session that is up, from one end."""

    own: Configured
    host: str
    back: Configured


class Internet:
    """All BIRDs of one family; `up` are the sessions of each host that are established."""

    def __init__(self, world: World, speakers: Mapping[str, Speaker], up: Mapping[str, tuple[Up, ...]]) -> None:
        self._world = world
        self._speakers = speakers
        self._up = up
        self._blocks = {name: own_blocks(world, one.node.name, one.version) for name, one in speakers.items()}
        self.learned: dict[str, dict[IPNetwork, tuple[Told, ...]]] = {name: {} for name in speakers}
        self.exported: dict[tuple[str, str], int] = {}
        self._settle()

    def _settle(self) -> None:
        made = {name: tuple(self._made(one)) for name, one in self._speakers.items()}
        for _ in range(_MOST_ROUNDS):
            heard: dict[str, dict[tuple[IPNetwork, str, IPAddress, str], Told]] = {name: {} for name in self._speakers}
            for name, ups in self._up.items():
                for one in ups:
                    told = list(self._tells(name, one, made[name]))
                    self.exported[name, one.own.name] = len({found.prefix for found in told})
                    for found in told:
                        if found.maker != one.host and one.own.peer_as not in found.passed:
                            key = (found.prefix, found.session, found.next_hop, found.maker)
                            heard[one.host].setdefault(key, found)
            learned = {name: _by_prefix(tuple(found.values())) for name, found in heard.items()}
            if learned == self.learned:
                return
            self.learned = learned

    def _made(self, speaker: Speaker) -> Iterator[Told]:
        """What a host tells of itself: its blocks, and of its other routes what the filter lets out."""
        own = speaker.node.registered(speaker.version)
        if own is None:
            return
        blocks = self._blocks[speaker.host]
        short = {cidr for cidr, _ in blocks if cidr.prefixlen < cidr.max_prefixlen}
        learned = {
            route.prefix: route
            for route in speaker.tables.routes
            if route.table == 254
            and route.prefix.version == speaker.version
            and route.protocol not in {2, BIRD}
            and route.kind == "unicast"
        }
        direct = _direct(speaker)
        usual = self._world.release.metric
        for prefix in sorted(short | learned.keys() | direct, key=str):
            if advertises(self._world, blocks, prefix):
                route = learned.get(prefix)
                foreign = route if prefix not in short | direct else None
                via = foreign.via if foreign is not None and not self._world.release.v2 else None
                metric = min(foreign.metric, usual) if foreign is not None else usual
                yield Told(prefix, via or own.ip, speaker.host, metric=metric)

    def _tells(self, name: str, up: Up, made: tuple[Told, ...]) -> Iterator[Told]:
        """What a host tells one of its peers."""
        own = up.own
        internal = own.own_as == own.peer_as
        seen = {one.prefix for one in made}
        for one in made:
            yield self._passed_on(one, up, internal, one.next_hop if internal else own.own)
        for prefix, paths in self.learned[name].items():
            if prefix in seen or not advertises(self._world, self._blocks[name], prefix):
                continue
            for one in paths:
                if one.session == own.name or (one.internal and internal and not self._reflects(name, one, own)):
                    continue
                keeps = internal
                passed = self._passed_on(one, up, internal, one.next_hop if keeps else own.own)
                yield replace(passed, reflected=one.reflected + (one.internal and internal))

    def _reflects(self, name: str, one: Told, towards: Configured) -> bool:
        """Whether a reflector passes an internal route on: from a client to all, from others to clients."""
        origin = next(
            (up.own for up in self._up[name] if up.back.own == one.sender and up.own.name == one.session), None
        )
        return one.reflected < 4 and (towards.reflect or (origin is not None and origin.reflect))

    @staticmethod
    def _passed_on(one: Told, up: Up, internal: bool, next_hop: IPAddress) -> Told:
        passed = one.passed if internal else (up.own.own_as, *one.passed)
        return replace(
            one, next_hop=next_hop, session=up.back.name, sender=up.own.own, passed=passed, internal=internal
        )

    def best(self, name: str) -> dict[IPNetwork, tuple[Told, ...]]:
        """The best routes of a host; several where they are equally good (merge paths)."""
        own = {cidr for cidr, _ in self._blocks[name]} | _direct(self._speakers[name])
        return {prefix: _best(paths) for prefix, paths in self.learned[name].items() if prefix not in own}

    def kernel_routes(self, name: str) -> Iterator[KernelRoute]:
        """What BIRD of a host writes into the kernel."""
        speaker = self._speakers[name]
        metric = self._world.release.metric
        own_metric = 0 if speaker.version == 4 else 1024
        taken = {(one.prefix, one.metric) for one in speaker.tables.routes if one.table == 254}
        for cidr, _ in self._blocks[name]:
            if cidr.prefixlen < cidr.max_prefixlen and into_kernel(
                self._world, speaker.node, cidr, cidr.network_address
            ):
                yield KernelRoute(cidr, kind="blackhole", protocol=BIRD, metric=own_metric)
        for prefix, told in self.best(name).items():
            hops = dict.fromkeys(filter(None, (self._hop(speaker, one) for one in told)))
            most = (told[0].metric if metric else 0) if speaker.version == 4 else 1024
            if not self._into_kernel(speaker, told[0]) or (prefix, most) in taken:
                continue
            if not hops:
                yield KernelRoute(prefix, kind="unreachable", protocol=BIRD, metric=most)
                continue
            (via, device, onlink), *more = hops
            others = tuple((gateway, link) for gateway, link, _ in more)
            yield KernelRoute(prefix, via, device, protocol=BIRD, metric=most, onlink=onlink, more=others)

    def _into_kernel(self, speaker: Speaker, one: Told) -> str:
        return into_kernel(self._world, speaker.node, one.prefix, one.next_hop)

    def _hop(self, speaker: Speaker, one: Told) -> tuple[IPAddress, str, bool] | None:
        """The next hop as BIRD finds it: its networks, then the routes that it learned from the kernel."""
        route = speaker.tables.in_table(one.next_hop, 254)
        if route is None or route.kind != "unicast" or route.device == IPIP:
            return None
        tunnel = speaker.version == 4 and self._into_kernel(speaker, one) == IPIP
        if tunnel and any(device.name == IPIP and device.up for device in speaker.devices):
            return one.next_hop, IPIP, True
        return route.via or one.next_hop, route.device, False


def _direct(speaker: Speaker) -> set[IPNetwork]:
    """What BIRD has from its protocol direct1."""
    return {
        held.network
        for device in speaker.devices
        if device.up and not device.name.startswith(("cali", "kube-ipvs")) and not device.loopback
        for held in device.addresses
        if held.version == speaker.version
    }


def _by_prefix(found: tuple[Told, ...]) -> dict[IPNetwork, tuple[Told, ...]]:
    prefixes: dict[IPNetwork, list[Told]] = {}
    for one in found:
        prefixes.setdefault(one.prefix, []).append(one)
    return {prefix: tuple(sorted(told, key=str)) for prefix, told in prefixes.items()}


def _best(paths: tuple[Told, ...]) -> tuple[Told, ...]:
    """The highest local preference, which stands for the metric; shortest AS path; external before internal."""
    rank = min((one.metric, len(one.passed), one.internal) for one in paths)
    return tuple(one for one in paths if (one.metric, len(one.passed), one.internal) == rank)


__all__ = ["BOOT", "Internet", "Speaker", "Told", "Up"]
