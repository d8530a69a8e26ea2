"""BIRD's recovery after a start: the routes that it keeps from the kernel have one cause, the peer it waits for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.bgp.recovery import with_those_that_come
from calico_agent.expected.view import view_of
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.finding import Status, Writer
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import AT, DATASTORE, IDENTITY, SESSIONS, findings_of, node, peered, routed, session, stored
from tests.checks.cluster import BLOCKS as BLOCKS_OF

TO_HOST2, TO_HOST3 = SESSIONS
BACK = replace(TO_HOST2, protocol_state="wait", exported=0)
NEVER = replace(session("10.77.0.13", "Passive"), awaited=True)
BLOCKS = ("192.168.1.0/26", "192.168.2.0/26", "192.168.3.0/26")
BRIDGED = (*DATASTORE.nodes[:2], node("host3", "172.17.0.1/16"))


def recovering(*sessions: object, waited: int | None, without: tuple[str, ...] = BLOCKS) -> Observation:
    """BIRD came up `waited` seconds ago and still waits; it has not written the routes `without`."""
    left = None if waited is None else 240 - waited
    return peered(
        *sessions,  # type: ignore[arg-type]
        observation=routed(without=without),
        graceful_restart=True,
        recovery_seconds=waited,
        recovery_left=left,
    )


UNWRITTEN = {"RT-BLACKHOLE-MISSING 192.168.1.0/26", "RT-MISSING 192.168.2.0/26", "RT-MISSING 192.168.3.0/26"}

CASES = {
    "a restart keeps the routes of before: nothing is wrong": Case(
        recovering(TO_HOST2, NEVER, waited=3, without=()), {}, status={"BGPEstablished": Status.UNKNOWN}
    ),
    "a first start, peers on their way: one suspicion": Case(
        recovering(BACK, NEVER, waited=3),
        {"BGP-RECOVERING host3": UNWRITTEN},
        says=("waits for host3 before it writes any route, up to 237 s more", "waited 3 s", "advertises nothing"),
        status={"BGPEstablished": Status.UNKNOWN, "RoutesInPlace": Status.FALSE},
    ),
    "a peer that does not come is the cause": Case(
        recovering(BACK, NEVER, waited=50),
        {"BGP-DOWN host3": {"BGP-RECOVERING host3", *UNWRITTEN}},
    ),
    "a peer that can never come is the cause at once": Case(
        stored(
            recovering(BACK, replace(session("172.17.0.1", "Passive"), awaited=True), waited=5),
            nodes=BRIDGED,
        ),
        {"IP-BRIDGE host3": {"BGP-RECOVERING host3", *UNWRITTEN}},
    ),
    "of several the one that can never come is named first": Case(
        stored(
            recovering(
                replace(session("10.77.0.12", "Active"), awaited=True),
                replace(session("172.17.0.1", "Passive"), awaited=True),
                waited=5,
                without=BLOCKS[:1],
            ),
            nodes=BRIDGED,
        ),
        {"IP-BRIDGE host3": {"BGP-RECOVERING host3", "RT-BLACKHOLE-MISSING 192.168.1.0/26"}},
        says=("waits for host3 and host2",),
    ),
    "a BIRD that does not say for how long, nor for whom": Case(
        recovering(BACK, replace(TO_HOST3, protocol_state="wait"), waited=None, without=BLOCKS[:1]),
        {"BGP-RECOVERING host1": {"RT-BLACKHOLE-MISSING 192.168.1.0/26"}},
        says=("waits for its peers before it writes any route",),
    ),
    "a session that came up just now, whose routes are on their way": Case(
        recovering(replace(BACK, imported=0, awaited=True), NEVER, waited=3),
        {"BGP-RECOVERING host3": UNWRITTEN},
    ),
    "a peer that is silent may itself be waiting for the one that cannot come up": Case(
        stored(
            peered(
                replace(TO_HOST2, imported=0),
                session("172.17.0.1", "Passive"),
                observation=routed(without=BLOCKS[1:]),
            ),
            nodes=BRIDGED,
        ),
        {
            "IP-BRIDGE host3": {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"},
            "BGP-NO-ROUTES host2": {"RT-MISSING 192.168.2.0/26"},
        },
        says=("if BIRD there was just started, it waits up to 240 s for host3, which cannot come up",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_recovery(case: Case) -> None:
    check(case)


def early(observation: Observation) -> dict[str, bool]:
    """Of each finding, whether it may still end by itself."""
    return {f"{one.code} {one.subject}": one.early for one in findings_of(observation)}


def came_up(seconds: float) -> Observation:
    """A quiet host; the session with host2 came up some time ago, and its routes are not there yet."""
    young = replace(TO_HOST2, imported=0, since_at=AT - timedelta(seconds=seconds))
    return peered(young, TO_HOST3, observation=routed(without=["192.168.2.0/26"]))


@pytest.mark.parametrize(("waited", "is_early"), [(3, True), (30, True), (44, True), (45, False), (None, False)])
def test_a_start_that_goes_its_usual_way_is_no_problem_yet(waited: int | None, *, is_early: bool) -> None:
    found = early(recovering(BACK, replace(TO_HOST3, awaited=True), waited=waited))
    assert found.pop("BGP-RECOVERING host1") is is_early
    assert set(found) == UNWRITTEN
    assert all(found.values()), "they have their hold-down once BIRD wrote its routes"


def test_a_session_that_is_down_while_bird_starts_may_still_come() -> None:
    sessions = (BACK, replace(NEVER, bgp_state="Active", last_error="Socket: Connection refused"))
    assert early(recovering(*sessions, waited=30))["BGP-DOWN host3"]
    assert not early(recovering(*sessions, waited=50))["BGP-DOWN host3"]


@pytest.mark.parametrize(("seconds", "is_early"), [(1, True), (44, True), (46, False), (3600, False), (-600, False)])
def test_routes_come_a_while_after_their_session(seconds: float, *, is_early: bool) -> None:
    assert early(came_up(seconds)) == {"BGP-NO-ROUTES host2": is_early, "RT-MISSING 192.168.2.0/26": is_early}


def test_what_somebody_deletes_beside_a_young_session_of_another_node_is_missing() -> None:
    young = replace(TO_HOST2, since_at=AT - timedelta(seconds=5))
    assert early(peered(young, TO_HOST3, observation=routed(without=["192.168.3.0/26"]))) == {
        "RT-MISSING 192.168.3.0/26": False
    }


@pytest.mark.parametrize(("seconds", "error", "says"), [
    (0.2, "", "is not established: it was started just now"),
    (7, "", "is not established: it was started just now"),
    (9, "", "a firewall drops TCP port 179"),
    (0.2, "Received: Administrative reset", "is not established: it was started just now"),
    (9, "Received: Administrative reset", "the peer refuses or ended the session"),
    (0.2, "Socket: Connection refused", "nothing listens on its BGP port"),
])  # fmt: skip
def test_the_silence_of_a_young_session_says_nothing(seconds: float, error: str, says: str) -> None:
    down = replace(session("10.77.0.13", "Active", error), since_at=AT - timedelta(seconds=seconds))
    (found,) = findings_of(peered(TO_HOST2, down))
    assert says in found.what
    assert found.early is ("just now" in says)


def test_a_route_by_felix_does_not_wait_for_bird() -> None:
    missing = RT_MISSING.finding("192.168.2.0/26", "x", prefix=BLOCKS_OF["host2"], node="host2", writer=Writer.FELIX)
    seen = view_of(came_up(3), IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    assert with_those_that_come(seen, [missing]) == (missing,)
