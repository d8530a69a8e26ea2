"""Processes that do calico/node's work on this host without being part of a calico/node container."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rival:
    """One such process. `program` is `BIRD`, `Felix` or `confd`, empty for one that only has the BGP port.

    `port` is the BGP port when it listens there, else 0. `unit` and `container` say what runs it, as far as its control
    group tells; `pid` is 0 and `command` empty where the owner of the port cannot be seen.
    """

    program: str
    pid: int
    command: str
    port: int = 0
    unit: str = ""
    container: str = ""
