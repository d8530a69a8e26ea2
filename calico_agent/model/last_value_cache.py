"""A value that is made anew only when what it is made from has changed.

That is no memory: equal input gives the same value, whether it is made or found. Most passes see the datastore of the
pass before, and indexing 25,000 blocks costs many times what comparing the table with them does.
"""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

Inputs = ParamSpec("Inputs")
Value = TypeVar("Value")


class LastValueCache(Generic[Inputs, Value]):
    """Calls `make`, a pure function, and keeps its last value. Any thread may call: the last one is a single slot."""

    def __init__(self, make: Callable[Inputs, Value]) -> None:
        self._make = make
        self._last: tuple[tuple[object, ...], Value] | None = None

    def __call__(self, *inputs: Inputs.args, **named: Inputs.kwargs) -> Value:
        last, given = self._last, (*inputs, named)
        value = last[1] if last is not None and last[0] == given else self._make(*inputs, **named)
        # Equal input that was read anew is kept, too: what is the same object is not compared item by item again.
        self._last = (given, value)
        return value
