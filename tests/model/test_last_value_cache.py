"""A value is made anew exactly when its input differs, and only who hands in caches has any."""

import threading

from calico_agent.model.last_value_cache import Caches, LastValueCache, caches_in_use


class Doubled:
    """A function with a cache, and the inputs that it was called with."""

    def __init__(self) -> None:
        self.made: list[tuple[int, ...]] = []
        self.of = LastValueCache(self._make)

    def _make(self, numbers: tuple[int, ...]) -> list[int]:
        self.made.append(numbers)
        return [2 * number for number in numbers]


def test_equal_input_gives_the_value_of_before_and_other_input_a_new_one() -> None:
    doubled = Doubled()
    with Caches().in_use():
        first = doubled.of((1, 2))
        assert doubled.of((1, 2)) is first
        assert doubled.of((3,)) == [6]
        assert doubled.of((1, 2)) == first
    assert doubled.made == [(1, 2), (3,), (1, 2)]


def test_values_stay_with_the_caches_in_which_they_were_made() -> None:
    doubled, one, other = Doubled(), Caches(), Caches()
    for caches in (one, other, one):
        with caches.in_use():
            doubled.of((1,))
    assert doubled.made == [(1,), (1,)]


def test_without_caches_nothing_is_kept() -> None:
    doubled = Doubled()
    assert doubled.of((1,)) is not doubled.of((1,))
    with Caches().in_use():
        thread = threading.Thread(target=doubled.of, args=((1,),))
        thread.start()
        thread.join()
        doubled.of((1,))
    assert len(doubled.made) == 4, "another thread has none"


def test_a_block_that_was_handed_no_caches_has_some_of_its_own() -> None:
    doubled, caches = Doubled(), Caches()
    for _ in range(2):
        with caches_in_use():
            doubled.of((1,))
            doubled.of((1,))
    assert len(doubled.made) == 2
    for _ in range(2):
        with caches.in_use(), caches_in_use():
            doubled.of((1,))
    assert len(doubled.made) == 3, "those that were handed in are used"
