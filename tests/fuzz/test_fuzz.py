"""The bounded share of `make fuzz`: recorded inputs, those that once did harm, and some changed at random."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import at_most
from tests.fuzz.target import one
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).with_name("found")


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_did_harm_does_none(name: str) -> None:
    for path in sorted(FOUND.glob(f"{name}/*")):
        one(TARGETS[name], path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_recorded_is_taken(name: str) -> None:
    """A target that refused all of it would be none."""
    examples = list(TARGETS[name].examples())
    assert examples
    taken = 0
    for example in examples:
        try:
            TARGETS[name].take(example)
        except TARGETS[name].refuses:
            continue
        taken += 1
    assert taken > 0


@pytest.mark.parametrize("name", TARGETS)
@at_most(30)
@given(data=st.data())
def test_no_change_to_it_does_harm(name: str, data: st.DataObject) -> None:
    examples = list(TARGETS[name].examples())[:8]
    changed = bytearray(data.draw(st.sampled_from(examples))[:4_000])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    one(TARGETS[name], bytes(changed))
