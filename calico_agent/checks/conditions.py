"""The conditions, from findings and from what could not be read.

A condition is False when a finding of weight speaks against it, Unknown when its source could not be read, else True.
Warnings are problems to look at, and leave the condition True.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.expected.bgp_need import needs_bgp
from calico_agent.expected.view import View
from calico_agent.model.assessment import RouteCounts
from calico_agent.model.calico.bird import Bird, PeerKind
from calico_agent.model.container.container import Container
from calico_agent.model.finding import NOT_JUDGED, Condition, ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict, tally
from calico_agent.text import counted


@dataclass(frozen=True, slots=True)
class Against:
    """The gravest finding that speaks against a condition, and its root cause (itself, if it is one)."""

    finding: Finding
    root: Finding

    @property
    def reason(self) -> str:
        """Return the root's code as a CamelCase word: RT-MISSING -> RtMissing."""
        return "".join(word.capitalize() for word in self.root.code.split("-"))

    @property
    def words(self) -> str:
        """Return what is wrong; only a reference when that is told as another problem's consequence."""
        return self.finding.what if self.root is self.finding else f"because of {self.root.code} {self.root.subject}"


def conditions(
    view: View, problems: tuple[Problem, ...], counts: RouteCounts, checks: tuple[Check, ...] = ()
) -> tuple[Condition, ...]:
    """Return all, in the order in which one builds on the other. `problems` are the gravest first.

    Without `checks` nothing is said of the host's preparation.
    """
    against: dict[ConditionType, Against] = {}
    for problem in problems:
        for one in (problem.cause, *problem.consequences):
            if one.severity is Severity.ERROR:
                against.setdefault(one.condition, Against(one, problem.cause))
    return (
        _identity(view, against.get(ConditionType.IDENTITY_CONFIRMED)),
        _datastore(view, against.get(ConditionType.DATASTORE_REACHABLE)),
        _container(view, against.get(ConditionType.CONTAINER_RUNNING)),
        _bgp(view, against.get(ConditionType.BGP_ESTABLISHED)),
        _routes(view, against.get(ConditionType.ROUTES_IN_PLACE), counts),
        *_prepared(checks, against.get(ConditionType.HOST_PREPARED)),
    )


def _identity(view: View, against: Against | None) -> Condition:
    kind = ConditionType.IDENTITY_CONFIRMED
    if against is not None:
        return _false(kind, against)
    if isinstance(view.observation.kernel, Unreadable):
        return _unknown(kind, view.observation.kernel)
    if isinstance(view.observation.datastore, Unreadable):
        message = f"not compared with the node records: {view.observation.datastore.reason}"
        return Condition(kind, Status.UNKNOWN, "NotCompared", message)
    node = view.local.node
    if node is None:
        return Condition(kind, Status.UNKNOWN, "NoRecord", f"node {view.me} is not registered")
    if node.ipv4 is None and node.ipv6 is None:
        return Condition(kind, Status.TRUE, "Registered", f"node {node.name} is registered, and needs no address")
    addresses = " and ".join(str(address.ip) for address in (node.ipv4, node.ipv6) if address is not None)
    return Condition(kind, Status.TRUE, "Registered", f"node {node.name} is registered with {addresses}{_as_of(view)}")


def _datastore(view: View, against: Against | None) -> Condition:
    kind, datastore = ConditionType.DATASTORE_REACHABLE, view.observation.current_datastore
    if against is not None:
        return _false(kind, against)
    if isinstance(datastore, Unreadable):
        return _unknown(kind, datastore)
    message = f"{counted(len(datastore.nodes), 'node')}, {counted(len(datastore.blocks), 'block')}"
    return Condition(kind, Status.TRUE, "Read", f"{message}, revision {datastore.revision}")


def _container(view: View, against: Against | None) -> Condition:
    kind, docker, container = ConditionType.CONTAINER_RUNNING, view.observation.docker, view.local.container
    if isinstance(docker, Unreadable) and container is None and not (against and view.observation.without_docker):
        return _unknown(kind, docker)
    if against is not None:
        return _false(kind, against)
    if container is None:
        message = "Docker has no calico/node container, but BIRD answers: another container runtime runs it"
        return Condition(kind, Status.UNKNOWN, "NotInDocker", message)
    return Condition(
        kind, Status.TRUE, "Running", f"{container.name} runs {container.image or 'calico/node'}{_in(container)}"
    )


def _in(container: Container) -> str:
    """What runs it, as the end of a sentence, where that is not Docker."""
    if container.runtime == "docker":
        return ""
    pod = f"pod {container.pod}" if container.pod else ""
    return f" ({', '.join(filter(None, (pod, container.runtime))) or 'another container runtime than Docker runs it'})"


def _bgp(view: View, against: Against | None) -> Condition:
    kind = ConditionType.BGP_ESTABLISHED
    if view.local.uses_gobgp:
        return _not_judged(kind, "its sessions")
    if not view.local.uses_bird:
        message = f"not used: CALICO_NETWORKING_BACKEND={view.local.backend}"
        return Condition(kind, Status.TRUE, "NotUsed", message)
    daemons = [bird for _, bird in view.daemons()]
    blind = next((bird for bird in daemons if isinstance(bird, Unreadable)), None)
    if blind is not None:
        if view.starting:
            return Condition(kind, Status.UNKNOWN, "Starting", f"calico/node was started just now; {blind.reason}")
        return _unknown(kind, blind)
    sessions = [
        session
        for bird in daemons
        if isinstance(bird, Bird)
        for session in bird.sessions
        if session.kind is not PeerKind.LOCAL_WORKLOAD
    ]
    up = sum(session.established for session in sessions)
    message = f"{up} of {counted(len(sessions), 'session')} established" if sessions else "no peers"
    if against is not None:
        return Condition(kind, Status.FALSE, against.reason, f"{message}; {against.words}")
    recovering = any(_recovering(bird) for bird in daemons)
    if up < len(sessions) and (recovering or view.starting):
        return Condition(kind, Status.UNKNOWN, "GracefulRestart" if recovering else "Starting", f"{message} so far")
    return Condition(kind, Status.TRUE, "Established" if sessions else "NoPeers", message)


def _recovering(bird: Bird | Unreadable) -> bool:
    waiting = isinstance(bird, Bird) and any(session.protocol_state == "wait" for session in bird.sessions)
    return waiting or (isinstance(bird, Bird) and bird.graceful_restart)


def _routes(view: View, against: Against | None, counts: RouteCounts) -> Condition:
    kind = ConditionType.ROUTES_IN_PLACE
    for source in (view.observation.kernel, view.observation.datastore):
        if isinstance(source, Unreadable):
            return _unknown(kind, source)
    if view.local.name is None:
        return Condition(
            kind, Status.UNKNOWN, "NoName", "which node this host is is not known, so neither are its routes"
        )
    if view.local.leaves_routing and against is None and not counts.expected:
        return Condition(kind, Status.TRUE, "NotUsed", "not Calico's to make: CALICO_NETWORKING_BACKEND=none")
    right = f"{counts.present} of {counted(counts.expected, 'route')} right"
    none = "no other node has pods that need a route" if against is None else "no route is expected"
    message = f"{right if counts.expected or counts.left_out else none}{_left_out(counts)}{_as_of(view)}"
    if against is not None:
        return Condition(kind, Status.FALSE, against.reason, f"{message}; {against.words}")
    if view.local.uses_gobgp and any(needs_bgp(view, family) for family in Family):
        return _not_judged(kind, "the routes that it brings")
    return Condition(kind, Status.TRUE, "InPlace" if counts.expected else "NoneNeeded", message)


def _prepared(checks: tuple[Check, ...], against: Against | None) -> Iterator[Condition]:
    kind = ConditionType.HOST_PREPARED
    if against is not None:
        yield _false(kind, against)
    elif checks:
        told = any(check.verdict not in {Verdict.UNKNOWN, Verdict.NOT_APPLICABLE} for check in checks)
        status, reason = (Status.TRUE, "Prepared") if told else (Status.UNKNOWN, "NothingRead")
        yield Condition(kind, status, reason, tally(checks))


def _left_out(counts: RouteCounts) -> str:
    blocks = counted(counts.left_out, "block")
    return f", the way to {blocks} not judged: Felix is told to write no routes to blocks" if counts.left_out else ""


def _as_of(view: View) -> str:
    return f", by the datastore's records of {view.age}" if view.age else ""


def _not_judged(kind: ConditionType, what: str) -> Condition:
    message = f"GoBGP runs in BIRD's place (CALICO_NETWORKING_BACKEND=gobgp): {what} cannot be judged"
    return Condition(kind, Status.UNKNOWN, NOT_JUDGED, message)


def _false(kind: ConditionType, against: Against) -> Condition:
    return Condition(kind, Status.FALSE, against.reason, against.words)


def _unknown(kind: ConditionType, source: Unreadable) -> Condition:
    return Condition(kind, Status.UNKNOWN, "Unreadable", f"{source.source}: {source.reason}")
