"""Well, and ready: the two answers before all detail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.assessment import RouteCounts
from calico_agent.model.finding import NOT_JUDGED, ConditionType, Problem, Severity, Status
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report, TimedCondition, TimedProblem
from calico_agent.report.timeline import SUSPECTED
from calico_agent.report.verdict import not_ready, standing, verdict
from tests.reports import BRIDGE, NOW, blind_report, broken_report, condition, finding, healthy_report, session

IDENTITY = ConditionType.IDENTITY_CONFIRMED
CONTAINER = ConditionType.CONTAINER_RUNNING
BGP = ConditionType.BGP_ESTABLISHED
ROUTES = ConditionType.ROUTES_IN_PLACE


def with_statuses(report: Report, statuses: dict[ConditionType, Status]) -> Report:
    kinds = {timed.condition.type: timed.condition.status for timed in report.conditions} | statuses
    return replace(
        report,
        conditions=tuple(TimedCondition(condition(kind, status, "because"), NOW) for kind, status in kinds.items()),
    )


def with_problems(report: Report, *problems: tuple[Problem, bool]) -> Report:
    return replace(report, problems=tuple(TimedProblem(problem, NOW, confirmed) for problem, confirmed in problems))


WARNING = Problem(finding("RT-STALE", "10.244.9.0/26", severity=Severity.WARNING))
NOTE = Problem(finding("RT-SERVICES", "x", severity=Severity.INFO))
ERROR = Problem(finding("RT-MISSING", "10.244.1.0/26"))
OUT_OF_FILES = Problem(
    finding("AGENT-FILES", severity=Severity.WARNING, what="no file is left"),
    (finding("DOCKER-UNREADABLE", severity=Severity.WARNING, what="Docker cannot be read: Too many open files"),),
)


def suspected(report: Report, kind: ConditionType) -> Report:
    said = replace(condition(kind, Status.UNKNOWN), reason=SUSPECTED)
    others = (timed for timed in report.conditions if timed.condition.type is not kind)
    return replace(report, conditions=(TimedCondition(said, NOW), *others))


def came_and_went(report: Report, problem: Problem, times: int, *, away: bool = False) -> Report:
    since = report.at - timedelta(minutes=4)
    return replace(report, problems=(TimedProblem(problem, since, True, since, times, away),))


VERDICTS = [
    ("nothing is wrong", healthy_report(), "all good (3 nodes, 2 sessions, 2 routes)"),
    (
        "a confirmed error comes first",
        with_problems(with_statuses(healthy_report(), {CONTAINER: Status.UNKNOWN}), (WARNING, True), (ERROR, True)),
        "PROBLEM RT-MISSING: 10.244.1.0/26 is wrong (and 1 more problem)",
    ),
    (
        "then a condition that is false",
        with_problems(with_statuses(healthy_report(), {IDENTITY: Status.UNKNOWN, BGP: Status.FALSE}), (WARNING, True)),
        "PROBLEM BGPEstablished: because",
    ),
    (
        "then one that is unknown",
        with_problems(with_statuses(healthy_report(), {BGP: Status.UNKNOWN}), (WARNING, True)),
        "UNKNOWN BGPEstablished: because",
    ),
    (
        "which is explained by the first source that cannot be read",
        replace(
            with_statuses(healthy_report(), {IDENTITY: Status.UNKNOWN}),
            unreadable=(Unreadable("Docker", "no socket"), Unreadable("etcd", "unset")),
        ),
        "UNKNOWN: Docker cannot be read: no socket (and 1 more source)",
    ),
    (
        "or by the problem that explains why it cannot be",
        replace(
            with_problems(with_statuses(healthy_report(), {CONTAINER: Status.UNKNOWN}), (OUT_OF_FILES, True)),
            unreadable=(Unreadable("Docker", "Too many open files"), Unreadable("etcd", "unset")),
        ),
        "UNKNOWN: AGENT-FILES: no file is left",
    ),
    (
        "then a confirmed warning",
        with_problems(healthy_report(), (NOTE, True), (WARNING, True)),
        "WARNING RT-STALE: 10.244.9.0/26 is wrong (and 1 more problem)",
    ),
    (
        "a note stands behind the good news",
        with_problems(healthy_report(), (NOTE, True)),
        "all good (3 nodes, 2 sessions, 2 routes); NOTE RT-SERVICES: x is wrong",
    ),
    (
        "also where a source cannot be read and a fault is suspected: the fault may be the reason",
        replace(
            with_problems(suspected(healthy_report(), CONTAINER), (ERROR, False)),
            unreadable=(Unreadable("BIRD", "nobody answers", "absent"),),
        ),
        "UNKNOWN so far, suspected: RT-MISSING: 10.244.1.0/26 is wrong",
    ),
    (
        "what comes and goes is told with its count",
        came_and_went(healthy_report(), ERROR, 5),
        "PROBLEM RT-MISSING came 5 times in 4 min: 10.244.1.0/26 is wrong",
    ),
    (
        "what is away is a warning and said to be away",
        came_and_went(healthy_report(), ERROR, 4, away=True),
        "WARNING RT-MISSING came 4 times in 4 min, away now: 10.244.1.0/26 is wrong",
    ),
    (
        "then a suspicion",
        with_problems(healthy_report(), (ERROR, False)),
        "good so far, but suspected: RT-MISSING: 10.244.1.0/26 is wrong",
    ),
]


@pytest.mark.parametrize(("report", "expected"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_the_gravest_thing_that_is_known_is_the_verdict(report: Report, expected: str) -> None:
    assert verdict(report) == expected


DOWN = tuple(session(peer, "Active") for peer in ("10.77.0.12", "10.77.0.13"))
NO_ROUTES = RouteCounts(expected=2, missing=2)

READY = [
    ("a healthy host", healthy_report(), []),
    ("one dead neighbour of two", broken_report(), []),
    ("a single node expects no session", replace(healthy_report(), sessions=(), routes=RouteCounts()), []),
    (
        "etcd and Docker cannot be asked, but a session is up",
        with_statuses(healthy_report(), {ConditionType.DATASTORE_REACHABLE: Status.UNKNOWN, CONTAINER: Status.UNKNOWN}),
        [],
    ),
    (
        "Docker cannot be asked and no session is up",
        with_statuses(replace(healthy_report(), sessions=()), {CONTAINER: Status.UNKNOWN}),
        ["ContainerRunning is unknown: because"],
    ),
    (
        "the container does not run",
        with_statuses(healthy_report(), {CONTAINER: Status.FALSE}),
        ["ContainerRunning is false: because"],
    ),
    (
        "the address is wrong",
        with_statuses(healthy_report(), {IDENTITY: Status.FALSE}),
        ["IdentityConfirmed is false: because"],
    ),
    (
        "all sessions are down",
        with_statuses(replace(healthy_report(), sessions=DOWN), {BGP: Status.FALSE}),
        ["no BGP session is established: because"],
    ),
    ("all sessions are down for a blink", replace(healthy_report(), sessions=DOWN), []),
    (
        "sessions that nobody can judge (GoBGP)",
        replace(
            healthy_report(),
            sessions=(),
            conditions=(
                *(timed for timed in healthy_report().conditions if timed.condition.type is not BGP),
                TimedCondition(replace(condition(BGP, Status.UNKNOWN), reason=NOT_JUDGED), NOW),
            ),
        ),
        [],
    ),
    (
        "no route at all, with a session",
        with_statuses(replace(healthy_report(), routes=NO_ROUTES), {ROUTES: Status.FALSE}),
        ["none of 2 expected routes is there"],
    ),
    (
        "some routes are missing",
        with_statuses(
            replace(healthy_report(), routes=RouteCounts(expected=2, present=1, missing=1)), {ROUTES: Status.FALSE}
        ),
        [],
    ),
    (
        "no condition was asked about",
        replace(healthy_report(), conditions=(), sessions=()),
        ["IdentityConfirmed is unknown", "ContainerRunning is unknown", "no BGP session is established"],
    ),
]


@pytest.mark.parametrize(("report", "reasons"), [row[1:] for row in READY], ids=[row[0] for row in READY])
def test_ready_is_about_this_host_only(report: Report, reasons: list[str]) -> None:
    assert list(not_ready(report)) == reasons


@pytest.mark.parametrize("report", [healthy_report(), broken_report(), blind_report(), None])
def test_an_agent_that_stands_still_is_neither_alive_nor_ready_nor_well_whatever_it_said_before(
    report: Report | None,
) -> None:
    stands = standing(report, ["its loop stands still"])
    assert (stands.alive, stands.ready, stands.healthy) == (False, False, False)
    assert stands.verdict == "AGENT STUCK: its loop stands still"
    assert stands.not_ready[0] == "its loop stands still"


def test_before_the_first_pass_nothing_is_good() -> None:
    stands = standing(None)
    assert (stands.alive, stands.ready, stands.healthy) == (True, False, False)
    assert stands.verdict == "starting: the first pass is not finished"


def test_the_verdict_of_the_broken_cluster_names_the_culprit() -> None:
    assert verdict(broken_report()) == f"PROBLEM IP-BRIDGE: {BRIDGE.cause.what}"
