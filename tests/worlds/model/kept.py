"""What is made of whole worlds, kept for a while."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Made = TypeVar("Made")
Of = TypeVar("Of")

_MOST = 16  # some more than are made of one case


def kept(make: Callable[[Of], Made]) -> Callable[[Of], Made]:
    """The same for a function of one value that never changes. It is known by identity: to compare whole worlds costs
    more than to make some things anew."""
    found: dict[int, tuple[Of, Made]] = {}

    @wraps(make)
    def look(one: Of) -> Made:
        known = found.get(id(one))
        if known is not None and known[0] is one:
            return known[1]
        made = make(one)
        found.pop(next(iter(found)) if len(found) >= _MOST else id(one), None)
        found[id(one)] = one, made
        return made

    return look
