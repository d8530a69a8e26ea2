"""Asks the Kubernetes API with a credential of Calico's what that may do: by SelfSubjectAccessReview, which changes
nothing and which everybody may ask."""

import os
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import NoReturn, Self

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, LocationParseError, SSLError

from calico_agent import __version__
from calico_agent.model.host.kubernetes_api import ApiAccess, Permission, Trouble
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.api_credentials import ApiSecret
from calico_agent.sources.kubernetes.decode.access_review import (
    GROUP_VERSIONS,
    decode_refusal,
    decode_review,
    decode_server_version,
    encode_review,
    review_path,
)
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin

_TIMEOUT = 3.0  # s, of one question
_DEADLINE = 8.0  # s, of all: the reader of the preflight waits for ten
_LONGEST_ANSWER = 1 << 16

# openssl/x509_vfy.h: what cannot be led back to an authority, what is over, and what is of another name or address.
_UNKNOWN_AUTHORITY, _EXPIRED, _OTHER_NAME = frozenset({2, 18, 19, 20, 21}), frozenset({9, 10}), frozenset({62, 64})
_KINDS = {
    **dict.fromkeys(_UNKNOWN_AUTHORITY, Trouble.WRONG_CA),
    **dict.fromkeys(_EXPIRED, Trouble.SERVER_EXPIRED),
    **dict.fromkeys(_OTHER_NAME, Trouble.WRONG_NAME),
}
_STATUSES = {401: Trouble.UNAUTHORIZED, 403: Trouble.FORBIDDEN}


class _RefusedError(Exception):
    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(detail)
        self.trouble, self.detail = trouble, detail


def ask_api(secret: ApiSecret, permissions: Iterable[Permission]) -> ApiAccess:
    """Which of these it may. What is not answered in time stays unanswered."""
    access = ApiAccess(secret.credential)
    try:
        with _Api(secret.login) as api:
            access = replace(access, version=api.version())
            return replace(access, answers=api.may(permissions))
    except _RefusedError as error:
        return replace(access, trouble=error.trouble, detail=error.detail)


class _Api:
    """One connection, kept for all questions."""

    def __init__(self, login: ApiLogin) -> None:
        self._deadline = time.monotonic() + _DEADLINE
        self._pool, self._prefix = _pool(login)
        self._headers = {"User-Agent": f"calico-agent/{__version__}", "Accept": "application/json"}
        if login.token:
            self._headers["Authorization"] = f"Bearer {login.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def version(self) -> str:
        try:
            return decode_server_version(self._ask("GET", "/version"))
        except Malformed as error:
            raise _RefusedError(Trouble.NO_ANSWER, error.what) from None

    def may(self, permissions: Iterable[Permission]) -> Mapping[Permission, bool]:
        answers: dict[Permission, bool] = {}
        kinds = iter(GROUP_VERSIONS)
        kind = next(kinds)
        absent: dict[str, bool] = {"": False}
        for permission in permissions:
            if time.monotonic() > self._deadline:
                break
            if permission.group not in absent:
                absent[permission.group] = self._absent(permission.group)
            if absent[permission.group]:
                continue
            try:
                body = self._ask("POST", review_path(kind), encode_review(kind, permission))
            except _NotFoundError:
                kind = next(kinds, "")
                if not kind:
                    raise _RefusedError(Trouble.NO_ANSWER, "it has no SelfSubjectAccessReview") from None
                body = self._ask("POST", review_path(kind), encode_review(kind, permission))
            try:
                answers[permission] = decode_review(body)
            except Malformed as error:
                raise _RefusedError(Trouble.NO_ANSWER, error.what) from None
        return answers

    def _absent(self, group: str) -> bool:
        """Whether the API has no such group: nobody needs a permission in it then (Calico has two for its data)."""
        try:
            self._ask("GET", f"/apis/{group}")
        except _NotFoundError:
            return True
        return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=max(0.1, min(_TIMEOUT, self._deadline - time.monotonic())),
            )
            content: bytes = answer.read(_LONGEST_ANSWER)
            answer.release_conn()
        except (HTTPError, OSError) as error:
            _explain(error)
        if answer.status in {200, 201}:
            return content
        if answer.status == 404:
            raise _NotFoundError
        trouble = _STATUSES.get(answer.status, Trouble.NO_ANSWER)
        raise _RefusedError(trouble, decode_refusal(content) or f"it answers with HTTP {answer.status}")


class _NotFoundError(_RefusedError):
    def __init__(self) -> None:
        super().__init__(Trouble.NO_ANSWER, "it does not know what it was asked: it is no API of Kubernetes")


def _pool(login: ApiLogin) -> tuple[urllib3.HTTPConnectionPool, str]:
    """A pool of one connection, and what comes before every path. Raises _RefusedError."""
    try:
        url = urllib3.util.parse_url(login.server if "://" in login.server else f"https://{login.server}")
    except LocationParseError:
        raise _RefusedError(Trouble.MALFORMED, "its server is no URL") from None
    host = (url.host or "").strip("[]")
    if url.scheme not in {"http", "https"} or not host:
        raise _RefusedError(Trouble.MALFORMED, "its server is no URL of HTTPS")
    prefix = (url.path or "").rstrip("/")
    if url.scheme == "http":
        if not _is_loopback(host):
            raise _RefusedError(Trouble.CLEAR_TEXT, "its server is reached by http")
        return urllib3.HTTPConnectionPool(host, url.port or 80, maxsize=1), prefix
    name = login.server_name or host
    pool = urllib3.HTTPSConnectionPool(
        host, url.port or 443, maxsize=1, ssl_context=_context(login), server_hostname=name
    )
    return pool, prefix


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
        raise _RefusedError(Trouble.MALFORMED, "its certificate authority is no certificate") from None
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
        raise _RefusedError(Trouble.MALFORMED, "its client certificate and key do not fit each other") from None
    finally:
        os.close(descriptor)


def _explain(error: Exception) -> NoReturn:
    """Why there was no answer, in the words of what was tried last."""
    cause: BaseException | None = error.args[0] if isinstance(error, SSLError) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise _RefusedError(_KINDS.get(cause.verify_code, Trouble.WRONG_CA), cause.verify_message) from None
    if isinstance(cause, ssl.SSLError):
        raise _RefusedError(
            Trouble.NO_ANSWER, f"TLS: {(cause.reason or 'refused').lower().replace('_', ' ')}"
        ) from None
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    detail = (cause.strerror if isinstance(cause, OSError) else "") or "it does not answer in time"
    raise _RefusedError(Trouble.UNREACHABLE, f"{detail[:1].lower()}{detail[1:]}") from None
