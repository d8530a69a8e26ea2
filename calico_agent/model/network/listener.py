"""Who listens on TCP ports of this host."""

from dataclasses import dataclass

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that waits for connections. `pid` is 0 and `command` empty where its owner cannot be seen.

    `ours`: it is one of calico/node's containers'. `unit` and `container` say what runs the owner.
    """

    port: int
    address: IPAddress
    pid: int = 0
    command: str = ""
    program: str = ""
    ours: bool = False
    unit: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class Listeners:
    """All of them in this network namespace."""

    sockets: tuple[Listener, ...] = ()
