"""What Felix is told to do, as far as the routes and tunnels between nodes depend on it, and how it says that it is.

felix/config/config_params.go of projectcalico/calico@v3.28.5. Felix's environment has the last word over all of it.
"""

from dataclasses import dataclass
from enum import Enum


class ClusterRoutes(Enum):
    """Which routes to the blocks of other nodes Felix writes, besides those of VXLAN, which are always its own.

    FelixConfiguration's programClusterRoutes: `Disabled` where it is not set, from v3.33 on `EnabledIPIPOnly`. The
    others are BIRD's.
    """

    DISABLED = "Disabled"
    ENABLED = "Enabled"
    IPIP_ONLY = "EnabledIPIPOnly"
    PLAIN_ONLY = "EnabledNoEncapOnly"

    @property
    def ipip(self) -> bool:
        """Those of pools with IPIP."""
        return self in {ClusterRoutes.ENABLED, ClusterRoutes.IPIP_ONLY}

    @property
    def plain(self) -> bool:
        """Those of pools without encapsulation."""
        return self in {ClusterRoutes.ENABLED, ClusterRoutes.PLAIN_ONLY}


TUNNEL_SWITCHES = ("ipipEnabled", "vxlanEnabled")
"""Settings that overrule what the pools ask for: false means no tunnel of this kind."""


@dataclass(frozen=True, slots=True)
class FelixSettings:
    """FelixConfiguration `default`; what it does not set has these defaults.

    `off` are those of TUNNEL_SWITCHES that are false. All nodes must have one VNI and one UDP port for VXLAN.
    """

    cluster_routes: ClusterRoutes = ClusterRoutes.DISABLED
    off: frozenset[str] = frozenset()
    vxlan_vni: int = 4096
    vxlan_port: int = 4789


@dataclass(frozen=True, slots=True)
class Component:
    """A part of Felix that is not live.

    `timeout` is the time that it has for a report, empty for any, and `state` what Felix says of it, both in Felix's
    own words (`1m30s`, `timed out`).
    """

    name: str
    timeout: str
    state: str


@dataclass(frozen=True, slots=True)
class FelixHealth:
    """What Felix says of itself on its health port.

    It is `live` while each of its parts reports in time; `hung` are those that do not, which releases before v3.22 do
    not name. Whether it is ready is another question: it is not while the datastore is away, which is no fault of it.
    """

    live: bool
    hung: tuple[Component, ...] = ()
