"""The image that calico/node is made from: what Docker has of it, and how the fetching of it from its registry goes."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class PullPolicy(Enum):
    """When the image is fetched.

    `missing`: when a container has to be made and Docker does not have it. `never`: somebody else brings it. `always`:
    the agent asks once after its start (and after each reload) whether the reference stands for another image now; a
    container made from an older one is then replaced.
    """

    MISSING = "missing"
    NEVER = "never"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image that Docker has: the reference it was asked for, and its id, which is a digest of its content."""

    reference: str
    id: str


def is_pinned(reference: str) -> bool:
    """Whether a reference names one content for ever (`calico/node@sha256:...`)."""
    return "@sha256:" in reference


@dataclass(frozen=True, slots=True)
class Pull:
    """One fetching of an image, as of one moment; it goes on while `ended_at` is None.

    `error` is why it ended without the image, in the registry's own words; while it goes on, why the one before did.
    `failures` counts fetchings in a row that
    ended so, this one included. A layer counts as done when it is unpacked; `size` grows as layers become known.
    """

    reference: str
    started_at: datetime
    ended_at: datetime | None = None
    error: str = ""
    failures: int = 0
    layers: int = 0
    layers_done: int = 0
    fetched: int = 0
    size: int = 0

    @property
    def goes_on(self) -> bool:
        return self.ended_at is None

    @property
    def words(self) -> str:
        """How far it is: `pulling calico/node:v3.31.7, 3 of 7 layers, 41 of 120 MB`."""
        if not self.layers:
            return f"pulling {self.reference}"
        layers = f"{self.layers_done} of {self.layers} layers"
        return f"pulling {self.reference}, {layers}, {_megabytes(self.fetched)} of {_megabytes(self.size)} MB"


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.0f}" if count >= 10_000_000 else f"{count / 1_000_000:.1f}"
