"""The Kubernetes API over HTTP, by a kubeconfig or the files of a service account: one connection, and watches."""

import base64
import http.client
import json
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.lab.image.store import SettingsError, UnauthorizedError, UnavailableError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10.0
_WATCH_SECONDS = 300
_BROKEN = (OSError, http.client.HTTPException, ValueError)
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ANSWERS = frozenset(
    {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
)


@dataclass(frozen=True, slots=True)
class Login:
    """A server, as host and port, and what is shown to it."""

    server: str
    ca: str
    token: str


def read_login(setting: Callable[[str], str]) -> Login:
    """That of KUBECONFIG (one in JSON, with all in it), else that of a pod; `setting` gives a variable's value.

    Raises:
        SettingsError: there is neither.
    """
    try:
        if file := setting("KUBECONFIG"):
            return login_of(json.loads(Path(file).read_text()))
        if host := setting("KUBERNETES_SERVICE_HOST"):
            server = f"{host}:{setting('KUBERNETES_SERVICE_PORT') or '443'}"
            return Login(server, (_ACCOUNT / "ca.crt").read_text(), (_ACCOUNT / "token").read_text().strip())
    except OSError as failure:
        raise SettingsError(f"invalid configuration: {failure}") from failure
    raise SettingsError("invalid configuration: no configuration has been provided")


def login_of(kubeconfig: dict[str, Any]) -> Login:
    """That of a kubeconfig with one cluster and one user."""
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return Login(urlsplit(cluster["server"]).netloc, ca, user["token"])


class Api:
    """One server. What cannot be asked raises UnavailableError."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._tls = ssl.create_default_context(cadata=login.ca)
        self._connection: http.client.HTTPSConnection | None = None

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and answer; a status that is neither good nor says "not found" or "conflict" raises."""
        kept = self._connection is not None
        try:
            response, content = self._ask(method, path, body)
        except _BROKEN as broken:
            if not kept:
                raise UnavailableError(str(broken)) from broken
            try:  # the server may have ended a connection that was idle
                response, content = self._ask(method, path, body)
            except _BROKEN as again:
                raise UnavailableError(str(again)) from again
        if response.status in _REFUSALS:
            raise UnauthorizedError(f"connection is unauthorized: {json.loads(content)['message']}")
        if response.status not in _ANSWERS:
            raise UnavailableError(f"{method} {path}: HTTP {response.status}: {content[:500]!r}")
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, {}  # a kind that is not there

    def watch(self, path: str, version: str) -> "Watch":
        """What happens to the objects of a kind after a version."""
        connection = http.client.HTTPSConnection(self._login.server, timeout=_SECONDS, context=self._tls)
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={_WATCH_SECONDS}"
        try:
            connection.request("GET", f"{path}{query}", headers=self._headers)
            response = connection.getresponse()
        except _BROKEN as broken:
            connection.close()
            raise UnavailableError(str(broken)) from broken
        return Watch(connection, response)

    def _ask(self, method: str, path: str, body: object) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection or http.client.HTTPSConnection(
            self._login.server, timeout=_SECONDS, context=self._tls
        )
        self._connection = None
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self._headers)
            response = connection.getresponse()
            content = response.read()
        except _BROKEN:
            connection.close()
            raise
        self._connection = connection
        return response, content

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._login.token}", "Content-Type": "application/json"}


class Watch:
    """A stream of events."""

    def __init__(self, connection: http.client.HTTPSConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self._socket = connection.sock

    def fileno(self) -> int:
        """For select."""
        return int(self._socket.fileno())

    def goes_on(self) -> bool:
        """Read one event, whatever it is; False when there are no more, or it says that it cannot go on."""
        try:
            line = self._response.readline()
        except _BROKEN:
            return False
        return bool(line) and b'"type":"ERROR"' not in line[:40]

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._connection.close()


def wait_for_any(watches: "list[Watch]", seconds: float) -> "list[Watch]":
    """Those with an event, or an end; none when nothing comes for so long."""
    return select.select(watches, [], [], seconds)[0]
