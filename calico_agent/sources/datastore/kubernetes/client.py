"""Questions to the Kubernetes API over HTTP: one object, a list page by page, a watch; and one object written.

What it answers when it does not answer was seen on kube-apiserver v1.37.2: 401, 403 and 410 with a Status, 404 for a
group or kind of resource that is not there and 429 in plain text.
"""

import math
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from calico_agent import __version__
from calico_agent.model.host.kubernetes_api import Trouble
from calico_agent.sources.datastore.kubernetes.event_stream import EventStream
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.objects import (
    Object,
    decode_page,
    decode_plurals,
    named,
    refused,
)
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.kubernetes.transport import RefusedError, explain, open_pool

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
ONE_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""What asks for no more of each object than its metadata, in a list and in a watch."""

# 5,000 Nodes with all that they have are 47 MB, and their metadata in one body 10 MB.
_MOST = 256 * 1024 * 1024
_CHUNK = 1 << 16
_PAGE = 500
# Bytes a second below which nothing is a link any more.
_SLOWEST = 1000
_CONNECTIONS = 12  # one for each watch, one to ask by
# After the server should have ended a watch, it may be late so long (s).
_LATE = 10.0
_JSON = "application/json"
_GROUP = re.compile(r"/apis/[^/]+/[^/]+")
_CODES = {Trouble.UNREACHABLE: "unreachable", Trouble.UNAUTHORIZED: "denied", Trouble.FORBIDDEN: "denied"}
_WORDS = {
    Trouble.WRONG_CA: "the server's certificate is not of the authority of the credential",
    Trouble.WRONG_NAME: "the server's certificate is for another name",
    Trouble.SERVER_EXPIRED: "the server's certificate has expired, or this host's clock is wrong",
}


@dataclass(frozen=True, slots=True)
class _Request:
    """`lasting` is for how long an answer may be silent (s); None: no longer than the deadline."""

    method: str
    path: str
    parameters: Mapping[str, object] | None = None
    accept: str = "application/json"
    body: bytes | None = None
    lasting: float | None = None


class ApiClient:
    """One server, asked with some credentials. Every call has the deadline `timeout` (s) and raises DatastoreError."""

    def __init__(self, credentials: Logins, timeout: float) -> None:
        self._credentials = credentials
        self._timeout = timeout
        self._login = credentials.login()
        try:
            self._pool, self._prefix = open_pool(self._login, _CONNECTIONS)
        except RefusedError as error:
            raise DatastoreError(error.detail, "config") from None

    def close(self) -> None:
        """End the connections that are idle."""
        self._pool.close()

    def renewed(self) -> bool:
        """Whether a new connection would use other files. A token alone is taken over by this one. Raises."""
        now, before = self._credentials.login(), self._login
        self._login = replace(before, token=now.token)
        return replace(now, token="") != replace(before, token="")

    def get(self, path: str, parameters: Mapping[str, object] | None = None, accept: str = "application/json") -> bytes:
        """The body of an answer."""
        return self._whole(_Request("GET", path, parameters, accept))

    def write(self, method: str, path: str, body: bytes) -> bytes:
        """Write one object (POST, PUT), or remove one (DELETE with its preconditions); what the API has then.

        The code of the error is `conflict` where it is not as `body` says any more, or is there already.
        """
        return self._whole(_Request(method, path, body=body))

    def _whole(self, request: "_Request") -> bytes:
        deadline = time.monotonic() + self._timeout
        response = self._ask(request, deadline)
        try:
            return self._read(response, deadline)
        except (HTTPError, OSError) as error:
            self.fail(error)
        finally:
            response.close()

    def pages(
        self, path: str, *, accept: str = "application/json", cached: bool = False, size: int = _PAGE
    ) -> Iterator[tuple[str, Iterator[Object]]]:
        """A list: each page with the resourceVersion of the whole.

        `cached`: in one body from the server's memory, which costs it a tenth; it may be a little old.
        """
        parameters: dict[str, object] = {"resourceVersion": "0"} if cached else {"limit": size}
        while True:
            page = decode_page(self.get(path, parameters, accept))
            yield page.metadata.resource_version, map(named, page.items)
            if not page.metadata.further:
                return
            parameters = {"limit": size, "continue": page.metadata.further}

    def watch(self, path: str, start: int, seconds: int, accept: str = "application/json") -> EventStream:
        """What happens after a revision, for so long. The server ends it then, and it is asked for anew."""
        parameters = {
            "watch": "1",
            "resourceVersion": str(start),
            "timeoutSeconds": seconds,
            "allowWatchBookmarks": "true",
        }
        request = _Request("GET", path, parameters, accept, lasting=seconds + _LATE)
        return EventStream(self._ask(request, time.monotonic() + self._timeout), self.fail)

    def _ask(self, request: "_Request", deadline: float) -> BaseHTTPResponse:
        """The head of a good answer. Asks again with a newer token, and when the server said that it has too much."""
        renewed = False
        while True:
            response = self._send(request, deadline)
            if response.status in {200, 201}:
                return response
            body = self._refusal(response, deadline)
            if response.status == 401 and not renewed:
                before, self._login = self._login.token, self._credentials.login(anew=True)
                renewed = True
                if self._login.token != before:
                    continue
            if response.status == 429 and (pause := _pause(response)) < deadline - time.monotonic():
                time.sleep(pause)
                continue
            if response.status == 403 and self._lacks(request.path, deadline):
                raise refused(404, body, request.path)
            raise refused(response.status, body, request.path)

    def _lacks(self, path: str, deadline: float) -> bool:
        """Whether the API has no such kind: without a right to it that is 403 as well, and everybody may ask this."""
        group, _, plural = path.rpartition("/")
        if not _GROUP.fullmatch(group):
            return False
        try:
            return plural not in decode_plurals(self._read(self._ask(_Request("GET", group), deadline), deadline))
        except (DatastoreError, HTTPError, OSError):
            return False

    def _send(self, request: "_Request", deadline: float) -> BaseHTTPResponse:
        headers = {"User-Agent": f"calico-agent/{__version__}", "Accept": request.accept}
        if self._login.token:
            headers["Authorization"] = f"Bearer {self._login.token}"
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        query = f"?{urlencode(request.parameters)}" if request.parameters else ""
        left = max(0.1, deadline - time.monotonic())
        try:
            return self._pool.urlopen(
                request.method,
                f"{self._prefix}{request.path}{query}",
                body=request.body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(connect=left, read=left if request.lasting is None else request.lasting),
            )
        except (HTTPError, OSError) as error:
            self.fail(error)

    def _read(self, response: BaseHTTPResponse, deadline: float) -> bytes:
        """However long it takes, as long as it comes."""
        began, chunks, size = time.monotonic(), [], 0
        while chunk := response.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > _MOST:
                raise DatastoreError(f"an answer is larger than {_MOST >> 20} MiB", "failed")
            now = time.monotonic()
            if now > deadline and size < (now - began) * _SLOWEST:
                raise DatastoreError(f"no answer within {self._timeout:.3g} s", "timeout")
        return b"".join(chunks)

    def _refusal(self, response: BaseHTTPResponse, deadline: float) -> bytes:
        try:
            return self._read(response, deadline)
        except (HTTPError, OSError):
            return b""
        finally:
            response.close()

    def fail(self, error: Exception) -> NoReturn:
        """Say why there was no answer."""
        try:
            explain(error)
        except RefusedError as refused:
            code, words = _CODES.get(refused.trouble, "tls"), _WORDS.get(refused.trouble, "")
            if "refused" in refused.detail:
                code = "refused"
            elif "in time" in refused.detail or "timed out" in refused.detail:
                code = "timeout"
                words = f"no answer within {self._timeout:.3g} s"
            if self._credentials.by_service and code in {"refused", "timeout", "unreachable"}:
                words = f"{words or refused.detail}; that is a service's address, for which kube-proxy has to work here"
            raise DatastoreError(words or refused.detail, code) from None


def _pause(response: BaseHTTPResponse) -> float:
    """What Retry-After says (s), and some more, so that not all come back at once."""
    said = response.headers.get("Retry-After", "1")
    return int(said) * random.uniform(1.0, 1.5) if said.isascii() and said.isdigit() else math.inf  # noqa: S311
