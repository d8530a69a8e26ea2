"""How long a test gives to what must end by itself.

A test that something ends is no measurement: the bound lies far above the deadline under test, so that a busy machine
fails nothing, and far below for ever. Speed is measured by `make bench`.
"""

import time
from collections.abc import Callable

import pytest

PATIENCE = 20.0
"""Seconds."""


def until(what: str, happened: Callable[[], bool], told: Callable[[], str] = str, seconds: float = 90.0) -> float:
    """Wait for something that must come, and say how long that took; `told` is what to show when it does not."""
    begun = time.monotonic()
    while not happened():
        if time.monotonic() - begun > seconds:
            pytest.fail(f"not within {seconds} s: {what}\n{told()}")
        time.sleep(0.1)
    return time.monotonic() - begun
