"""Endpoints of etcd: what the URLs say, and which addresses they stand for."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from calico_agent.model.network.address import IPAddress
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.worker import Errand

_DEFAULT_PORT = 2379
_LOOKUP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One member of etcd as its client reaches it."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(url: str, *, tls_by_default: bool) -> Endpoint:
    """`https://host:2379`, `http://host:2379` or `host:2379`.

    Without a scheme, TLS is used when certificates are configured, as etcd's own client does. Raises ValueError.
    """
    scheme, separator, _ = url.partition("://")
    if "@" in url:
        raise ValueError("a user name and password do not belong into an endpoint; set them beside it")
    if separator and scheme.lower() not in ("http", "https"):
        raise ValueError(f"the endpoint {url!a} is neither http nor https")
    try:
        parts = urlsplit(url if separator else f"//{url}")
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORT
    except ValueError:
        host = ""
    if not host or not (host.isascii() and host.isprintable()) or parts.path.strip("/") or parts.query:
        raise ValueError(f"the endpoint {url!a} is not of the form https://host:{_DEFAULT_PORT}")
    return Endpoint(host, port, scheme.lower() == "https" if separator else tls_by_default)


def endpoints_of(settings: DatastoreSettings) -> tuple[Endpoint, ...]:
    """All members of etcd as configured. Raises DatastoreError where there are none, or one cannot be understood."""
    if not settings.endpoints:
        raise DatastoreError("no endpoint of etcd is configured", "config")
    tls = bool(settings.ca_file or settings.cert_file)
    try:
        return tuple(parse_endpoint(url, tls_by_default=tls) for url in settings.endpoints)
    except ValueError as error:
        raise DatastoreError(str(error), "config") from None


def resolve_endpoints(urls: Iterable[str]) -> tuple[IPAddress, ...]:
    """The addresses that the endpoints stand for, in order and once each. What does not resolve in time is left out."""
    found: dict[IPAddress, None] = {}
    for url in urls:
        try:
            host = parse_endpoint(url, tls_by_default=False).host
        except ValueError:
            continue
        found.update(dict.fromkeys(_literal(host) or _lookup(host)))
    return tuple(found)


def _literal(host: str) -> tuple[IPAddress, ...]:
    try:
        return (ip_address(host),)
    except ValueError:
        return ()


# getaddrinfo() has no deadline of its own, so it runs beside us; a name whose look-up hangs is not asked for twice.
_lookups: dict[str, Errand] = {}
_answers: dict[str, tuple[IPAddress, ...]] = {}


def _lookup(host: str) -> tuple[IPAddress, ...]:
    running = _lookups.get(host)
    if running is None or not running.alive:
        running = _lookups[host] = Errand(f"resolve {host}", partial(_ask, host))
        running.start()
    return _answers.get(host, ()) if running.wait(_LOOKUP_SECONDS) else ()


def _ask(host: str) -> None:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        _answers[host] = ()
    else:
        _answers[host] = tuple(ip_address(str(address[0]).partition("%")[0]) for *_, address in answers)
