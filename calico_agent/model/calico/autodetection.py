"""Calico's own ways to find a node's address, in Calico's grammar (IP_AUTODETECTION_METHOD, IP6_AUTODETECTION_METHOD).

Grammar: node/pkg/lifecycle/startup/autodetection/autodetection_methods.go@v3.32.1. Lists are separated by commas with
any white space around them, expressions are Go's and are searched for in the link's name, host bits of a network are
masked away. Calico finds a fault in a method when it starts, and then goes on without an address; here it is found when
the configuration is read.
"""

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from calico_agent.model.calico.go_regex import compile_go
from calico_agent.model.network.address import IPAddress, IPNetwork


class MethodKind(StrEnum):
    """The methods that are carried out here."""

    FIRST_FOUND = "first-found"
    INTERFACE = "interface"
    SKIP_INTERFACE = "skip-interface"
    CIDR = "cidr"
    CAN_REACH = "can-reach"
    INTERNAL_IP = "kubernetes-internal-ip"


@dataclass(frozen=True, slots=True)
class CalicoMethod:
    """A method as it is written (`text`), and what it means.

    `patterns` belong to `interface=` and `skip-interface=`, `networks` to `cidr=`, `destination` (an address or a DNS
    name) to `can-reach=`.
    """

    kind: MethodKind
    text: str
    patterns: tuple[re.Pattern[str], ...] = ()
    networks: tuple[IPNetwork, ...] = ()
    destination: str = ""

    def names(self, link: str) -> bool:
        """Whether one of the patterns is found in the name of a link."""
        return any(pattern.search(link) for pattern in self.patterns)

    def covers(self, address: IPAddress) -> bool:
        """Whether one of the networks contains the address."""
        return any(address in network for network in self.networks)


_SEPARATOR = re.compile(r"\s*,\s*", re.ASCII)
_MASK = re.compile(r"/[0-9]{1,3}")
_LABEL = r"[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_LONGEST_GUESS = 40
_BARE = (MethodKind.FIRST_FOUND, MethodKind.INTERNAL_IP)
_FORMS = (*(f"{kind}=" for kind in MethodKind if kind not in _BARE), *(kind.value for kind in _BARE))


def parse_method(text: str, version: int) -> CalicoMethod:
    """A method for addresses of one IP version. Raises ValueError, in words that follow the text."""
    if text == MethodKind.FIRST_FOUND:
        return CalicoMethod(MethodKind.FIRST_FOUND, text)
    if text == MethodKind.INTERNAL_IP:
        return CalicoMethod(MethodKind.INTERNAL_IP, text)
    word, equals, argument = text.partition("=")
    if not equals or word not in set(MethodKind) - set(_BARE):
        raise ValueError(f"is none of Calico's methods{_near(text, word if equals else '')}")
    kind = MethodKind(word)
    if kind is MethodKind.CAN_REACH:
        return CalicoMethod(kind, text, destination=_destination(argument, version))
    items = _items(argument)
    if kind is MethodKind.CIDR:
        return CalicoMethod(kind, text, networks=tuple(_network(item, version) for item in items))
    return CalicoMethod(kind, text, patterns=tuple(_pattern(item) for item in items))


def _near(text: str, word: str) -> str:
    """The form that was probably meant: `eth1` is short of `interface=`."""
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_GUESS:
        return ""
    if word or text.startswith(("first", "can", "skip", "inter", "kube")):
        close = difflib.get_close_matches(f"{word}=" if word else text, _FORMS, n=1, cutoff=0.5)
        return f' (did you mean "{close[0]}"?)' if close else ""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f' (did you mean "interface={text}"?)'
    return f' (did you mean "{"cidr" if "/" in text else "can-reach"}={text if "/" in text else network[0]}"?)'


def _items(argument: str) -> list[str]:
    items = _SEPARATOR.split(argument)
    if "" in items:
        raise ValueError("has an empty item, which in Calico matches every link")
    padded = next((item for item in items if item != item.strip()), None)
    if padded is not None:
        raise ValueError(f"has white space in the item {padded!r}, where Calico takes it for a part of the item")
    return items


def _pattern(item: str) -> re.Pattern[str]:
    try:
        return compile_go(item)
    except ValueError as error:
        raise ValueError(f"has the item {item[:60]!r}, which {error}") from None


def _network(item: str, version: int) -> IPNetwork:
    # Go's ParseCIDR wants a prefix length in digits, and no zone.
    written = _MASK.fullmatch(item[item.find("/") :]) and "%" not in item
    try:
        network = ip_network(item, strict=False) if written else None
    except ValueError:
        network = None
    if network is None or network.version != version:
        raise ValueError(f"has the item {item[:60]!r}, which is not an IPv{version} network like {_example(version)}")
    return network


def _destination(argument: str, version: int) -> str:
    try:
        address = ip_address(argument)
    except ValueError:
        if len(argument) > 253 or not _DNS_NAME.fullmatch(argument):
            raise ValueError("has no address and no DNS name to reach") from None
        return argument
    if address.version != version:
        raise ValueError(f"reaches for an IPv{address.version} address, but the method is for IPv{version}")
    return argument


def _example(version: int) -> str:
    return "10.0.0.0/24" if version == 4 else "2001:db8::/64"
