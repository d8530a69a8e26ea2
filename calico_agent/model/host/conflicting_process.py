"""Processes that do calico/node's work on this host without being part of a calico/node container."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class ConflictingProcess:
    """One such process. `program` is `BIRD`, `Felix` or `confd`, empty for one that only has a BGP port.

    `port` is the BGP port, of this node or of another one, on which it listens, else 0, and `listens_at` where. `unit`
    and `container` say what runs it, as far as its control group tells; `pid` is 0 and `command` empty where the owner
    of the port cannot be seen.
    """

    program: str
    pid: int
    command: str
    port: int = 0
    unit: str = ""
    container: str = ""
    listens_at: tuple[IPAddress, ...] = ()


def in_the_way(
    rivals: Iterable[ConflictingProcess], bgp: BgpSettings, node: str, addresses: Collection[IPAddress]
) -> Iterator[ConflictingProcess]:
    """Those of them that keep BIRD of this node from listening, or do its work.

    BIRD binds to every address, and so finds any one taken; with bindMode NodeIP (v3.28) it binds to those of the node
    only (confd/pkg/backends/calico/bgp_processor.go@v3.32.1).
    """
    for rival in rivals:
        taken = rival.port == bgp.port_of(node) and (
            not bgp.binds_to_address
            or not rival.listens_at
            or any(at.is_unspecified or at in addresses for at in rival.listens_at)
        )
        if taken or rival.program:
            yield rival if taken else replace(rival, port=0, listens_at=())
