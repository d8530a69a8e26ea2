"""How long a test gives to what must end by itself.

A test that something ends is no measurement: the bound lies far above the deadline under test, so that a busy machine
fails nothing, and far below for ever. Speed is measured by `make bench`.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds."""

_LONGEST_PAUSE = 0.1


def until(what: str, happened: Callable[[], bool], told: Callable[[], str] = str, seconds: float = 90.0) -> float:
    """Wait for something that must come, and say how long that took; `told` is what to show when it does not."""
    begun = time.monotonic()
    if not eventually(happened, bool, seconds):
        import pytest  # noqa: PLC0415 - of no use to the lab's own commands

        pytest.fail(f"not within {seconds} s: {what}\n{told()}")
    return time.monotonic() - begun


def eventually(look: Callable[[], T], wanted: Callable[[T], bool], seconds: float = 90.0) -> T:
    """Look until it is as wanted; returns the last look, for an assertion that shows the difference."""
    end, pause = time.monotonic() + seconds, 0.005
    while not wanted(seen := look()) and time.monotonic() < end:
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return seen
