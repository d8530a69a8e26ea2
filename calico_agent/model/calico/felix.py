"""What Felix is told to do, as far as the routes and tunnels between nodes depend on it, and how it says that it is.

felix/config/config_params.go of projectcalico/calico@v3.28.5. Of several places that set something the first counts:
its environment, the FelixConfiguration of its node (`node.<name>`), the FelixConfiguration `default`. All values are
texts to it, and one that it does not understand counts for nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from calico_agent.model.network.address import Family
from calico_agent.model.network.route import CALICO_PROTOCOLS, PROTOCOL_BOOT


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

TUNNEL_MTUS = ("ipipMTU", "vxlanMTU", "vxlanMTUV6", "wireguardMTU", "wireguardMTUV6")
"""The MTUs of the tunnel devices."""

Said = tuple[tuple[str, str | int | bool], ...]
"""Settings by the names that FelixConfiguration has for them, with their values."""

_LARGEST_VNI = (1 << 24) - 1
_NFTABLES_MODES = ("Enabled", "Disabled", "Auto")
_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "y", "t"), True),
    **dict.fromkeys(("false", "0", "no", "n", "f"), False),
}


@dataclass(frozen=True, slots=True)
class FelixSettings:
    """What holds; what nobody sets has these defaults.

    `off` are those of TUNNEL_SWITCHES that are false. All nodes must have one VNI and one UDP port for VXLAN.
    `route_protocol` is that of the routes to its pods and, unless it is the default, of all its routes. With
    `workload_routes` it has a route to each pod of other nodes in place of one to each block, and it writes no route at
    all unless it `syncs_routes`. It `removes_foreign` routes from its devices. `wireguard` are the families that are to
    be encrypted. With `ebpf` it does kube-proxy's work, too. `nftables` is `Enabled`, `Disabled` or `Auto`, empty where
    nobody says it. Unless `enables_forwarding` it leaves that to others. `takes_loose_rpf`: it starts where the kernel
    lets any source address pass (releases before v3.12 refuse to). MTUs of tunnel devices are 0 where Felix derives
    them from the links of the host.
    """

    cluster_routes: ClusterRoutes = ClusterRoutes.DISABLED
    off: frozenset[str] = frozenset()
    vxlan_vni: int = 4096
    vxlan_port: int = 4789
    route_protocol: int = PROTOCOL_BOOT
    workload_routes: bool = False
    syncs_routes: bool = True
    removes_foreign: bool = True
    wireguard: frozenset[Family] = frozenset()
    enables_forwarding: bool = True
    takes_loose_rpf: bool = False
    health: bool = False
    health_port: int = 9099
    metrics: bool = False
    metrics_port: int = 9091
    mtus: tuple[tuple[str, int], ...] = ()
    wireguard_port: int = 51820
    wireguard_port_v6: int = 51821
    ebpf: bool = False
    nftables: str = ""

    @property
    def block_routes(self) -> bool:
        """Whether it writes routes to blocks."""
        return self.syncs_routes and not self.workload_routes

    @property
    def protocols(self) -> frozenset[int]:
        """The protocols by which routes of BIRD and Felix are known, whatever they lead to."""
        return CALICO_PROTOCOLS if self.route_protocol == PROTOCOL_BOOT else CALICO_PROTOCOLS | {self.route_protocol}

    def told(self, said: Said) -> "FelixSettings":
        """These settings where nothing more is said, else what is said."""
        settings = self
        for name, value in said:
            settings = _KNOWN[name](settings, str(value)) if name in _KNOWN else settings
        return settings


def variable(setting: str) -> str:
    """The environment variable for a setting of FelixConfiguration."""
    return f"FELIX_{setting.upper().replace('IPIP', 'IPINIP')}"


def _number(lowest: int, highest: int, change: Callable[[FelixSettings, int], FelixSettings]) -> "_Change":
    def told(settings: FelixSettings, text: str) -> FelixSettings:
        fits = text.isdecimal() and lowest <= int(text) <= highest
        return change(settings, int(text)) if fits else settings

    return told


def _flag(change: Callable[[FelixSettings, bool], FelixSettings]) -> "_Change":
    def told(settings: FelixSettings, text: str) -> FelixSettings:
        value = _WORDS.get(text.lower())
        return settings if value is None else change(settings, value)

    return told


def _tunnels(switch: str) -> "_Change":
    return _flag(lambda settings, on: replace(settings, off=settings.off - {switch} if on else settings.off | {switch}))


def _wireguard(family: Family) -> "_Change":
    return _flag(
        lambda settings, on: replace(
            settings, wireguard=settings.wireguard | {family} if on else settings.wireguard - {family}
        )
    )


def _cluster_routes(settings: FelixSettings, text: str) -> FelixSettings:
    found: Iterable[ClusterRoutes] = (one for one in ClusterRoutes if one.value.lower() == text.lower())
    return replace(settings, cluster_routes=next(iter(found), settings.cluster_routes))


def _route_source(settings: FelixSettings, text: str) -> FelixSettings:
    known = {"workloadips": True, "calicoipam": False}
    return replace(settings, workload_routes=known.get(text.lower(), settings.workload_routes))


def _forwarding(settings: FelixSettings, text: str) -> FelixSettings:
    known = {"enabled": True, "disabled": False}
    return replace(settings, enables_forwarding=known.get(text.lower(), settings.enables_forwarding))


def _mtu(name: str) -> "_Change":
    def change(settings: FelixSettings, found: int) -> FelixSettings:
        return replace(settings, mtus=tuple(sorted({**dict(settings.mtus), name: found}.items())))

    return _number(0, 65535, change)


def _nftables(settings: FelixSettings, text: str) -> FelixSettings:
    found = next((mode for mode in _NFTABLES_MODES if mode.lower() == text.lower()), settings.nftables)
    return replace(settings, nftables=found)


_Change = Callable[[FelixSettings, str], FelixSettings]
_KNOWN: Mapping[str, _Change] = {
    "programClusterRoutes": _cluster_routes,
    **{switch: _tunnels(switch) for switch in TUNNEL_SWITCHES},
    "vxlanVNI": _number(1, _LARGEST_VNI, lambda settings, found: replace(settings, vxlan_vni=found)),
    "vxlanPort": _number(1, 65535, lambda settings, found: replace(settings, vxlan_port=found)),
    "deviceRouteProtocol": _number(1, 255, lambda settings, found: replace(settings, route_protocol=found)),
    "routeSource": _route_source,
    "routeSyncDisabled": _flag(lambda settings, found: replace(settings, syncs_routes=not found)),
    "removeExternalRoutes": _flag(lambda settings, found: replace(settings, removes_foreign=found)),
    "wireguardListeningPort": _number(1, 65535, lambda settings, found: replace(settings, wireguard_port=found)),
    "wireguardListeningPortV6": _number(1, 65535, lambda settings, found: replace(settings, wireguard_port_v6=found)),
    "wireguardEnabled": _wireguard(Family.IPV4),
    "wireguardEnabledV6": _wireguard(Family.IPV6),
    "ipForwarding": _forwarding,
    "ignoreLooseRPF": _flag(lambda settings, found: replace(settings, takes_loose_rpf=found)),
    "healthEnabled": _flag(lambda settings, found: replace(settings, health=found)),
    "healthPort": _number(0, 65535, lambda settings, found: replace(settings, health_port=found)),
    "prometheusMetricsEnabled": _flag(lambda settings, found: replace(settings, metrics=found)),
    "prometheusMetricsPort": _number(0, 65535, lambda settings, found: replace(settings, metrics_port=found)),
    **{name: _mtu(name) for name in TUNNEL_MTUS},
    "bpfEnabled": _flag(lambda settings, found: replace(settings, ebpf=found)),
    "nftablesMode": _nftables,
}

SETTINGS = tuple(_KNOWN)
"""The settings that are read, by the names that FelixConfiguration has for them."""
