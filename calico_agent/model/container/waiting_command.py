"""A command of Docker's that waits for the end of a container."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """A `docker run` or `docker start` of root's that lasts as long as a container runs.

    `unit` is the systemd service that it belongs to, empty for none.
    """

    pid: int
    unit: str = ""
