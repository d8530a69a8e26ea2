"""Nothing is done in a pause, all is said, and the name stays claimed."""

from dataclasses import replace
from datetime import timedelta

from calico_agent.model.container.action import StartContainer
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.maintenance import Pause
from calico_agent.model.name_lease import ClaimName, LeaseStatus, NameState
from calico_agent.plan.maintenance.pause import held_back
from tests.checks.cluster import AT
from tests.plan.test_supervised_worlds import US, looked_at, worlds

PAUSE = Pause("alice (uid 1000)", "disk", AT)
BEFORE = Attempts(failures=2, starts=7, spec="abc")
CLAIM = ClaimName("host1", US, AT)
DONE = Plan(
    StartContainer("4dd5", "it exited"),
    "starting calico-node: it exited",
    replace(BEFORE, failures=3, starts=8, not_before=AT, stopped_at=AT),
    next_attempt=AT + timedelta(seconds=1),
    pull="calico/node:v3.31.7",
)


def test_what_would_be_done_is_said_and_not_counted() -> None:
    held = held_back(DONE, BEFORE, PAUSE)
    assert (held.action, held.pull, held.next_attempt) == (None, None, None)
    assert held.doing == "paused by alice (uid 1000); without that: starting calico-node: it exited"
    assert held.attempts == replace(BEFORE, stopped_at=AT), "that it was stopped by hand is remembered all the same"


def test_what_is_seen_is_remembered() -> None:
    waits = Plan(None, "calico-node runs with other settings than wanted", replace(BEFORE, drift="x", drift_since=AT))
    held = held_back(waits, BEFORE, PAUSE)
    assert held.attempts == waits.attempts
    assert held.doing == "paused by alice (uid 1000); calico-node runs with other settings than wanted"


def test_the_name_stays_claimed_and_no_other_one_is_taken() -> None:
    for standing in (LeaseStatus.KEPT, LeaseStatus.LAPSED):
        kept = replace(DONE, name=NameState(standing, CLAIM))
        assert held_back(kept, BEFORE, PAUSE).name == kept.name
    taken = replace(DONE, name=NameState(LeaseStatus.FREE, CLAIM))
    assert held_back(taken, BEFORE, PAUSE).name is None
    lost = replace(DONE, name=NameState(LeaseStatus.HELD))
    assert held_back(lost, BEFORE, PAUSE).name == lost.name


def test_nothing_is_done_in_any_world() -> None:
    acted = 0
    for world in worlds()[:400]:
        _, _, plan = looked_at(world)
        acted += plan.action is not None
        held = held_back(plan, BEFORE, PAUSE)
        assert (held.action, held.pull) == (None, None)
        assert plan.doing in held.doing
    assert acted > 30, "worlds in which something would be done"
