"""BIRD itself, and its peers as a whole."""

from collections.abc import Iterator, Mapping

from calico_agent.checks.bgp.refused_peers import find_knocking
from calico_agent.checks.bgp.second_session import find_second
from calico_agent.checks.bgp.sessions import all_read, find_sessions, matters
from calico_agent.checks.commands import birdcl, logs_here, restart_here, restart_program
from calico_agent.expected.bgp_need import needs_bgp
from calico_agent.expected.bgp_sessions import host_plan
from calico_agent.expected.peer_endpoints import another_holder
from calico_agent.expected.view import View
from calico_agent.faults.bgp.bird import BIRD_DISABLED, BIRD_DOWN, BIRD_HUNG, BIRD_LINK, BIRD_UNREADABLE
from calico_agent.faults.bgp.peering import BGP_NO_PEERS, BGP_PORT
from calico_agent.model.assessment import PeerSession
from calico_agent.model.calico.bird import Bird, Session
from calico_agent.model.container.program import Program
from calico_agent.model.finding import Fault, Finding, Severity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.observation import Unreadable

# What BIRD does not do without each of its own protocols, by the beginning of the name that confd gives it.
_WITHOUT = (
    ("kernel", "BIRD writes no routes into the kernel: those that are there stay, and do not follow the cluster"),
    ("static", "BIRD does not advertise the blocks of this host: no route leads to its pods from other nodes"),
    ("device", "BIRD does not know the links of this host, and finds no way to the next hops of its routes"),
    ("direct", "BIRD does not know the networks of this host, and takes other ways to the next hops of its routes"),
)
_FAULTS = {"absent": BIRD_DOWN, "refused": BIRD_DOWN, "timeout": BIRD_HUNG}
_NOT_LISTENING = "No listening socket"
_SERVICES = {Family.IPV4: "bird", Family.IPV6: "bird6"}


def peer_sessions(view: View) -> tuple[PeerSession, ...]:
    """Return all sessions of all daemons, each with the node it leads to."""
    sessions = tuple(bird.sessions for _, bird in view.daemons() if isinstance(bird, Bird))
    return _peer_sessions(sessions, view.cluster.holders if view.cluster else {}, view.local.name)


@LastValueCache
def _peer_sessions(
    daemons: tuple[tuple[Session, ...], ...], holders: Mapping[IPAddress, tuple[str, ...]], own: str | None
) -> tuple[PeerSession, ...]:
    return tuple(
        PeerSession(session, another_holder(holders, session.peer, own)) for sessions in daemons for session in sessions
    )


def find_bgp(view: View) -> Iterator[Finding]:
    """Yield what is wrong with BIRD and its sessions."""
    if not view.local.uses_bird:
        return
    for family, bird in view.daemons():
        if isinstance(bird, Unreadable):
            if not view.starting and not _may_not_belong_here(view, bird):
                yield _daemon(view, family, bird)
        else:
            if any(_NOT_LISTENING in session.last_error for session in bird.sessions):
                yield _port(view)
            yield from (_switched_off(view, family, name) for name in bird.switched_off)
            yield from (_link_missed(view, family, bird, name) for name in bird.links_missed)
            yield from find_sessions(view, family, bird)
            yield from find_second(view, host_plan(view)[family], bird)
    yield from _no_peers(view)
    yield from find_knocking(view)


def _may_not_belong_here(view: View, bird: Unreadable) -> bool:
    """A BIRD that left no trace is no fault of a host of which nobody knows whether calico/node runs there."""
    return bird.code == "absent" and isinstance(view.observation.docker, Unreadable)


def _daemon(view: View, family: Family, bird: Unreadable) -> Finding:
    program = _program(view, family)
    gone = bird.code == "absent" and program is not None and program.pid != 0
    fault = _FAULTS.get(bird.code, BIRD_UNREADABLE) if not gone else BIRD_UNREADABLE
    name = "BIRD" if family is Family.IPV4 else "BIRD for IPv6"
    words = {BIRD_DOWN: "is not running", BIRD_HUNG: "does not answer", BIRD_UNREADABLE: "cannot be asked"}
    return fault.finding(
        name,
        f"{name} {words[fault]} on this host: {bird.reason}",
        why=_of_its_process(program, gone),
        effect="BIRD may do its work all the same, and nobody sees how"
        if fault is BIRD_UNREADABLE
        else "routes stay as they are and do not follow the cluster; peers drop this host's pods after some minutes",
        cure=_cure(view, family, bird, fault, gone=gone),
        node=view.me,
        family=family,
        severity=None if fault is BIRD_UNREADABLE or matters(view, family) else Severity.WARNING,
    )


def _cure(view: View, family: Family, bird: Unreadable, fault: Fault, *, gone: bool) -> str:
    if gone:
        return f"{restart_here(view)}: BIRD makes its socket when it starts"
    if fault is BIRD_DOWN or bird.code == "closed":
        return f"{logs_here(view)} says why it does not {'start' if fault is BIRD_DOWN else 'stay'}"
    if fault is BIRD_HUNG:
        return f"{restart_program(view, _SERVICES[family])}, or {restart_here(view)}"
    if bird.code == "error":
        return "systemctl restart calico-agent, and look at its limits (LimitNOFILE) if that comes again"
    return "run calico-agent as root; [bird] in its configuration names the sockets"


def _program(view: View, family: Family) -> Program | None:
    """The process of a daemon, as far as it can be seen."""
    programs = (view.local.container.programs if view.local.container is not None else None) or ()
    name = "bird" if family is Family.IPV4 else "bird6"
    return next((one for one in programs if one.name == name), None)


def _of_its_process(program: Program | None, gone: bool) -> str:
    if program is not None and program.stopped:
        return f"a signal (SIGSTOP) holds its process {program.pid}: kill -CONT {program.pid}"
    return f"it runs as process {program.pid}: somebody removed the socket" if program is not None and gone else ""


def _switched_off(view: View, family: Family, name: str) -> Finding:
    effects = (effect for kind, effect in _WITHOUT if name.startswith(kind))
    return BIRD_DISABLED.finding(
        name if family is Family.IPV4 else f"{name} (IPv6)",
        f"somebody switched off {name} in BIRD on this host",
        why=f"BIRD: {name} down",
        effect=next(effects, "BIRD does a part of its work no more"),
        cure=f"{birdcl(view, family)} enable {name}",
        node=view.me,
        family=family,
    )


def _link_missed(view: View, family: Family, bird: Bird, name: str) -> Finding:
    there = tuple(one.interface.network for one in view.local.candidates if one.link == name)
    nodes = () if view.cluster is None else (one.registered(family) for one in view.cluster.datastore.nodes)
    addresses = [*(one.ip for one in nodes if one is not None), *(session.peer for session in bird.sessions)]
    used = any(address in network for address in addresses for network in there if address not in view.local.addresses)
    return BIRD_LINK.finding(
        name if family is Family.IPV4 else f"{name} (IPv6)",
        f"BIRD takes {name} for down, and it is up: BIRD missed that another address became the first one there",
        why=f"BIRD: {name} DOWN, AdminUp LinkUp, with an address",
        effect="packets to the pods of other nodes leave by the default route, if there is one, instead of directly"
        if used
        else "none now: no node and no BGP peer is in the networks of this link",
        cure=restart_program(view, _SERVICES[family]),
        node=view.me,
        family=family,
        severity=Severity.ERROR if used else Severity.WARNING,
    )


def _port(view: View) -> Finding:
    return BGP_PORT.finding(
        view.me,
        "BIRD does not listen for its peers: another program of this host has the BGP port, or had it when BIRD began",
        why=f"BIRD: {_NOT_LISTENING}",
        effect="no session can come up",
        cure=f"ss -ltnp 'sport = :179' names the program; stop it if it is there; {restart_here(view)}",
        node=view.me,
    )


def _no_peers(view: View) -> Iterator[Finding]:
    cluster = view.cluster
    if cluster is None or cluster.bgp.mesh or cluster.bgp.peers or len(cluster.nodes) < 2 or not all_read(view):
        return
    if not any(view.local.registered(family) and needs_bgp(view, family) for family in Family):
        return
    yield BGP_NO_PEERS.finding(
        "default",
        "the node-to-node mesh is off and no BGPPeer exists: no node has any BGP session",
        why="BGPConfiguration default: nodeToNodeMeshEnabled: false",
        effect="no node learns routes to the pods of another, except where VXLAN is used",
        cure='calicoctl patch bgpconfiguration default -p \'{"spec": {"nodeToNodeMeshEnabled": true}}\', '
        "or create the BGPPeers",
        node=view.me,
    )
