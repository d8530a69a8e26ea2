"""Programs of this host that configure network links, and what they are told to do with those of others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from calico_agent.model.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Device:
    """A link as the managers know it. `kind` is the kernel's (`veth`, `ipip`, `vxlan`, `wireguard`)."""

    name: str
    kind: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSection:
    """A [device...] section of NetworkManager.conf: what it says of the devices that `match` names."""

    match: tuple[str, ...]
    managed: bool


@dataclass(frozen=True, slots=True)
class NetworkManager:
    """NetworkManager runs. `unmanaged` are the device specs of [keyfile] unmanaged-devices, `sections` first the one
    that counts first. `leaves_veth`: udev tells it to leave the links of containers alone."""

    unmanaged: tuple[str, ...] = ()
    sections: tuple[DeviceSection, ...] = ()
    leaves_veth: bool = False

    def manages(self, device: Device) -> bool | None:
        """Whether it may take a device for its own; None where a spec asks for what is not known."""
        by_list = _matches(self.unmanaged, device) if self.unmanaged else False
        if by_list is not False:
            return None if by_list is None else False
        for section in self.sections:
            met = _matches(section.match, device) if section.match else True
            if met is not False:
                return None if met is None else section.managed
        return not (self.leaves_veth and device.kind == "veth")


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A .network file: the settings of its [Match] section, in their order."""

    path: str
    match: tuple[tuple[str, str], ...] = ()
    unmanaged: bool = False

    def takes(self, device: Device) -> bool | None:
        """Whether it is for a device; None where that depends on what is not known."""
        if not self.match:
            return False
        found = [_asks(key, value, device) for key, value in self.match]
        return False if False in found else None if None in found else True


@dataclass(frozen=True, slots=True)
class LinkState:
    """What systemd-networkd says of a link (ADMIN_STATE in /run/systemd/netif/links)."""

    admin: str
    file: str = ""

    @property
    def managed(self) -> bool:
        return bool(self.file) and self.admin not in {"unmanaged", "pending", "initialized"}


@dataclass(frozen=True, slots=True)
class Networkd:
    """systemd-networkd runs. `keeps_routes` and `keeps_rules`: it is told not to delete those of others.

    `links` are the states of the links that it knows, by number; `files` the .network files in their order.
    """

    keeps_routes: bool = False
    keeps_rules: bool = False
    links: Mapping[int, LinkState] = field(default_factory=dict)
    files: tuple[NetworkFile, ...] = ()

    def file_for(self, device: Device) -> NetworkFile | None:
        """The first that is for a device that is not there yet, or may be; None for none."""
        return next((file for file in self.files if file.takes(device) is not False), None)


@dataclass(frozen=True, slots=True)
class NetworkManagers:
    """Each is None where it does not run."""

    network_manager: NetworkManager | Unreadable | None = None
    networkd: Networkd | Unreadable | None = None


def _matches(specs: tuple[str, ...], device: Device) -> bool | None:
    """A list of device specs (NetworkManager.conf(5), "Device List Format"): what it excepts counts first."""
    excepted = [_meets(spec.removeprefix("except:"), device) for spec in specs if spec.startswith("except:")]
    named = [_meets(spec, device) for spec in specs if not spec.startswith("except:")]
    if True in excepted:
        return False
    found = True if not named or True in named else None if None in named else False
    return None if None in excepted and found is not False else found


def _meets(spec: str, device: Device) -> bool | None:
    kind, colon, value = spec.partition(":")
    if spec == "*":
        return True
    if kind == "interface-name":
        if value.startswith("="):
            return device.name == value[1:]
        return _globbed(value.removeprefix("~"), device.name)
    if kind == "driver":
        return value.partition("/")[0] == device.kind if "/" not in value else None
    if kind == "type":
        return None if device.kind not in _TYPES else value in _TYPES[device.kind]
    if kind in {"s390-subchannels", "dhcp-plugin"}:
        return False if kind == "s390-subchannels" else None
    return False if colon else spec == device.name  # a hardware address: that of a link of Calico's is no card's


_TYPES = {
    "veth": frozenset(("veth", "ethernet")),
    "ipip": frozenset(("ip-tunnel", "iptunnel")),
    "vxlan": frozenset(("vxlan",)),
    "wireguard": frozenset(("wireguard",)),
}


def _globbed(pattern: str, name: str) -> bool:
    """With `*` and `?`; brackets stand for themselves."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


_LINK_TYPES = {"veth": "ether", "vxlan": "ether", "ipip": "tunnel", "wireguard": "wireguard"}


def _asks(key: str, value: str, device: Device) -> bool | None:
    """One setting of a [Match] section (systemd.network(5)): a list of patterns, all of it turned round by a `!`."""
    facts = {
        "Name": device.name,
        "Type": _LINK_TYPES.get(device.kind),
        "Kind": device.kind,
        "Driver": device.kind,
        "MACAddress": device.mac,
        "PermanentMACAddress": "",
        "Path": "",
        "SSID": "",
        "BSSID": "",
        "WLANInterfaceType": "",
    }
    fact = facts.get(key)
    if fact is None:
        return None
    patterns = value.split()
    negated = bool(patterns) and patterns[0].startswith("!")
    bare = [pattern.removeprefix("!") for pattern in patterns]
    met = any(fact != "" and fnmatchcase(fact, pattern) for pattern in bare)
    return met != negated
