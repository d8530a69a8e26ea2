"""The files of NetworkManager and systemd-networkd -> what they do with links and routes of others.

NetworkManager.conf(5), networkd.conf(5), systemd.network(5). Callers give the files in the order in which the daemons
read them: of several that set something the last one counts.
"""

import re
from collections.abc import Iterable

from calico_agent.model.host.network_managers import DeviceSection, LinkState, NetworkFile, NetworkManager
from calico_agent.sources.host.decode.settings_file import decode_settings

_SEPARATOR = re.compile(r"(?<!\\)[,;]")
_TRUE = frozenset(("1", "yes", "y", "true", "t", "on"))
_FALSE = frozenset(("0", "no", "n", "false", "f", "off"))


def decode_network_manager(texts: Iterable[str], *, leaves_veth: bool) -> NetworkManager:
    """By all configuration files."""
    unmanaged: tuple[str, ...] = ()
    sections: list[DeviceSection] = []
    for text in texts:
        within: dict[str, dict[str, str]] = {}
        for section, key, value in decode_settings(text):
            if section == "keyfile" and key.rstrip("+-") == "unmanaged-devices":
                unmanaged = _changed(unmanaged, key[-1], _specs(value))
            elif section == "device" or section.startswith("device-"):
                within.setdefault(section, {})[key] = value
        # Of the sections of one file the first counts, and a later file comes before the others.
        sections = [*_sections(within), *sections]
    return NetworkManager(unmanaged, tuple(sections), leaves_veth)


def _sections(within: dict[str, dict[str, str]]) -> list[DeviceSection]:
    return [
        DeviceSection(_specs(settings.get("match-device", "")), managed)
        for settings in within.values()
        if (managed := _flag(settings.get("managed", ""))) is not None
    ]


def _changed(before: tuple[str, ...], sign: str, given: tuple[str, ...]) -> tuple[str, ...]:
    if sign == "+":
        return (*before, *given)
    return tuple(one for one in before if one not in given) if sign == "-" else given


def _specs(value: str) -> tuple[str, ...]:
    return tuple(spec.strip() for spec in _SEPARATOR.split(value) if spec.strip())


def _flag(value: str) -> bool | None:
    word = value.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def decode_keeps(texts: Iterable[str]) -> tuple[bool, bool]:
    """Whether systemd-networkd keeps routes, and policy rules, that it did not make; by itself it keeps neither."""
    manages = {"ManageForeignRoutes": True, "ManageForeignRoutingPolicyRules": True}
    for text in texts:
        for section, key, value in decode_settings(text):
            if section == "Network" and key in manages:
                found = _flag(value)
                manages[key] = manages[key] if found is None else found
    return not manages["ManageForeignRoutes"], not manages["ManageForeignRoutingPolicyRules"]


def decode_network_file(path: str, text: str) -> NetworkFile:
    """A .network file. A setting of [Match] that is empty takes back what was said before."""
    match: dict[str, str] = {}
    unmanaged = False
    for section, key, value in decode_settings(text):
        if section == "Match":
            match[key] = f"{match[key]} {value}".strip() if key in match and value else value
        elif section == "Link" and key == "Unmanaged":
            unmanaged = _flag(value) is True
    return NetworkFile(path, tuple((key, value) for key, value in match.items() if value), unmanaged)


def decode_link_state(text: str) -> LinkState:
    """A file of /run/systemd/netif/links."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return LinkState(found.get("ADMIN_STATE", ""), found.get("NETWORK_FILE", ""))
