"""Values that are made anew only when what they are made from has changed.

That is no memory: equal input gives the same value, whether it is made or found. Most passes see the datastore of the
pass before, and indexing 25,000 blocks costs many times what comparing the table with them does.

The values belong to whoever makes one pass after the other and hands in its `Caches`. The functions keep nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, TypeVar

Inputs = ParamSpec("Inputs")
Value = TypeVar("Value")


class Caches:
    """The last value of each function that has one. Any thread may use them: a value is a single slot."""

    def __init__(self) -> None:
        self._last: dict[object, tuple[tuple[object, ...], Any]] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let all functions that are called in this block find and leave their values here. Of this thread alone."""
        before = _IN_USE.set(self)
        try:
            yield
        finally:
            _IN_USE.reset(before)

    def value(
        self, function: object, make: Callable[Inputs, Value], *inputs: Inputs.args, **named: Inputs.kwargs
    ) -> Value:
        """Return the last value of a function where it was made from equal input, else a new one."""
        last, given = self._last.get(function), (*inputs, named)
        value: Value = last[1] if last is not None and last[0] == given else make(*inputs, **named)
        # Equal input that was read anew is kept, too: what is the same object is not compared item by item again.
        self._last[function] = (given, value)
        return value


_IN_USE: ContextVar[Caches | None] = ContextVar("caches", default=None)


@contextmanager
def caches_in_use() -> Iterator[None]:
    """Use the caches that were handed in for this block; new ones where there are none, as many steps share values."""
    if _IN_USE.get() is not None:
        yield
        return
    with Caches().in_use():
        yield


class LastValueCache(Generic[Inputs, Value]):
    """A pure function, `make`, whose last value is kept in the caches in use. Without them it is just called."""

    def __init__(self, make: Callable[Inputs, Value]) -> None:
        self._make = make

    def __call__(self, *inputs: Inputs.args, **named: Inputs.kwargs) -> Value:
        caches = _IN_USE.get()
        return self._make(*inputs, **named) if caches is None else caches.value(self, self._make, *inputs, **named)
