"""The slot of the latest report, and who is alive."""

from calico_agent.api.latest import AgentHealth, Heartbeat
from tests.reports import broken_report, healthy_report


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_slot_is_empty_until_the_first_pass_and_holds_the_last() -> None:
    latest = AgentHealth(60)
    assert latest.report is None
    latest.publish(healthy_report())
    latest.publish(broken_report())
    assert latest.report == broken_report()


def test_the_loop_is_alive_while_passes_finish() -> None:
    clock = Clock()
    latest = AgentHealth(60, clock)
    clock.now += 50
    latest.publish(healthy_report())
    clock.now += 60
    assert latest.stuck() == ()
    clock.now += 0.1
    assert [component.name for component in latest.stuck()] == ["loop"]


def test_a_first_pass_that_never_finishes_is_stuck_too() -> None:
    clock = Clock()
    latest = AgentHealth(60, clock)
    clock.now += 61
    assert [component.name for component in latest.stuck()] == ["loop"]


def test_a_long_action_may_say_that_the_loop_lives() -> None:
    clock = Clock()
    latest = AgentHealth(60, clock)
    clock.now += 50
    latest.beat()
    clock.now += 50
    assert latest.stuck() == ()


def test_a_part_is_as_old_as_its_last_heartbeat() -> None:
    clock = Clock()
    latest = AgentHealth(60, clock)
    latest.watch("netlink_watch", Heartbeat(lambda: 998.0, 5))
    assert [(part.name, part.age, part.alive) for part in latest.components()] == [
        ("loop", 0.0, True),
        ("netlink_watch", 2.0, True),
    ]
    clock.now += 4
    assert [component.name for component in latest.stuck()] == ["netlink_watch"]


def test_a_part_that_is_replaced_or_gone_on_purpose_is_not_missed() -> None:
    clock = Clock()
    latest = AgentHealth(60, clock)
    latest.watch("netlink_watch", Heartbeat(lambda: 0.0, 5))
    latest.watch("netlink_watch", Heartbeat(clock, 5))
    assert latest.stuck() == ()
    latest.watch("docker_watch", Heartbeat(lambda: 0.0, 5))
    latest.unwatch("docker_watch")
    assert latest.stuck() == ()
