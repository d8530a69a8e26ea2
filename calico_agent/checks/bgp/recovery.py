"""BIRD on its way back from a start: what it has not written yet, and whom it waits for.

calico/node starts BIRD with -R: it takes its start for the end of a graceful restart. Until every session has sent all
of its routes, it writes no route into the kernel, not even the blackholes of its own blocks, and advertises nothing
(nest/proto.c of BIRD 1.6). Routes of before stay (`persist`), so a restart harms nobody. But a host whose BIRD comes up
for the first time, or after a boot, has none; and one peer that can never come up holds it for the whole wait, 240 s.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from calico_agent.checks.commands import birdcl
from calico_agent.checks.identity.suspects import staying
from calico_agent.checks.sentences import in_family
from calico_agent.expected.peer_endpoints import node_at
from calico_agent.expected.view import STARTING, View
from calico_agent.faults.bgp.sessions import BGP_RECOVERING
from calico_agent.faults.routes.host_routes import RT_BORROWED_MISSING
from calico_agent.faults.routes.table import RT_BLACKHOLE, RT_BLACKHOLE_MISSING, RT_ECMP, RT_MISSING, RT_WRONG_NEXTHOP
from calico_agent.model.calico.bird import Bird
from calico_agent.model.finding import Finding, Severity, Writer
from calico_agent.model.network.address import Family
from calico_agent.model.recency import ARRIVING, is_within
from calico_agent.text import listed

# What BIRD would put right by writing its routes.
_UNWRITTEN = frozenset({RT_MISSING, RT_BORROWED_MISSING, RT_BLACKHOLE_MISSING, RT_BLACKHOLE, RT_WRONG_NEXTHOP, RT_ECMP})
_WHOLE_WAIT = 240


def just_recovering(bird: Bird) -> bool:
    """True if BIRD came up so recently that sessions are still expected to come."""
    waited = bird.recovery_seconds
    return bird.graceful_restart and (waited is None or waited < STARTING.total_seconds())


def with_those_that_come(view: View, routes: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings about the table; those are `early` that end by themselves when sessions that just came up did
    so.

    While BIRD here recovers it has not written anything; and so soon after a session came up, the peer itself may still
    recover and have advertised nothing.
    """
    found = tuple(routes)
    if not any(one.fault in _UNWRITTEN for one in found):
        return found
    recovering, young, peers = set(), set(), set()
    for family, bird in view.daemons():
        for session in bird.sessions if isinstance(bird, Bird) else ():
            name = (family, node_at(view, session.peer))
            peers.add(name)
            if session.established and is_within(session.since_at, view.observation.at, ARRIVING):
                young.add(name)
        if isinstance(bird, Bird) and bird.graceful_restart:
            recovering.add(family)

    def comes(one: Finding) -> bool:
        if one.fault not in _UNWRITTEN or one.prefix is None or not _may_be_birds(one):
            return False
        family = Family(one.prefix.version)
        if family in recovering:
            return True
        name = (family, one.node)
        # A node without a session of its own is heard of through others.
        return one.node != view.me and (name in young if name in peers else any(each == family for each, _ in young))

    return tuple(replace(one, early=True) if comes(one) else one for one in found)


def is_young(bird: Bird) -> bool:
    """True if BIRD may still be on the usual way through its start."""
    waited = bird.recovery_seconds
    return bird.graceful_restart and waited is not None and waited < ARRIVING.total_seconds()


def find_recovery(view: View, routes: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the daemons whose recovery keeps routes from the kernel. `routes` are the findings about the table."""
    unwritten = [one for one in routes if one.fault in _UNWRITTEN and one.prefix is not None and _may_be_birds(one)]
    for family, bird in view.daemons():
        held = [one for one in unwritten if one.prefix is not None and one.prefix.version == family]
        if isinstance(bird, Bird) and bird.graceful_restart and held:
            yield _recovery(view, family, bird, max(one.severity for one in held))


def _may_be_birds(one: Finding) -> bool:
    return one.writer is not Writer.FELIX


def _recovery(view: View, family: Family, bird: Bird, severity: Severity) -> Finding:
    awaited = awaited_nodes(view, family, bird)
    whom = listed(awaited) if awaited else "its peers"
    left = f", up to {bird.recovery_left} s more" if bird.recovery_left is not None else ""
    name = "BIRD" if family is Family.IPV4 else "BIRD for IPv6"
    return BGP_RECOVERING.finding(
        in_family(awaited[0] if awaited else view.me, family),
        f"{name} here was started and waits for {whom} before it writes any route{left}",
        why="BIRD: Graceful restart recovery in progress"
        + (f"; waited {bird.recovery_seconds} s" if bird.recovery_seconds is not None else ""),
        effect="routes that are not there yet do not come, and this host advertises nothing, until then",
        cure=f"it ends by itself; at once when calico/node on {whom} is right"
        if awaited
        else f"it ends by itself; {birdcl(view, family)} show protocols",
        node=awaited[0] if awaited else view.me,
        family=family,
        severity=severity,
        early=is_young(bird),
    )


def awaited_nodes(view: View, family: Family, bird: Bird) -> tuple[str, ...]:
    """Return the nodes whose sessions BIRD waits for: first those that can never come, as their address leads back
    here.
    """
    addresses = {session.peer for session in bird.sessions if session.awaited and not session.established}
    nodes = [
        node
        for node in (view.cluster.datastore.nodes if view.cluster else ())
        if node.name != view.local.name and (found := node.registered(family)) is not None and found.ip in addresses
    ]
    never = staying(view, family)
    return tuple(sorted((node.name for node in nodes), key=lambda name: name not in never))


def elsewhere(view: View, family: Family, node: str) -> str:
    """Return why another node's BIRD may say nothing yet, as the end of a sentence; empty when no reason is known.

    What keeps every BIRD of the cluster waiting is a node that is registered with an address that leads nowhere.
    """
    never = tuple(sorted(staying(view, family) - {node}))
    if not never:
        return ""
    return f"; if BIRD there was just started, it waits up to {_WHOLE_WAIT} s for {listed(never)}, which cannot come up"
