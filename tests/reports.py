"""Reports by hand: a healthy host1 of three, and the same host when host3 registered the address of its docker0."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface, ip_network

from calico_agent.faults.registry import FAULTS
from calico_agent.model.assessment import PeerSession, RouteCounts
from calico_agent.model.calico.bird import PeerKind, Session
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.finding import Condition, ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.identity import AddressChoice, Identity, NameChoice
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report, TimedCondition, TimedProblem
from calico_agent.model.settings import Mode

NOW = datetime(2026, 11, 23, 3, 0, 0, tzinfo=UTC)

IDENTITY = Identity(
    name=NameChoice("host1", "host name"),
    ipv4=AddressChoice(
        Family.IPV4, chosen=ip_interface("10.77.0.11/24"), link="eth0", rule="source towards the datastore"
    ),
    ipv6=AddressChoice(Family.IPV6, wanted=False),
)


def condition(kind: ConditionType, status: Status = Status.TRUE, message: str = "as it should be") -> Condition:
    return Condition(kind, status, "AsExpected" if status is Status.TRUE else "SomethingWrong", message)


def session(peer: str, state: str = "Established", node: str = "", error: str = "") -> PeerSession:
    name = f"Mesh_{peer.replace('.', '_')}"
    up = state == "Established"
    return PeerSession(
        Session(
            name=name,
            kind=PeerKind.MESH,
            peer=ip_address(peer),
            protocol_state="up" if up else "start",
            bgp_state=state,
            last_error=error,
            since="02:41:10",
            since_at=NOW.replace(hour=2, minute=41, second=10),
            imported=1 if up else None,
            exported=1 if up else None,
        ),
        node,
    )


def finding(code: str, subject: str = "", **fields: object) -> Finding:
    defaults: dict[str, object] = {
        "severity": Severity.ERROR,
        "condition": ConditionType.ROUTES_IN_PLACE,
        "what": f"{subject} is wrong",
    }
    return Finding(fault=FAULTS[code], subject=subject, **{**defaults, **fields})  # type: ignore[arg-type]


def healthy_report() -> Report:
    return Report(
        at=NOW - timedelta(seconds=3),
        started_at=NOW - timedelta(hours=2, minutes=5),
        version="0.1.0",
        mode=Mode.SUPERVISE,
        hostname="host1.example",
        identity=IDENTITY,
        conditions=tuple(TimedCondition(condition(kind), NOW - timedelta(hours=2)) for kind in ConditionType),
        problems=(),
        sessions=(session("10.77.0.12", node="host2"), session("10.77.0.13", node="host3")),
        routes=RouteCounts(expected=2, present=2),
        encapsulated=dict.fromkeys(("none", "IPIP", "VXLAN", "WireGuard"), RouteCounts())
        | {"none": RouteCounts(expected=2, present=2)},
        container=Container(
            id="0123456789ab",
            name="calico-node",
            image="calico/node:v3.31.7",
            state=ContainerState.RUNNING,
            started_at=NOW - timedelta(hours=1),
            env=(("ETCD_PASSWORD", "do-not-tell"),),
        ),
        datastore_origin="configuration",
        datastore_revision=4711,
        datastore_read_at=NOW - timedelta(seconds=4),
        snapshot_at=NOW - timedelta(minutes=2),
        certificate_ends={"authority": NOW + timedelta(days=3000), "client": NOW + timedelta(days=200)},
        nodes=3,
        pass_seconds=0.0421,
    )


BRIDGE = Problem(
    cause=finding(
        "IP-BRIDGE",
        "host3",
        condition=ConditionType.BGP_ESTABLISHED,
        what="node host3 is registered with 172.17.0.1/16, the address of Docker's bridge docker0",
        why="docker0 here carries 172.17.0.1/16 too; the node's own links include 10.77.0.13",
        effect="no host accepts a BGP session from host3, and none can reach its pods",
        cure="on host3: start calico/node with IP=10.77.0.13, or run calico-agent there in supervise mode",
        node="host3",
    ),
    consequences=(
        finding("BGP-DOWN", "172.17.0.1", condition=ConditionType.BGP_ESTABLISHED, what="the session is Passive"),
        *(
            finding(
                "RT-MISSING",
                f"10.244.{block}.0/26",
                what=f"no route to 10.244.{block}.0/26 of host3",
                prefix=ip_network(f"10.244.{block}.0/26"),
            )
            for block in range(13)
        ),
    ),
)


def blind_report() -> Report:
    """host1 where neither Docker nor etcd nor BIRD nor the kernel can be read."""
    return replace(
        healthy_report(),
        hostname="",
        conditions=tuple(TimedCondition(condition(kind, Status.UNKNOWN), NOW) for kind in ConditionType),
        sessions=(),
        unread=frozenset(Family),
        routes=None,
        encapsulated={},
        container=None,
        container_known=False,
        unreadable=(Unreadable("kernel", "no netlink"), Unreadable("Docker", "no socket"), Unreadable("etcd", "unset")),
        datastore_origin="",
        datastore_revision=None,
        datastore_read_at=None,
        snapshot_at=None,
        certificate_ends={},
        nodes=None,
    )


def broken_report(*, confirmed: bool = True) -> Report:
    """host1's view when host3 registered docker0's address."""
    healthy = healthy_report()
    since = NOW - timedelta(minutes=3 if confirmed else 0, seconds=3)
    status = Status.FALSE if confirmed else Status.TRUE
    bad = {ConditionType.BGP_ESTABLISHED, ConditionType.ROUTES_IN_PLACE}
    return replace(
        healthy,
        conditions=tuple(
            TimedCondition(condition(timed.condition.type, status, "1 of 2 is not"), since)
            if timed.condition.type in bad
            else timed
            for timed in healthy.conditions
        ),
        problems=(TimedProblem(BRIDGE, since, confirmed, since + timedelta(seconds=10)),),
        sessions=(session("10.77.0.12", node="host2"), session("172.17.0.1", "Passive", "host3")),
        routes=RouteCounts(expected=14, present=1, missing=13, nodes_without_route=1),
    )
