"""Calico's IP autodetection: which of the host's addresses becomes the node's.

node/pkg/lifecycle/startup/autodetection@v3.31.7: interfaces are walked from the newest to the oldest, names
are the only thing looked at (no link state, no routes), and patterns are searched for, not matched.
"""

import json
import re
import socket
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from tests.lab.image import logs

Interface = IPv4Interface | IPv6Interface

_EXCLUDED = (
    *("^docker.*", "^cbr.*", "^dummy.*", "^podman.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo", "^br-.*", "^cali.*"),
    *("^tunl.*", "^flannel.*", "^kube-ipvs.*", "^cni.*", r"^vxlan\.calico.*", r"^vxlan-v6\.calico.*"),
    *(r"^wireguard\.cali.*", r"^wg-v6\.cali.*", "^nodelocaldns.*"),
)


class InvalidMethodError(Exception):
    """The method's name is unknown."""


class NotFoundError(Exception):
    """No address answers the description."""


@dataclass(frozen=True, slots=True)
class Link:
    """One interface and its addresses, in the kernel's order."""

    name: str
    addresses: tuple[Interface, ...]


def read_links() -> tuple[Link, ...]:
    """The host's interfaces, oldest first."""
    found = json.loads(subprocess.run(("ip", "-json", "address"), check=True, capture_output=True).stdout)
    return tuple(
        Link(link["ifname"], tuple(ip_interface(f"{a['local']}/{a['prefixlen']}") for a in link.get("addr_info", ())))
        for link in sorted(found, key=lambda link: int(link["ifindex"]))
    )


def detect(method: str, version: int) -> Interface | None:
    """The address that `method` yields, or None (and a log line that says why).

    Raises:
        InvalidMethodError: there is no such method.
    """
    family = f"IPv{version}"
    name, _, argument = method.partition("=")
    items = re.split(r"\s*,\s*", argument.strip())
    try:
        if method in {"", "first-found"}:
            link, address = _first(_EXCLUDED, (), version)
            logs.info(f"Using autodetected {family} address on interface {link}: {address}")
        elif method.startswith("interface="):
            link, address = _first((), items, version)
            logs.info(f"Using autodetected {family} address {address} on matching interface {link}")
        elif method.startswith("skip-interface="):
            link, address = _first((*_EXCLUDED, *items), (), version)
            logs.info(
                f"Using autodetected {family} address on interface {link}: {address} while skipping matching interfaces"
            )
        elif method.startswith("cidr="):
            link, address = _in_networks(items, version)
            logs.info(
                f"Using autodetected {family} address {address} on interface {link} matching cidrs [{' '.join(items)}]"
            )
        elif method.startswith("can-reach="):
            address = _source_towards(argument, version)
            logs.info(f"Using autodetected {family} address {address}, detected by connecting to {argument}")
        else:
            raise InvalidMethodError(method)
    except NotFoundError as reason:
        logs.warning(_failure(family, name, argument, items, reason))
        return None
    return address


def default_interfaces() -> list[dict[str, object]]:
    """`spec.interfaces` of the node record: what the default list lets through, by name."""
    chosen: list[dict[str, object]] = []
    for link in sorted(read_links(), key=lambda link: link.name):
        addresses = [str(address.ip) for address in link.addresses if _is_global_unicast(address)]
        if addresses and not _matches(_EXCLUDED, link.name):
            chosen.append({"name": link.name, "addresses": addresses})
    return chosen


def _failure(family: str, name: str, argument: str, items: list[str], reason: NotFoundError) -> str:
    listed = f"[{' '.join(items)}]"
    return {
        "interface": f"Unable to auto-detect an {family} address using interface regexes {listed}: {reason}",
        "cidr": f"Unable to auto-detect an {family} address using interface cidr {listed}: {reason}",
        "can-reach": f"Unable to auto-detect {family} address by connecting to {argument}: {reason}",
        "skip-interface": f"Unable to auto-detect an {family} address while excluding {listed}: {reason}",
    }.get(name, f"Unable to auto-detect an {family} address: {reason}")


def _first(excluded: tuple[str, ...], included: list[str] | tuple[()], version: int) -> tuple[str, Interface]:
    links = [
        link
        for link in read_links()
        if not _matches(excluded, link.name) and (not included or _matches(included, link.name))
    ]
    if not links:
        raise NotFoundError("no valid host interfaces found")
    return _choose(links, version)


def _choose(links: list[Link], version: int) -> tuple[str, Interface]:
    for link in reversed(links):
        for address in link.addresses:
            if address.version == version and _is_global_unicast(address):
                return link.name, address
    raise NotFoundError(f"no valid IPv{version} addresses found on the host interfaces")


def _in_networks(items: list[str], version: int) -> tuple[str, Interface]:
    try:
        networks = [ip_network(item, strict=False) for item in items]
    except ValueError as wrong:
        raise NotFoundError(str(wrong)) from wrong
    matching = [
        Link(link.name, tuple(a for a in link.addresses if any(a.ip in network for network in networks)))
        for link in read_links()
    ]
    return _choose(matching, version)


def _source_towards(destination: str, version: int) -> Interface:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((destination, 80))
        except OSError as failure:
            raise NotFoundError(str(failure)) from failure
        source = probe.getsockname()[0]
    for link in read_links():
        for address in link.addresses:
            if str(address.ip) == source:
                return address
    raise NotFoundError(
        f"autodetected IPv{version} address does not match any addresses found on local interfaces: {source}"
    )


def _matches(patterns: tuple[str, ...] | list[str], name: str) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)


def _is_global_unicast(address: Interface) -> bool:
    ip = address.ip
    return (
        not (ip.is_unspecified or ip.is_loopback or ip.is_link_local or ip.is_multicast)
        and str(ip) != "255.255.255.255"
    )
