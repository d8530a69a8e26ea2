"""Hosts as the page shows them: recorded ones, and a large one, each with the day that led there.

A report is moved to now, as whoever looks at a page looks at what was seen some seconds ago.
"""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.config import Config
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.node import Affinity, Block
from calico_agent.model.finding import Status
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.observation import Observation
from calico_agent.model.report import Event, RecentHistory, Report
from calico_agent.model.settings import Mode
from calico_agent.report.changes import changes
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.queries import RouteQueries
from calico_agent.state.history_writer import history_entry
from tests.checks.cluster import DATASTORE, IDENTITY, look, peered, routed, session, stored, via
from tests.checks.test_scale import FIRST, peers
from tests.places import DATA
from tests.replay import read_capture
from tests.replay.judge import assess_observation, report_capture

RECORDED = DATA / "calico-v3.31.7"
SEEN_AGO = timedelta(seconds=4)

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ShownHost:
    """What a page is made from."""

    report: Report | None
    queries: RouteQueries
    history: RecentHistory = field(default_factory=RecentHistory)


@cache
def recorded(scenario: str, host: str = "host1") -> ShownHost:
    """A recorded host, after a day on which it was well until three minutes ago."""
    healthy = report_capture(RECORDED / "healthy", host)
    report = report_capture(RECORDED / scenario, host)
    observation = read_capture(RECORDED / scenario, host)
    queries = RouteQueries(Caches())
    queries.see(observation, assess_observation(observation).identity, Config())
    now = datetime.now(UTC) - SEEN_AGO
    return _lived(moved(report, now - report.at), moved(healthy, now - healthy.at), queries)


@cache
def large(nodes: int = 1000, *, broken: bool = True) -> ShownHost:
    """One of many hosts, with a rack of 25 that lost its routes, and five more without a session."""
    others = peers(nodes - 1)
    everyone = (DATASTORE.nodes[0], *others)
    blocks = tuple(
        Block(ip_network((int(ip_address("192.168.0.0")) + 64 * number, 26)), node.name)
        for number, node in enumerate(everyone)
    )
    claims = tuple(Affinity(block.owner or "", block.cidr) for block in blocks)
    gone = set(range(440, 465)) if broken else set()
    routes = (
        via(str(block.cidr), str(FIRST + number - 1))
        for number, block in enumerate(blocks)
        if number and number not in gone
    )
    down = gone | ({17, 99, 500, 731, 998} if broken else set())
    bird = (
        session(str(FIRST + number), *(("Active", "Socket: No route to host") if number + 1 in down else ()))
        for number in range(nodes - 1)
    )
    observation = peered(*bird, observation=stored(routed(*routes), nodes=everyone, blocks=blocks, affinities=claims))
    queries = RouteQueries(Caches())
    queries.see(observation, IDENTITY, Config())
    report = _report(observation, look(observation))
    now = datetime.now(UTC) - SEEN_AGO
    return _lived(moved(report, now - report.at), None, queries)


def served(host: ShownHost | None) -> tuple[AgentHealth, HttpServer]:
    """A server that shows a host; None: one whose first pass is not finished."""
    latest = AgentHealth(3600)
    if host is not None:
        latest.tell_recent = lambda: host.history
    server = HttpServer(latest, ("127.0.0.1", 0), None, host.queries if host else RouteQueries(Caches()))
    server.start()
    if host is not None and host.report is not None:
        latest.publish(host.report)
    return latest, server


def moved(value: _Value, jump: timedelta) -> _Value:
    """The same with every time in it moved."""
    made: Any = value
    if isinstance(value, datetime):
        made = value + jump
    elif isinstance(value, tuple) and not hasattr(value, "_fields"):
        made = tuple(moved(each, jump) for each in value)
    elif (
        is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith("calico_agent.model")
    ):
        times = {one.name: moved(getattr(value, one.name), jump) for one in fields(value) if one.init}
        made = replace(value, **times)
    return made  # type: ignore[no-any-return]


def _report(observation: Observation, assessment: Assessment) -> Report:
    _, conditions, problems = advance(Sightings(), assessment, observation.at, timedelta(0))
    return Report(
        at=observation.at,
        started_at=observation.at,
        version="0.2.0",
        mode=Mode.OBSERVE,
        hostname="host1",
        identity=assessment.identity,
        conditions=conditions,
        problems=problems,
        sessions=assessment.sessions,
        routes=assessment.routes,
        container=next(iter(observation.docker.containers)),  # type: ignore[union-attr]
        stage=assessment.stage,
        datastore_origin="configuration",
        datastore_revision=48113,
        datastore_read_at=observation.at,
        nodes=len(observation.datastore.nodes),  # type: ignore[union-attr]
    )


def _lived(report: Report, healthy: Report | None, queries: RouteQueries) -> ShownHost:
    """The same host after a day: it was well, a peer was away for a moment, and then came what is there now."""
    started, since = report.at - timedelta(hours=20), report.at - timedelta(minutes=3)
    report = replace(report, started_at=started, pass_seconds=0.021)
    well = replace(healthy or _cured(report), at=started, started_at=started)
    away = replace(well, sessions=tuple(_down(peer) for peer in well.sessions[:1]) + well.sessions[1:])
    suspected = replace(report, problems=tuple(replace(one, confirmed=False) for one in report.problems))
    steps: list[tuple[datetime, tuple[Event, ...]]] = [
        (started, (Event("started", fields={"version": report.version, "mode": report.mode.value, "pid": 811}),)),
        (started + timedelta(seconds=1), changes(None, well)),
        (started + timedelta(hours=13), changes(well, away)),
        (started + timedelta(hours=13, seconds=41), changes(away, well)),
        (since, changes(replace(well, conditions=report.conditions), suspected)),
        (since + timedelta(seconds=10), changes(replace(suspected, conditions=well.conditions), report)),
    ]
    entries = tuple(history_entry(event, at) for at, events in steps for event in events)
    turned = {one.condition.type: one.condition.status for one in well.conditions}
    conditions = tuple(
        replace(one, since=started if one.condition.status is turned.get(one.condition.type) else since)
        for one in report.conditions
    )
    problems = tuple(replace(one, since=since) for one in report.problems)
    return ShownHost(replace(report, conditions=conditions, problems=problems), queries, RecentHistory(entries))


def _cured(report: Report) -> Report:
    good = tuple(
        replace(one, condition=replace(one.condition, status=Status.TRUE, message="")) for one in report.conditions
    )
    up = tuple(replace(one, session=replace(one.session, bgp_state="Established")) for one in report.sessions)
    return replace(report, conditions=good, problems=(), sessions=up)


def _down(peer: Any) -> Any:
    return replace(peer, session=replace(peer.session, bgp_state="Active", last_error="Socket: Connection refused"))
