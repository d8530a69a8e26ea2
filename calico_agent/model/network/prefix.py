"""Prefixes as plain numbers, and an index of them: what the audit of 50,000 routes and 25,000 blocks works on."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

from calico_agent.model.network.address import IPNetwork

Key = tuple[int, int, int]
"""A prefix as plain numbers (IP version, prefix length, network address): many times cheaper to compare and hash."""

Value = TypeVar("Value")
FULL_LENGTH = {4: 32, 6: 128}


def key_of(prefix: IPNetwork) -> Key:
    """The numbers of a prefix."""
    return (prefix.version, prefix.prefixlen, int(prefix.network_address))


def prefix_of(key: Key) -> IPNetwork:
    """The prefix with these numbers."""
    version, length, network = key
    return IPv4Network((network, length)) if version == 4 else IPv6Network((network, length))


class PrefixIndex(Generic[Value]):
    """Prefixes with one value each, to find the longest that covers another prefix. It is not changed once made."""

    __slots__ = ("_lengths", "_values")

    def __init__(self, values: Mapping[Key, Value]) -> None:
        self._values = values
        self._lengths: dict[int, list[int]] = {}
        for version, length in sorted({(version, length) for version, length, _ in values}, reverse=True):
            self._lengths.setdefault(version, []).append(length)

    def covering(self, key: Key) -> Value | None:
        """The value of the longest prefix that contains or equals this one."""
        version, longest, network = key
        for length in self._lengths.get(version, ()):
            if length <= longest:
                shift = FULL_LENGTH[version] - length
                found = self._values.get((version, length, network >> shift << shift))
                if found is not None:
                    return found
        return None
