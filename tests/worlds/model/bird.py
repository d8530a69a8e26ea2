"""BIRD on all hosts: which sessions come up, what is told over them, what is best (proto/bgp of BIRD 1.6.8).

Everything is told to everybody over and over until nothing new comes: a settled state, without timers.
"""

from collections.abc import Iterable, Iterator, Mapping

from tests.worlds.model.confd import Configured, advertises, into_kernel, own_blocks
from tests.worlds.model.felix import IPIP
from tests.worlds.model.kernel import BIRD, KERNEL, Tables
from tests.worlds.model.peering import EXPORT, IMPORT
from tests.worlds.model.routers import made_by_router, told_by_router
from tests.worlds.model.told import Speaker, Told, Up, passed_on
from tests.worlds.model.values import IPAddress, IPNetwork, KernelRoute, World, within

_MOST_ROUNDS = 12


class Internet:
    """All BIRDs of one family; `up` are the sessions of each host that are established."""

    def __init__(self, world: World, speakers: Mapping[str, Speaker], up: Mapping[str, tuple[Up, ...]]) -> None:
        self._world = world
        self._speakers = speakers
        self._up = up
        self._filters = {one.name: one for one in world.bgp.filters}
        self._blocks = {name: own_blocks(world, one.node.name, one.version) for name, one in speakers.items()}
        self._clients = {name: {(up.own.name, up.back.own) for up in ups if up.own.reflect} for name, ups in up.items()}
        self._let_out: dict[str, dict[IPNetwork, bool]] = {name: {} for name in speakers}
        self.learned: dict[str, dict[IPNetwork, tuple[Told, ...]]] = {name: {} for name in speakers}
        self.exported: dict[tuple[str, str], int] = {}
        self._settle()

    def _settle(self) -> None:
        """Who has learned something new tells it; until nobody has."""
        made = {name: tuple(self._made(one)) for name, one in self._speakers.items()}
        said: dict[tuple[str, str], list[Told]] = {}
        new = set(self._speakers)
        for _ in range(_MOST_ROUNDS):
            heard: dict[str, dict[tuple[IPNetwork, str, IPAddress, str], Told]] = {name: {} for name in self._speakers}
            for name, ups in self._up.items():
                for one in ups:
                    session = name, one.own.name
                    if name in new:
                        said[session] = list(self._tells(name, one, made[name]))
                        self.exported[session] = len({found.prefix for found in said[session]})
                    for found in said[session]:
                        if found.maker != one.host and self._takes(one, found):
                            key = (found.prefix, found.session, found.next_hop, found.maker)
                            known = heard[one.host].get(key)
                            if known is None or found.reflected < known.reflected:
                                heard[one.host][key] = found
            learned = {name: _by_prefix(found.values()) for name, found in heard.items()}
            new = {name for name, found in learned.items() if found != self.learned[name]}
            if not new:
                return
            self.learned = learned

    def _takes(self, up: Up, found: Told) -> bool:
        """Whether the other end takes a route: its own AS is not in the path, and no filter rejects it."""
        looped = found.passed.count(up.own.peer_as) > up.back.allowed
        return not looped and (
            not up.back.filters or self._verdict(up.back, IMPORT, found.prefix, remote=True) is not False
        )

    def _verdict(self, one: Configured, direction: str, prefix: IPNetwork, *, remote: bool) -> bool | None:
        """What the BGPFilters of a session do with a route: the first that decides."""
        named = (self._filters[name] for name in one.filters if name in self._filters)
        verdicts = (each.verdict(direction, prefix, remote=remote) for each in named)
        return next((verdict for verdict in verdicts if verdict is not None), None)

    def _made(self, speaker: Speaker) -> Iterator[Told]:
        """What a host has of itself: its blocks, its networks, and the routes that somebody wrote into its kernel."""
        own = speaker.node.registered(speaker.version)
        if speaker.router is not None or own is None:
            yield from made_by_router(self._world, speaker)
            return
        short = {cidr for cidr, _ in self._blocks[speaker.host] if cidr.prefixlen < cidr.max_prefixlen}
        short |= self._services(speaker.version)
        if "static1" in speaker.trouble.switched_off:
            short = set()
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
            route = learned.get(prefix)
            foreign = route if prefix not in short | direct else None
            via = foreign.via if foreign is not None and not self._world.release.v2 else None
            metric = min(foreign.metric, usual) if foreign is not None else usual
            tunnel = foreign is not None and foreign.device.endswith((".cali", ".calico"))
            yield Told(prefix, via or own.ip, speaker.host, metric=metric, tunnel=tunnel)

    def _tells(self, name: str, up: Up, made: tuple[Told, ...]) -> Iterator[Told]:
        """What a host tells one of its peers."""
        own, speaker = up.own, self._speakers[name]
        if speaker.recovers:
            return  # nor does it write anything (nest/proto.c)
        if speaker.router is not None:
            best = {prefix: _best(paths)[0] for prefix, paths in self.learned[name].items()}
            yield from told_by_router(self._world, speaker, up, made, best)
            return
        internal = own.own_as == own.peer_as
        keeps = own.next_hop == "Keep" or (internal and own.next_hop != "Self")
        for one in made:
            if self._lets_out(name, own, one) and not (internal and one.tunnel):
                yield passed_on(self._world, one, up, one.next_hop if keeps else own.own)
        seen = {one.prefix for one in made}
        for prefix, paths in self.learned[name].items():
            others = [one for one in paths if one.session != own.name and self._passes_on(name, one, own)]
            if others and prefix not in seen and self._lets_out(name, own, paths[0]):
                for one in others:
                    reflected = one.reflected + (one.internal and internal)
                    yield passed_on(self._world, one, up, one.next_hop if keeps else own.own, reflected)

    def _lets_out(self, name: str, own: Configured, one: Told) -> bool:
        """By the filters of the session, else by what confd writes for all of them."""
        verdict = self._verdict(own, EXPORT, one.prefix, remote=bool(one.session)) if own.filters else None
        if verdict is not None:
            return verdict
        known = self._let_out[name]
        if (lets := known.get(one.prefix)) is None:
            lets = known[one.prefix] = advertises(self._world, self._blocks[name], one.prefix)
        return lets

    def _services(self, version: int) -> set[IPNetwork]:
        """The service addresses that every node advertises: BIRD has blackholes for them."""
        return {one for one in self._world.bgp.services if one.version == version}

    def _passes_on(self, name: str, one: Told, towards: Configured) -> bool:
        """Whether a peer is told of what another one told. A reflector passes an internal route on to internal peers:
        from a client to all, from others to clients."""
        if not one.internal or towards.own_as != towards.peer_as:
            return True
        return one.reflected < 4 and (towards.reflect or (one.session, one.sender) in self._clients[name])

    def best(self, name: str) -> dict[IPNetwork, tuple[Told, ...]]:
        """The best routes of a host; several where they are equally good (merge paths)."""
        speaker = self._speakers[name]
        own = {cidr for cidr, _ in self._blocks[name] if cidr.prefixlen < cidr.max_prefixlen}
        own |= _direct(speaker) | self._services(speaker.version)
        return {prefix: _best(paths) for prefix, paths in self.learned[name].items() if prefix not in own}

    def told(self, address: IPAddress, names: list[str]) -> str | None:
        """The host to which the first of these routers that knows a way sends packets to an address."""
        for name in names:
            around = [prefix for prefix in self.learned.get(name, {}) if address in prefix]
            if around:
                longest = max(around, key=lambda one: one.prefixlen)
                return _best(self.learned[name][longest])[0].maker
        return None

    def kernel_routes(self, name: str) -> Iterator[KernelRoute]:
        """What BIRD of a host writes into the kernel."""
        speaker = self._speakers[name]
        metric = self._world.release.metric
        own_metric = 0 if speaker.version == 4 else 1024
        taken = {(one.prefix, one.metric) for one in speaker.tables.routes if one.table == 254}
        for cidr, _ in self._blocks[name] if "static1" not in speaker.trouble.switched_off else ():
            if cidr.prefixlen < cidr.max_prefixlen and into_kernel(
                self._world, speaker.node, cidr, cidr.network_address
            ):
                yield KernelRoute(cidr, kind="blackhole", protocol=BIRD, metric=own_metric)
        for one in self._services(speaker.version) if "static1" not in speaker.trouble.switched_off else ():
            if into_kernel(self._world, speaker.node, one, one.network_address):
                yield KernelRoute(one, kind="blackhole", protocol=BIRD, metric=own_metric)
        best = self.best(name)
        outside = [prefix for prefix in best if not any(within(prefix, pool.cidr) for pool in self._world.pools)]
        for prefix, told in best.items():
            hops = dict.fromkeys(filter(None, (self._hop(speaker, one, outside) for one in told)))
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

    def _hop(self, speaker: Speaker, one: Told, outside: list[IPNetwork]) -> tuple[IPAddress, str, bool] | None:
        """The next hop as BIRD finds it: its networks, then the routes that it learned from the kernel."""
        route = _seen(speaker).in_table(one.next_hop, 254)
        if route is None or route.kind != "unicast" or route.device == IPIP:
            return None
        if any(one.next_hop in prefix and prefix.prefixlen >= route.prefix.prefixlen for prefix in outside):
            return None  # "Next hop address resolvable through recursive route" (nest/rt-table.c)
        tunnel = speaker.version == 4 and self._into_kernel(speaker, one) == IPIP
        if tunnel and any(device.name == IPIP and device.up for device in speaker.devices):
            return one.next_hop, IPIP, True
        return route.via or one.next_hop, route.device, False


def _seen(speaker: Speaker) -> Tables:
    """The tables without the networks of the links that BIRD takes for down."""
    unseen = speaker.trouble.unseen
    if not unseen:
        return speaker.tables
    return Tables(tuple(one for one in speaker.tables.routes if one.device not in unseen or one.protocol != KERNEL))


def _direct(speaker: Speaker) -> set[IPNetwork]:
    """What BIRD has from its protocol direct1."""
    return {
        held.network
        for device in speaker.devices
        if device.up and not device.name.startswith(("cali", "kube-ipvs")) and not device.loopback
        for held in device.addresses
        if held.version == speaker.version
    }


def _by_prefix(found: Iterable[Told]) -> dict[IPNetwork, tuple[Told, ...]]:
    prefixes: dict[IPNetwork, list[Told]] = {}
    for one in found:
        prefixes.setdefault(one.prefix, []).append(one)
    return {prefix: tuple(sorted(told, key=_in_order)) for prefix, told in prefixes.items()}


def _in_order(one: Told) -> tuple[int, str, str]:
    return int(one.next_hop), one.maker, one.session


def _best(paths: tuple[Told, ...]) -> tuple[Told, ...]:
    """The highest local preference, which stands for the metric; shortest AS path; external before internal."""
    rank = min((one.metric, len(one.passed), one.internal) for one in paths)
    return tuple(one for one in paths if (one.metric, len(one.passed), one.internal) == rank)


__all__ = ["Internet"]
