"""How the Kubernetes API is connected to with a login, and in which words it is told that it is not."""

import os
import ssl
from ipaddress import ip_address
from typing import NoReturn

import urllib3
from urllib3.exceptions import (
    InsecureRequestWarning,
    LocationParseError,
    ProxySchemeUnknown,
    ProxySchemeUnsupported,
    SSLError,
)

from calico_agent.model.host.kubernetes_api import Trouble
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin

# openssl/x509_vfy.h: what cannot be led back to an authority, what is over, and what is of another name or address.
_UNKNOWN_AUTHORITY, _EXPIRED, _OTHER_NAME = frozenset({2, 18, 19, 20, 21}), frozenset({9, 10}), frozenset({62, 64})
_KINDS = {
    **dict.fromkeys(_UNKNOWN_AUTHORITY, Trouble.WRONG_CA),
    **dict.fromkeys(_EXPIRED, Trouble.SERVER_EXPIRED),
    **dict.fromkeys(_OTHER_NAME, Trouble.WRONG_NAME),
}


class RefusedError(Exception):
    """A question that was not answered. `detail` is in the words of the system or the API."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(detail)
        self.trouble, self.detail = trouble, detail


def open_pool(login: ApiLogin, connections: int = 1) -> tuple[urllib3.HTTPConnectionPool, str]:
    """A pool that keeps so many connections, and what comes before every path. Raises RefusedError."""
    try:
        url = urllib3.util.parse_url(login.server if "://" in login.server else f"https://{login.server}")
    except LocationParseError:
        raise RefusedError(Trouble.MALFORMED, "its server is no URL") from None
    host = (url.host or "").strip("[]")
    if url.scheme not in {"http", "https"} or not host:
        raise RefusedError(Trouble.MALFORMED, "its server is no URL of HTTPS")
    prefix = (url.path or "").rstrip("/")
    if url.scheme == "http":
        if not _is_loopback(host):
            raise RefusedError(Trouble.CLEAR_TEXT, "its server is reached by http")
        return urllib3.HTTPConnectionPool(host, url.port or 80, maxsize=connections), prefix
    name = login.server_name or host
    if login.proxy:
        return _through_proxy(login, host, url.port or 443, name, connections), prefix
    pool = urllib3.HTTPSConnectionPool(
        host, url.port or 443, maxsize=connections, ssl_context=_context(login), server_hostname=name
    )
    return pool, prefix


def _through_proxy(login: ApiLogin, host: str, port: int, name: str, connections: int) -> urllib3.HTTPConnectionPool:
    """A pool whose connections are tunnels of a proxy (CONNECT)."""
    try:
        given = urllib3.util.parse_url(login.proxy).auth
        headers = urllib3.util.make_headers(proxy_basic_auth=given) if given else None
        manager = urllib3.ProxyManager(
            login.proxy,
            proxy_headers=headers,
            maxsize=connections,
            ssl_context=_context(login),
            server_hostname=name,
        )
        return manager.connection_from_host(host, port, "https")
    except (LocationParseError, ProxySchemeUnknown, ProxySchemeUnsupported):
        raise RefusedError(Trouble.MALFORMED, "its proxy-url is no URL of a proxy") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(login: ApiLogin) -> ssl.SSLContext:
    """TLS as Calico's programs do it; they do not insist on every extension of a certificate, as Python 3.13 does."""
    try:
        context = ssl.create_default_context(cadata=login.ca.decode("ascii", errors="replace") or None)
    except ssl.SSLError:
        raise RefusedError(Trouble.MALFORMED, "its certificate authority is no certificate") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if login.insecure:
        urllib3.disable_warnings(InsecureRequestWarning)  # it is said by the preflight
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if login.certificate and not login.token:
        _load(context, login.certificate + b"\n" + login.key)
    return context


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Certificate and key, by a file that is in memory only: OpenSSL's door in Python takes files."""
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    except (ssl.SSLError, OSError, ValueError):
        raise RefusedError(Trouble.MALFORMED, "its client certificate and key do not fit each other") from None
    finally:
        os.close(descriptor)


def explain(error: Exception) -> NoReturn:
    """Why there was no answer, in the words of what was tried last."""
    cause: BaseException | None = error.args[0] if isinstance(error, SSLError) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise RefusedError(_KINDS.get(cause.verify_code, Trouble.WRONG_CA), cause.verify_message) from None
    if isinstance(cause, ssl.SSLError):
        raise RefusedError(Trouble.NO_ANSWER, f"TLS: {(cause.reason or 'refused').lower().replace('_', ' ')}") from None
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    detail = (cause.strerror if isinstance(cause, OSError) else "") or "it does not answer in time"
    raise RefusedError(Trouble.UNREACHABLE, f"{detail[:1].lower()}{detail[1:]}") from None
