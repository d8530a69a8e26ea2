"""Routes as BGP speakers tell them to each other."""

from dataclasses import dataclass, field

from tests.worlds.model.confd import USUAL_PORT, Configured
from tests.worlds.model.kernel import Device, Tables
from tests.worlds.model.peering import Router
from tests.worlds.model.trouble import Trouble
from tests.worlds.model.values import IPAddress, IPNetwork, Node, World

# The metric that stands for BIRD's usual local preference (100), which a route has that came from another AS: Calico
# takes the one for the other from 3.32 on (confd/pkg/backends/calico/bgp_processor.go).
_FROM_ANOTHER_AS = 2147483647 - 100


@dataclass(frozen=True, slots=True)
class Told:
    """A route as it came over a session. `maker` is the host that has it from nobody, `passed` the ASes it went by.

    `tunnel`: the kernel's route leads into a tunnel of Felix's.
    """

    prefix: IPNetwork
    next_hop: IPAddress
    maker: str
    session: str = ""
    sender: IPAddress | None = None
    passed: tuple[int, ...] = ()
    internal: bool = True
    reflected: int = 0
    metric: int = 0
    tunnel: bool = False


@dataclass(frozen=True, slots=True)
class Speaker:
    """BIRD of one host and family, with what it needs to know, and where it listens; or a router."""

    host: str
    node: Node
    version: int
    devices: tuple[Device, ...] = ()
    tables: Tables = field(default_factory=lambda: Tables(()))
    sessions: tuple[Configured, ...] = ()
    router: Router | None = None
    recovers: bool = False
    trouble: Trouble = field(default_factory=Trouble)
    port: int = USUAL_PORT


@dataclass(frozen=True, slots=True)
class Up:
    """A session that is up, from one end."""

    own: Configured
    host: str
    back: Configured


def passed_on(world: World, one: Told, up: Up, next_hop: IPAddress, reflected: int = 0) -> Told:
    """A route as it arrives at the other end of a session."""
    own = up.own
    internal = own.own_as == own.peer_as
    external = _FROM_ANOTHER_AS if world.release.metric else 0
    passed = one.passed if internal else (own.own_as, *one.passed)
    metric = one.metric if internal else external
    return Told(one.prefix, next_hop, one.maker, up.back.name, own.own, passed, internal, reflected, metric, one.tunnel)
