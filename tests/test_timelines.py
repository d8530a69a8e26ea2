"""Recorded hours of trouble, look by look: what is said about them, and when. Times are seconds after the event."""

from ipaddress import ip_address

import pytest

from calico_agent.model.finding import Status
from calico_agent.model.network.neighbor import Neighbour
from tests.timelines import HOLD_DOWN, Said, Timeline

RESTARTED = Timeline("container-restarted", stopped=(2.2, 2.6))
STARTED_AGAIN = Timeline("container-killed-and-started", stopped=(2.2, 14.4))
KILLED = Timeline("container-killed", stopped=(2.2, 1e6))
CUT_OFF = Timeline("host-cut-off")
OTHERS = ("host1", "host3")
HOSTS = ("host1", "host2", "host3")
CONFIRMED = HOLD_DOWN.total_seconds()
NO_ANSWER = Neighbour(ip_address("10.77.0.12"), "eth0", "FAILED")
HOST2_BLOCKS = {"RT-MISSING 10.65.0.4/30", "RT-MISSING 192.168.183.64/26"}


def first(said: list[Said], word: str) -> float:
    """When something was confirmed first; fails when it never was."""
    return next(one.at for one in said if word in one.confirmed)


def codes(said: list[Said]) -> set[str]:
    """The codes of everything that was found at any time."""
    return {finding.split()[0] for one in said for finding in one.findings}


def ever(said: list[Said]) -> set[str]:
    """Everything that was confirmed at any time."""
    return {problem for one in said for problem in one.confirmed}


@pytest.mark.parametrize("host", HOSTS)
def test_a_restarted_container_is_no_alarm_on_any_host(host: str) -> None:
    said = list(RESTARTED.watch(host))
    assert ever(said) == set()
    assert codes(said) <= {"BGP-DOWN", "BIRD-DOWN", "SV-EXITED"}
    assert codes(said), "it is suspected all the same"
    assert Status.FALSE not in {condition.status for one in said for condition in one.conditions.values()}
    assert said[-1].findings == set()


@pytest.mark.parametrize("host", HOSTS)
def test_a_container_that_is_away_for_twelve_seconds_costs_no_route(host: str) -> None:
    said = list(STARTED_AGAIN.watch(host))
    assert {code for code in codes(said) if code.startswith("RT-")} == set()
    assert ever(said) == ({"SV-EXITED calico-node"} if host == "host2" else {"BGP-DOWN host2"})
    assert said[-1].findings == set()


@pytest.mark.parametrize("host", OTHERS)
def test_a_container_that_stays_away_is_named_by_its_peers_long_before_they_drop_its_routes(host: str) -> None:
    said = list(KILLED.watch(host))
    assert first(said, "BGP-DOWN host2") - KILLED.event < CONFIRMED + 1.5
    lost = next(one.at for one in said if one.findings >= HOST2_BLOCKS)
    assert 118 < lost - KILLED.event < 121
    assert ever(said) == {"BGP-DOWN host2"}, "the lost routes are its consequence"
    assert said[-1].conditions["RoutesInPlace"].status is Status.FALSE


def test_the_host_of_the_killed_container_keeps_its_routes() -> None:
    said = list(KILLED.watch("host2"))
    assert ever(said) == {"SV-EXITED calico-node"}
    assert said[-1].conditions["RoutesInPlace"].status is Status.TRUE


def test_a_host_that_is_cut_off_knows_it_by_its_own_link() -> None:
    said = list(CUT_OFF.watch("host2"))
    assert first(said, "RT-LINK-DOWN eth0") - CUT_OFF.event < CONFIRMED + 1
    during = [one for one in said if 20 < one.at < 400]
    assert {problem for one in during for problem in one.confirmed} == {"RT-LINK-DOWN eth0"}
    assert said[-1].findings == set()


def test_without_neighbour_entries_a_dead_peer_looks_healthy_until_its_hold_time_is_over() -> None:
    """The recording has none: this is what BIRD and the routes alone can tell."""
    said = list(CUT_OFF.watch("host1"))
    assert 199 < first(said, "BGP-DOWN host2") - CUT_OFF.event - CONFIRMED < 201
    assert all(one.findings == set() for one in said if one.at < 201)
    assert said[-1].findings == set()


def test_with_neighbour_entries_it_is_named_after_the_hold_down() -> None:
    """The entry of the dead host is added to the recording: FAILED three seconds after the cut, as Linux has it."""
    failed = CUT_OFF.event + 3
    said = list(CUT_OFF.watch("host1", (NO_ANSWER,), failed))
    assert first(said, "RT-NEXTHOP-DEAD host2") - failed < CONFIRMED + 1
    during = [one for one in said if failed + CONFIRMED + 1 < one.at < 402]
    assert {problem for one in during for problem in one.confirmed} == {"RT-NEXTHOP-DEAD host2"}
