"""Checks of single values. Each raises ValueError with the words that follow the value in the message to the person."""

import re
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit

from calico_agent.model.calico.autodetection import parse_method
from calico_agent.model.container.container import Mount
from calico_agent.model.network.address import IPInterface

# A node name is a Kubernetes-style name: Calico 3.x validates it as an RFC 1123 subdomain
# (libcalico-go/lib/validator/v3/validator.go@v3.32.1) and refuses capitals; Felix 2.x takes more
# (config/config_params.go@2.3.0).
_NODE_NAME_2 = re.compile(r"[a-zA-Z0-9_.-]+")
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?", re.ASCII)
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# reference/regexp.go of github.com/distribution/reference: host and port, a path in lower case, tag, digest.
_DOMAIN = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
)
_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*(?::[\w][\w.-]{{0,127}})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)

_PROPAGATIONS = frozenset({"shared", "rshared", "slave", "rslave", "private", "rprivate"})

# The path of a unix socket in its address: sun_path of unix(7), with a zero byte at the end.
_LONGEST_SOCKET_PATH = 107

# What the agent itself tells calico/node. A second place to say it would be a second truth.
_AGENTS_OWN = {"NODENAME": "[identity] name", "IP": "[identity] ipv4", "IP6": "[identity] ipv6"}


def configured_address(text: str, version: int) -> IPInterface | None:
    """The address of an `ipv4` or `ipv6` setting; None for the words `auto` and `none`."""
    if text in {"auto", "none"}:
        return None
    try:
        interface = IPv4Interface(text) if version == 4 else IPv6Interface(text)
    except ValueError:
        raise ValueError(f"is not an IPv{version} address") from None
    address = interface.ip
    if address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local:
        raise ValueError("is not an address that other hosts can reach")
    if version == 4 and interface.network.prefixlen < 31 and address == interface.network.network_address:
        raise ValueError(f"is the address of the network {interface.network}, not of a host in it")
    if version == 4 and interface.network.prefixlen < 31 and address == interface.network.broadcast_address:
        raise ValueError(f"is the broadcast address of the network {interface.network}, not of a host in it")
    if version == 6 and interface.network.prefixlen < 127 and address == interface.network.network_address:
        raise ValueError(f"is the address of all routers in the network {interface.network}, not of a host in it")
    return interface


def check_ipv4(text: str) -> None:
    configured_address(text, 4)


def check_ipv6(text: str) -> None:
    configured_address(text, 6)


def check_method(text: str) -> None:
    """How the IPv4 address is found."""
    if text != "auto":
        parse_method(text, 4)


def check_method6(text: str) -> None:
    """How the IPv6 address is found."""
    if text != "auto":
        parse_method(text, 6)


def check_node_name(text: str) -> None:
    """A name for any generation of Calico; which one it must fit, other keys tell."""
    if text and (len(text) > 253 or not _NODE_NAME_2.fullmatch(text)):
        raise ValueError("is not a node name that Calico accepts")


def is_name_in_calico_3(text: str) -> bool:
    """Whether a node name fits Calico 3.x."""
    return _NODE_NAME.fullmatch(text) is not None


def check_container_name(text: str) -> None:
    if len(text) > 128 or not _CONTAINER_NAME.fullmatch(text):
        raise ValueError("is not a container name that Docker accepts")


def check_image(text: str) -> None:
    if text and (len(text) > 512 or not _IMAGE.fullmatch(text)):
        raise ValueError("is not an image reference")


def check_absolute_path(text: str) -> None:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("is not an absolute path")


def check_socket_path(text: str) -> None:
    check_absolute_path(text)
    if len(text.encode()) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"is longer than the {_LONGEST_SOCKET_PATH} bytes that a socket's path may have")


def check_optional_path(text: str) -> None:
    if text:
        check_absolute_path(text)


def check_endpoint(text: str) -> None:
    """An etcd endpoint URL. A password in it would be shown wherever the endpoint is."""
    parts = _split_url(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError("is not an endpoint URL")
    if parts.username or parts.password:
        raise ValueError("carries a user name; that belongs into username and password_file")


def check_docker_url(text: str) -> None:
    parts = _split_url(text)
    local = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
    if not local and not (parts.scheme == "tcp" and parts.hostname and parts.port):
        raise ValueError("is not the address of a Docker Engine")
    if local:
        check_socket_path(parts.path)


def parse_mount(text: str) -> Mount:
    """A bind mount as `docker run --volume` takes it: `source:destination`, `:ro` for read only, `:ro,rshared`."""
    source, _, rest = text.partition(":")
    destination, _, options = rest.partition(":")
    words = set(filter(None, options.split(",")))
    if unknown := words - {"ro", "rw"} - _PROPAGATIONS:
        raise ValueError(f'has an unknown option "{min(unknown)[:20]}"')
    if words >= {"ro", "rw"} or len(words & _PROPAGATIONS) > 1:
        raise ValueError("has options that contradict each other")
    for path in (source, destination):
        if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
            raise ValueError("is not a bind mount of absolute paths")
    propagation = next(iter(words & _PROPAGATIONS - {"rprivate"}), "")
    return Mount(source, destination, read_only="ro" in words, propagation=propagation)


def check_mount(text: str) -> None:
    parse_mount(text)


def parse_listen(text: str) -> tuple[str, int] | None:
    """Address and port to listen on; None for the empty text, which means not at all."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError("is not an address with a port") from None
    if (address.version == 6) != host.startswith("[") or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("is not an address with a port")
    return str(address), int(port)


def check_listen(text: str) -> None:
    parse_listen(text)


def check_group(text: str) -> None:
    """useradd(8) takes these names; a number is one, too."""
    if text and (len(text) > 32 or not _GROUP.fullmatch(text)):
        raise ValueError("is not the name of a group")


def check_environment(variables: dict[str, str]) -> None:
    """Extra environment for calico/node."""
    for name, value in variables.items():
        if not _VARIABLE_NAME.fullmatch(name) or "\0" in value:
            raise ValueError(f"has a variable that cannot be: {name[:60]!r}")
        if name in _AGENTS_OWN:
            raise ValueError(f"sets {name}, which the agent sets: use {_AGENTS_OWN[name]}")
        if name.startswith("ETCD_"):
            raise ValueError(f"sets {name[:60]}, which the agent sets: use [datastore]")


def _split_url(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if port == 0:
        raise ValueError("is not a URL with a usable port")
    return parts
