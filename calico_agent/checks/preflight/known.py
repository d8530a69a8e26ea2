"""What a check knows of its subject: its value, or why there is none."""

from typing import TypeVar

from calico_agent.model.unreadable import Unreadable

T = TypeVar("T")


def known(subject: T | Unreadable | None, otherwise: str = "it was not read") -> T | Unreadable:
    """Return a subject of the preparation; for one that nobody has read, the reason says so."""
    return Unreadable("preflight", otherwise, "unset") if subject is None else subject
