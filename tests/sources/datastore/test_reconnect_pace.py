"""How soon the hosts of a cluster come back."""

from itertools import pairwise

import pytest

from calico_agent.sources.datastore.reconnect_pace import Delays, list_delay


def first_delays(nodes: int) -> list[float]:
    return sorted(Delays(3).next(nodes) for _ in range(500))


@pytest.mark.parametrize(
    ("nodes", "spread"),
    [
        pytest.param(3, 0.13, id="three nodes: at once"),
        pytest.param(200, 1.0, id="200 nodes: within a second"),
        pytest.param(1000, 5.0, id="1,000 nodes: within five"),
        pytest.param(20_000, 5.0, id="more: no later, as the loss is told after ten"),
    ],
)
def test_the_first_delays_are_spread_in_proportion_to_the_cluster(nodes: int, spread: float) -> None:
    delays = first_delays(nodes)
    assert delays[-1] <= spread * 1.03
    # Evenly, from nothing on: no second holds more than its share of the hosts.
    assert delays[50] < spread * 0.2
    assert delays[450] > spread * 0.8


def test_later_delays_double_up_to_a_bound_and_begin_anew_after_a_reset() -> None:
    longest = [0.0] * 8
    for _ in range(300):
        delays = Delays(1)
        longest = [max(known, delays.next(3)) for known in longest]
    assert all(later > 1.3 * earlier for earlier, later in pairwise(longest[:5]))
    assert longest[-1] <= 6.4
    delays.reset()
    assert delays.next(3) <= 0.4


def test_a_list_that_all_need_is_spread_further() -> None:
    assert max(list_delay(3) for _ in range(100)) < 0.1
    assert 15 < max(list_delay(1000) for _ in range(300)) <= 20
    assert max(list_delay(50_000) for _ in range(300)) <= 60
