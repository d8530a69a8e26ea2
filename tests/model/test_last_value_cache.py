"""A value is made anew exactly when its input differs."""

from calico_agent.model.last_value_cache import LastValueCache


def test_equal_input_gives_the_value_of_before_and_other_input_a_new_one() -> None:
    made: list[tuple[int, ...]] = []

    def double(numbers: tuple[int, ...]) -> list[int]:
        made.append(numbers)
        return [2 * number for number in numbers]

    doubled = LastValueCache(double)
    first = doubled((1, 2))
    assert doubled((1, 2)) is first
    assert doubled((3,)) == [6]
    assert doubled((1, 2)) == first
    assert made == [(1, 2), (3,), (1, 2)]
