"""What the stand-in asks of a datastore, whichever it is: keys are those of etcd v3, values are what etcd has there.

A frozen or absent datastore is not an error of ours: calls raise `UnavailableError` and the caller decides to wait, as
calico/node does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class UnavailableError(Exception):
    """The datastore could not be asked, or did not answer."""


class UnauthorizedError(UnavailableError):
    """The datastore refuses who asks; the text is calico/node's."""


class SettingsError(Exception):
    """The datastore settings cannot be used at all; the text is calico/node's."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One key's value, and the revision of its last change."""

    value: Any
    revision: int


@dataclass(frozen=True, slots=True)
class Listing:
    """All keys below a prefix, at one revision."""

    items: Mapping[str, Any]
    revision: int


class Store(Protocol):
    """One cluster's datastore."""

    @property
    def kubernetes(self) -> bool:
        """Whether it is the Kubernetes API, where nodes and pods are not Calico's to make."""

    def get(self, key: str) -> Stored | None:
        """One key, or None."""

    def list(self, prefix: str) -> Listing:
        """Every key below `prefix`."""

    def put(self, key: str, value: Any) -> None:
        """Write whatever is there."""

    def create(self, key: str, value: Any) -> bool:
        """Write if the key is not there. False: it is."""

    def update(self, key: str, value: Any, revision: int) -> bool:
        """Write if the key was last changed at `revision` (0: is not there). False: somebody else was first."""

    def delete(self, key: str) -> None:
        """Remove a key."""

    def changes(self, prefix: str, after: int, seconds: float) -> Iterator[None]:
        """Yield once for each message of changes after revision `after`; end when nothing came for `seconds`."""
