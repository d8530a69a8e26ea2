"""What BIRD says: the daemon, its BGP sessions, the routes it knows (its RIB).

Words are BIRD's own (version 1.6): a protocol is up, start, down, ...; a session is Idle to Established.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from calico_agent.model.network.address import Family, IPAddress, IPNetwork


class PeerKind(Enum):
    """Why calico/node configured the session; the first word of its protocol name (calico facts: confd templates)."""

    MESH = "node-to-node mesh"
    NODE = "node specific"
    GLOBAL = "global"
    LOCAL_WORKLOAD = "local workload"


@dataclass(frozen=True, slots=True)
class Session:
    """One BGP session as `show protocols` and `show protocols all` print it.

    `protocol_state` is BIRD's state word (`up`, `start`, `wait`, ...), `bgp_state` the session's (`Established`,
    `Active`, `Passive`, ...; empty while the protocol is down). `last_error` keeps its class, for example
    `Socket: Connection refused`. `since` is BIRD's own text, and `since_at` that moment, where it tells more than the
    day. Route counts are None where BIRD printed none. `awaited` means that BIRD's recovery from a graceful restart
    waits for this session.
    """

    name: str
    kind: PeerKind
    peer: IPAddress
    protocol_state: str
    bgp_state: str
    last_error: str = ""
    since: str = ""
    source_address: IPAddress | None = None
    neighbour_as: int | None = None
    imported: int | None = None
    exported: int | None = None
    awaited: bool = False
    since_at: datetime | None = None

    @property
    def established(self) -> bool:
        return self.bgp_state == "Established"


@dataclass(frozen=True, slots=True)
class RibRoute:
    """One route in BIRD's table: `protocol` is the protocol that gave it, `learned_from` the peer that sent it.

    A multipath route is several of these, one for each next hop. `refused_by_kernel` is BIRD's `!`: the best route,
    which the kernel did not take because a foreign route has its place.
    """

    prefix: IPNetwork
    protocol: str
    best: bool
    kind: str = "unicast"
    gateway: IPAddress | None = None
    device: str = ""
    learned_from: IPAddress | None = None
    refused_by_kernel: bool = False


@dataclass(frozen=True, slots=True)
class Bird:
    """One BIRD daemon (IPv4 and IPv6 are two daemons in 1.6). Times are BIRD's text, in its own local time.

    While `graceful_restart`, BIRD recovers from its start: it has waited `recovery_seconds` for its peers and gives up
    on those that do not come after `recovery_left` seconds more (None where BIRD does not say). `switched_off` are the
    names of protocols that somebody disabled, of those by which BIRD knows links, blocks and the kernel's table.
    `links_missed` are links that BIRD takes for down and that are not, as far as it was asked for its links.
    `routes` are those to the prefixes in `asked`; None there means that BIRD was asked for its whole table.
    """

    family: Family
    version: str
    router_id: str = ""
    last_reboot: str = ""
    last_reconfiguration: str = ""
    graceful_restart: bool = False
    recovery_seconds: int | None = None
    recovery_left: int | None = None
    sessions: tuple[Session, ...] = ()
    switched_off: tuple[str, ...] = ()
    links_missed: tuple[str, ...] = ()
    routes: tuple[RibRoute, ...] = ()
    asked: frozenset[IPNetwork] | None = frozenset()
