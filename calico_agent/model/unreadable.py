"""What could not be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A source that could not be read. Not knowing is a value of its own, never "nothing there".

    `source` names it for people (`etcd`, `Docker`, `BIRD`), `reason` is one sentence. `code` is a machine word for
    what kept us out, where a later stage tells cases apart: `absent`, `refused`, `timeout`, `denied`, ...
    """

    source: str
    reason: str
    code: str = ""
