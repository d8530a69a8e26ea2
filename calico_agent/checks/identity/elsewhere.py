"""Other nodes that are not at the address with which they are registered, or at whose address another machine is.

Calico keeps what was once registered: a machine that was made anew with another address, started with IP empty, goes on
under the old one (node/pkg/lifecycle/startup/startup.go@v3.32.1). BIRD there cannot use an address that it does not
have, so no session comes up; or Docker's masquerading gives its connections the right source, which nobody expects.

What tells the true address: the agent there; since v3.31 the node's own record of its links (`spec.interfaces`;
those of loopback and dummy links are left out, so only another address of the registered network counts, and several
only while the session is down); or who knocks on BIRD here. None of it counts against a session that is up, but that
another machine's agent has that address.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from calico_agent.checks.commands import started_anew_on
from calico_agent.checks.identity.suspects import staying
from calico_agent.checks.knocking import knocking, routers
from calico_agent.checks.sentences import in_family
from calico_agent.expected.agents import machine_of, machines
from calico_agent.expected.peer_endpoints import all_sessions
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_ELSEWHERE
from calico_agent.faults.node.names import NAME_TWICE
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import ConditionType, Finding
from calico_agent.model.host.claimant import Machine
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPInterface, IPNetwork
from calico_agent.model.recency import SETTLING, is_within
from calico_agent.text import listed

# The first addresses of the networks that Docker takes by itself (its `default-address-pools`).
_DOCKERS = frozenset(
    network.network_address + 1
    for network in (
        *(ip_network(f"172.{number}.0.0/16") for number in range(17, 32)),
        *ip_network("192.168.0.0/16").subnets(new_prefix=20),
    )
)


class There(NamedTuple):
    """The true address of a node, and what tells it; or it is one of several."""

    addresses: tuple[IPAddress, ...]
    evidence: str
    probably: bool = False


class _Seen(NamedTuple):
    """What this host sees of its peers: the addresses whose session is down, and who knocks and is no router.

    `alone` are those of the first that are the only ones of their family.
    """

    down: frozenset[IPAddress]
    alone: frozenset[IPAddress]
    strangers: Mapping[Family, tuple[IPAddress, ...]]


def find_elsewhere(view: View) -> Iterator[Finding]:
    """Yield nodes whose record has another address than they have, as far as this host can tell."""
    if view.cluster is not None and view.local.name is not None:
        yield from _taken(view)
        for (name, family), there in true_addresses(view).items():
            registered = view.cluster.nodes[name].registered(family)
            if registered is not None:
                yield _elsewhere(view, name, registered, there)


def true_addresses(view: View) -> Mapping[tuple[str, Family], There]:
    """Return by name and family, the other nodes that are elsewhere than they are registered, and where."""
    if view.cluster is None or view.local.name is None:
        return {}
    peers = all_sessions(view)
    up = {session.peer for session in peers if session.established}
    settling = {one.peer for one in peers if is_within(one.since_at, view.observation.at, SETTLING)}
    down = frozenset() if view.starting else frozenset(session.peer for session in peers) - up - settling
    versions = Counter(peer.version for peer in down)
    alone = frozenset(peer for peer in down if versions[peer.version] == 1)
    seen = _Seen(down, alone, _strangers(view))
    suspects = {*_unlisted(view.cluster.datastore.nodes)}
    suspects |= {(name, Family(peer.version)) for peer in down for name in view.cluster.holders.get(peer, ())}
    here = {family: staying(view, family) for family in Family}
    found: dict[tuple[str, Family], There] = {}
    for name, family in sorted(suspects):
        node = view.cluster.nodes[name]
        registered = node.registered(family)
        if registered is None or registered.ip in up or name == view.local.name or name in here[family]:
            continue
        if there := _there(view, node, registered, seen):
            found[name, family] = there
    return found


def _strangers(view: View) -> Mapping[Family, tuple[IPAddress, ...]]:
    """Who knocks and is no router."""
    found = knocking(view)
    gateways = routers(view) if found else frozenset()
    return {family: tuple(one for one in found if one.version == family and one not in gateways) for family in Family}


@LastValueCache
def _unlisted(nodes: tuple[Node, ...]) -> tuple[tuple[str, Family], ...]:
    """The nodes that do not list their registered address, but another one of its network."""
    return tuple(
        (node.name, Family(registered.version))
        for node in nodes
        if node.interfaces
        for registered in (node.ipv4, node.ipv6)
        if registered is not None and _listed_instead(node, registered)
    )


def _listed_instead(node: Node, registered: IPInterface) -> tuple[tuple[IPAddress, str], ...]:
    """The addresses in the registered network, each with its link, that a node lists instead of the registered one."""
    seen = [(address, link) for link, addresses in node.interfaces for address in addresses]
    if any(address == registered.ip for address, _ in seen):
        return ()
    return tuple(
        (address, link) for address, link in seen if address in registered.network and not address.is_link_local
    )


def _there(view: View, node: Node, registered: IPInterface, seen: _Seen) -> There | None:
    machine = machine_of(view, node.name)
    if machine is not None and registered.ip in seen.down and (address := _other(machine, registered)):
        return There((address,), f"its agent says that it has {address}")
    instead = _listed_instead(node, registered)
    if len(instead) != 1:
        if registered.ip not in seen.down:
            return None
        if found := _knocking(view, node, registered, seen) or _beside_docker(node, registered):
            return found
    if instead:
        shown = listed(tuple(f"{address} on {link}" for address, link in instead))
        evidence = f"its own record lists {shown}, and {registered.ip} on no link"
        return There(tuple(address for address, _ in instead), evidence)
    return None


def _beside_docker(node: Node, registered: IPInterface) -> There | None:
    """The one address that a node lists, where it is registered with one that Docker gives to its bridges.

    Those are never listed (DEFAULT_INTERFACES_TO_EXCLUDE of node/pkg/lifecycle/startup/autodetection@v3.32.1).
    """
    known = [
        (address, link)
        for link, addresses in node.interfaces
        for address in addresses
        if address.version == registered.version and not address.is_link_local
    ]
    if registered.ip not in _DOCKERS or len(known) != 1 or known[0][0] == registered.ip:
        return None
    address, link = known[0]
    evidence = f"its own record lists {address} on {link} alone; Docker gives {registered.ip} to bridges of its own"
    return There((address,), evidence, probably=True)


def _other(machine: Machine, registered: IPInterface) -> IPAddress | None:
    """The address that an agent has chosen, where it is another one of the same family."""
    try:
        address = ip_address(machine.address)
    except ValueError:
        return None
    return address if address.version == registered.version and address != registered.ip else None


def _knocking(view: View, node: Node, registered: IPInterface, seen: _Seen) -> There | None:
    """The address of this node from which somebody knocks.

    Its record lists it; or it is on a network of this host, the registered address on none, and both the node without a
    session and the stranger are the only ones. Where the registered address is one of Docker's, it may be far as well.
    """
    family = Family(registered.version)
    strangers = seen.strangers[family]
    log = "a host with that address tries to open a BGP session (calico/node's log here)"
    for stranger in strangers:
        link = next((link for link, addresses in node.interfaces if stranger in addresses), "")
        if link:
            return There((stranger,), f"its own record lists {stranger} on {link}; {log}")
    networks = view.local.networks(family)
    if len(strangers) != 1 or registered.ip not in seen.alone or _is_near(registered.ip, networks):
        return None
    evidence = f"{log}, and only the session with {node.name} is not up"
    if _is_near(strangers[0], networks):
        return There(strangers, evidence, probably=True)
    if registered.ip in _DOCKERS:
        return There(strangers, f"{evidence}; Docker gives {registered.ip} to bridges of its own", probably=True)
    return None


def _is_near(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address in network for network in networks)


def _elsewhere(view: View, name: str, registered: IPInterface, there: There) -> Finding:
    variable, addresses = "IP" if registered.version == 4 else "IP6", listed(tuple(map(str, there.addresses)))
    one_of = "one of " if len(there.addresses) > 1 else ""
    cure = started_anew_on(view, name, f"{variable}={'ADDRESS' if one_of else addresses}")
    return IP_ELSEWHERE.finding(
        in_family(name, registered.version),
        f"node {name} is registered with {registered.ip}, and {'probably ' if there.probably else ''}"
        f"has {one_of}{addresses} instead",
        why=there.evidence,
        effect=(f"no BGP session with {name} can come up, and " if view.local.uses_bird else "")
        + f"packets for the pods of {name} do not get there",
        cure=f"{cure}; ADDRESS is {one_of}{addresses}" if one_of else cure,
        node=name,
        family=registered.version,
        condition=ConditionType.BGP_ESTABLISHED if view.local.uses_bird else ConditionType.ROUTES_IN_PLACE,
    )


def _taken(view: View) -> Iterator[Finding]:
    """Other nodes whose registered address is that of a machine which another node's agent runs on."""
    assert view.cluster is not None
    agents = machines(view)
    at = {machine.address: name for name, machine in agents.items()}
    for name, machine in agents.items():
        node = view.cluster.nodes.get(name) if name != view.local.name else None
        for registered in (node.ipv4, node.ipv6) if node is not None else ():
            if registered is None or _other(machine, registered) is None or view.local.candidate(registered.ip):
                continue
            other = at.get(str(registered.ip))
            shared = len(view.cluster.holders[registered.ip]) > 1  # said by their records
            if other is not None and not shared and not agents[other].is_same(machine):
                yield _two_hosts(name, registered, machine, other, agents[other])


def _two_hosts(name: str, registered: IPInterface, machine: Machine, other: str, taker: Machine) -> Finding:
    where = taker.hostname or other
    return NAME_TWICE.finding(
        name,
        f"calico/node on {where} runs as node {name}, which is another host: node {name} is registered with "
        f"{registered.ip}, the address of {where}",
        why=f"the agent of {name} says that it has {machine.address}, that of {other} that it has {registered.ip}",
        effect=f"packets for the pods of {name} go to {where}, which does not have them",
        cure=f"on {where}: docker rm -f calico-node, then start it again with -e NODENAME={other}; then on "
        f"{machine.hostname or name}: docker restart calico-node, which registers its own address again if it is given "
        "one (IP=)",
        node=name,
        condition=ConditionType.ROUTES_IN_PLACE,
    )
