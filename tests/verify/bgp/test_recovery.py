"""BIRD's recovery after a start: the routes that it keeps from the kernel have one cause, the peer it waits for."""

from dataclasses import replace

import pytest

from calico_agent.model.finding import Status
from calico_agent.model.observation import Observation
from tests.verify.case import Case, check
from tests.verify.cluster import DATASTORE, SESSIONS, node, peered, routed, session, stored

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
