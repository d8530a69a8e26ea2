"""A world as an expression that makes it again (`again` has the names in it): what is as usual is left out."""

from dataclasses import MISSING, fields, is_dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from tests.worlds.faults import Fault
from tests.worlds.model.releases import Release

_WORDS = {
    IPv4Address: "ip_address",
    IPv6Address: "ip_address",
    IPv4Interface: "ip_interface",
    IPv6Interface: "ip_interface",
    IPv4Network: "ip_network",
    IPv6Network: "ip_network",
}
_WIDTH = 110


def shown(value: Any, indent: int = 0) -> str:
    """The expression."""
    if isinstance(value, Release):
        return f"RELEASE[{value.version!r}]"
    if isinstance(value, Fault):
        return f"FAULT[{value.name!r}]"
    if is_dataclass(value):
        parts = [f"{name}={shown(held, indent + 2)}" for name, held in _unusual(value)]
        return _joined(f"{type(value).__name__}(", parts, ")", indent)
    if isinstance(value, tuple):
        parts = [shown(one, indent + 2) for one in value]
        return _joined("(", parts, ",)" if len(parts) == 1 else ")", indent)
    return f"{_WORDS[type(value)]}({str(value)!r})" if type(value) in _WORDS else repr(value)


def _unusual(value: Any) -> list[tuple[str, Any]]:
    """The fields that differ from their defaults."""
    found = []
    for field in fields(value):
        usual = field.default if field.default_factory is MISSING else field.default_factory()
        if (held := getattr(value, field.name)) != usual:
            found.append((field.name, held))
    return found


def _joined(begin: str, parts: list[str], end: str, indent: int) -> str:
    line = begin + ", ".join(parts) + end
    if len(line) + indent <= _WIDTH and "\n" not in line:
        return line
    pad = " " * (indent + 2)
    return begin + "".join(f"\n{pad}{part}," for part in parts) + f"\n{' ' * indent}{end.lstrip(',')}"
