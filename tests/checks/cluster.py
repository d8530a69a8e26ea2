"""A healthy cluster of three hosts as values, seen from host1, and the means to break it.

The same shape as the recording `healthy`: hosts 10.77.0.11 to .13 on eth0, Docker's bridge with 172.17.0.1 on each, one
block each, no encapsulation. A case changes what it is about with `dataclasses.replace` and asks `codes_of`.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network

from calico_agent.checks.assessment import assess
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.calico.node import Affinity, AffinityState, Block, Datastore, Node, Pool
from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.model.container.container import Container, ContainerState, Docker, Mount
from calico_agent.model.container.supervision import Supervising
from calico_agent.model.finding import Finding, Status
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, NameChoice
from calico_agent.model.network.address import Family, IPAddress, Link
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.network.route import NextHop, Route, RouteType
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
NAMES = ("host1", "host2", "host3")
BIRD, FELIX, BOOT, STATIC, KERNEL = 12, 80, 3, 4, 2
DOCKER0 = Candidate(ip_interface("172.17.0.1/16"), "docker0", "docker-network", "belongs to Docker's network 'bridge'")
ETH0 = Candidate(ip_interface("10.77.0.11/24"), "eth0")
POOL = Pool("default", ip_network("192.168.0.0/16"), block_size=26)
BLOCKS = {
    "host1": ip_network("192.168.1.0/26"),
    "host2": ip_network("192.168.2.0/26"),
    "host3": ip_network("192.168.3.0/26"),
}


def v4(text: str) -> IPv4Interface:
    """An IPv4 interface address."""
    return IPv4Interface(text)


def v6(text: str) -> IPv6Interface:
    """An IPv6 interface address."""
    return IPv6Interface(text)


def node(name: str, address: str = "") -> Node:
    """A node record; host2 is 10.77.0.12/24."""
    return Node(name, ipv4=v4(address or f"10.77.0.1{name[-1]}/24"))


def block(name: str, cidr: str = "") -> Block:
    """A block of a node."""
    return Block(ip_network(cidr) if cidr else BLOCKS[name], owner=name)


def claim(name: str, cidr: str = "", state: AffinityState = AffinityState.CONFIRMED) -> Affinity:
    """A node's claim on a block."""
    return Affinity(name, ip_network(cidr) if cidr else BLOCKS[name], state)


def via(prefix: str, gateway: str | None, device: str = "eth0", protocol: int = BIRD, metric: int = 0) -> Route:
    """A unicast route."""
    hop = NextHop(ip_address(gateway) if gateway else None, device, onlink=device != "eth0")
    return Route(ip_network(prefix), next_hops=(hop,), protocol=protocol, metric=metric)


def drop(prefix: str, kind: RouteType = RouteType.BLACKHOLE, protocol: int = BIRD) -> Route:
    """A route that drops."""
    return Route(ip_network(prefix), kind, protocol=protocol)


def session(peer: str, state: str = "Established", error: str = "", kind: PeerKind = PeerKind.MESH) -> Session:
    """A BGP session."""
    return Session(
        name=f"Mesh_{peer.replace('.', '_').replace(':', '_')}",
        kind=kind,
        peer=ip_address(peer),
        protocol_state="up" if state == "Established" else "start",
        bgp_state=state,
        last_error=error,
        imported=1 if state == "Established" else None,
    )


DATASTORE = Datastore(
    nodes=tuple(map(node, NAMES)),
    pools=(POOL,),
    blocks=tuple(map(block, NAMES)),
    affinities=tuple(map(claim, NAMES)),
    revision=7,
    read_at=AT,
)
ROUTES = (
    via("0.0.0.0/0", "10.77.0.1", protocol=BOOT),
    via("10.77.0.0/24", None, protocol=KERNEL),
    via("172.17.0.0/16", None, "docker0", protocol=KERNEL),
    drop("192.168.1.0/26"),
    via("192.168.1.5/32", None, "cali1", protocol=BOOT),
    via("192.168.2.0/26", "10.77.0.12"),
    via("192.168.3.0/26", "10.77.0.13"),
)
SESSIONS = (session("10.77.0.12"), session("10.77.0.13"))
BIRD4 = Bird(Family.IPV4, "1.6.8", last_reconfiguration="2026-11-23 00:30:00", sessions=SESSIONS)
CONTAINER = Container(
    id="c1",
    name="calico-node",
    image="calico/node:v3.31.7",
    state=ContainerState.RUNNING,
    started_at=AT - timedelta(hours=1),
    mounts=(Mount("/var/lib/calico", "/var/lib/calico"),),
)
HEALTHY = Observation(
    at=AT,
    host=Host("host1", nodename_file="host1"),
    kernel=Kernel(fib=Fib.of(ROUTES)),
    docker=Docker(containers=(CONTAINER,)),
    datastore=DATASTORE,
    bird=BIRD4,
)
IDENTITY = Identity(
    name=NameChoice("host1", "host name"),
    ipv4=AddressChoice(
        Family.IPV4, chosen=ip_interface("10.77.0.11/24"), link="eth0", rule="other nodes", candidates=(ETH0, DOCKER0)
    ),
    ipv6=AddressChoice(Family.IPV6, wanted=False),
)


def routed(*changed: Route, without: Iterable[str] = (), base: tuple[Route, ...] = ROUTES) -> Observation:
    """The healthy host with these routes instead of those for the same prefixes, and without some."""
    gone = {ip_network(prefix) for prefix in without} | {route.prefix for route in changed}
    kept = (route for route in base if route.prefix not in gone)
    return replace(HEALTHY, kernel=Kernel(fib=Fib.of((*kept, *changed))))


def also(observation: Observation, *routes: Route, links: tuple[Link, ...] = ()) -> Observation:
    """An observation with more routes, and with these links."""
    assert isinstance(observation.kernel, Kernel)
    fib = Fib.of((*observation.kernel.fib.routes, *routes))
    return replace(observation, kernel=replace(observation.kernel, fib=fib, links=links))


def stored(observation: Observation = HEALTHY, **changes: object) -> Observation:
    """An observation with other records in the datastore."""
    assert isinstance(observation.datastore, Datastore)
    return replace(observation, datastore=replace(observation.datastore, **changes))  # type: ignore[arg-type]


def contained(observation: Observation = HEALTHY, **changes: object) -> Observation:
    """An observation whose container differs."""
    return replace(observation, docker=Docker(containers=(replace(CONTAINER, **changes),)))  # type: ignore[arg-type]


def peered(*sessions: Session, observation: Observation = HEALTHY, **changes: object) -> Observation:
    """An observation with these BGP sessions."""
    bird = replace(BIRD4, sessions=sessions, **changes)  # type: ignore[arg-type]
    return replace(observation, bird=bird)


def with_neighbours(observation: Observation, *neighbours: Neighbour) -> Observation:
    """An observation with these neighbour entries."""
    assert isinstance(observation.kernel, Kernel)
    return replace(observation, kernel=replace(observation.kernel, neighbours=neighbours, fdb=()))


def look(
    observation: Observation,
    identity: Identity = IDENTITY,
    mode: Mode = Mode.OBSERVE,
    supervising: Supervising | None = None,
) -> Assessment:
    """The assessment of an observation."""
    return assess(observation, identity, mode=mode, supervising=supervising)


def problems_of(
    observation: Observation,
    identity: Identity = IDENTITY,
    mode: Mode = Mode.OBSERVE,
    supervising: Supervising | None = None,
) -> dict[str, set[str]]:
    """Each problem as `CODE subject`, with its consequences in the same form."""
    return {
        _short(problem.cause): {_short(one) for one in problem.consequences}
        for problem in look(observation, identity, mode, supervising).problems
    }


def findings_of(
    observation: Observation,
    identity: Identity = IDENTITY,
    mode: Mode = Mode.OBSERVE,
    supervising: Supervising | None = None,
) -> list[Finding]:
    """All findings, causes first."""
    problems = look(observation, identity, mode, supervising).problems
    return [one for problem in problems for one in (problem.cause, *problem.consequences)]


def statuses_of(
    observation: Observation,
    identity: Identity = IDENTITY,
    mode: Mode = Mode.OBSERVE,
    supervising: Supervising | None = None,
) -> dict[str, Status]:
    """The conditions that are not True."""
    conditions = look(observation, identity, mode, supervising).conditions
    return {condition.type.value: condition.status for condition in conditions if condition.status is not Status.TRUE}


def addresses(*texts: str) -> tuple[IPAddress, ...]:
    """Several addresses."""
    return tuple(map(ip_address, texts))


def knocks(*texts: str, times: int = 4, ago: float = 1.0) -> tuple[Knocks, ...]:
    """Hosts with these addresses dialled so often, every three seconds, and the last time so many seconds ago."""
    at = tuple(AT - timedelta(seconds=ago + 3 * number) for number in reversed(range(times)))
    return tuple(Knocks(address, at) for address in addresses(*texts))


def _short(finding: Finding) -> str:
    return f"{finding.code} {finding.subject}"
