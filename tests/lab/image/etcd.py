"""etcd v3 through its JSON gateway (POST /v3/kv/range and so on): the standard library is enough for it.

Keys are text, values are JSON.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.lab.image.store import Listing, Stored, UnavailableError

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Etcd:
    """A client of one cluster; the endpoints are tried in turn."""

    kubernetes: ClassVar[bool] = False

    endpoints: tuple[str, ...]
    tls: ssl.SSLContext | None

    def get(self, key: str) -> Stored | None:
        """One key, or None."""
        found = self._call("/v3/kv/range", {"key": _encode(key)}).get("kvs", ())
        return Stored(_decode(found[0]["value"]), int(found[0]["mod_revision"])) if found else None

    def list(self, prefix: str) -> Listing:
        """Every key below `prefix`."""
        reply = self._call("/v3/kv/range", {"key": _encode(prefix), "range_end": _encode(_after(prefix))})
        items = {_text(pair["key"]): _decode(pair.get("value", "")) for pair in reply.get("kvs", ())}
        return Listing(items, int(reply["header"]["revision"]))

    def put(self, key: str, value: Any) -> None:
        """Write whatever is there."""
        self._call("/v3/kv/put", {"key": _encode(key), "value": _encode(json.dumps(value, separators=(",", ":")))})

    def create(self, key: str, value: Any) -> bool:
        """Write if the key is not there. False: it is."""
        return self.update(key, value, revision=0)

    def update(self, key: str, value: Any, revision: int) -> bool:
        """Write if the key was last changed at `revision` (0: is not there). False: somebody else was first."""
        name = _encode(key)
        compare = {"key": name, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        put = {"key": name, "value": _encode(json.dumps(value, separators=(",", ":")))}
        reply = self._call("/v3/kv/txn", {"compare": [compare], "success": [{"request_put": put}]})
        return bool(reply.get("succeeded"))

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._call("/v3/kv/deleterange", {"key": _encode(key)})

    def changes(self, prefix: str, after: int, seconds: float) -> Iterator[None]:
        """Yield once for each message of changes after revision `after`; end when nothing came for `seconds`."""
        watch = {"key": _encode(prefix), "range_end": _encode(_after(prefix)), "start_revision": str(after + 1)}
        connection, response = self._open("/v3/watch", {"create_request": watch}, seconds)
        try:
            while line := response.readline():
                result = json.loads(line).get("result", {})
                if result.get("canceled"):
                    raise UnavailableError(f"watch cancelled: {result}")
                if result.get("events"):
                    yield
            raise UnavailableError("watch ended")
        except TimeoutError:
            return
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as broken:
            raise UnavailableError(str(broken)) from broken
        finally:
            connection.close()

    def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        connection, response = self._open(path, body, _SECONDS)
        try:
            reply: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as broken:
            raise UnavailableError(str(broken)) from broken
        finally:
            connection.close()
        return reply

    def _open(
        self, path: str, body: Mapping[str, Any], seconds: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        last: Exception = UnavailableError("no etcd endpoints")
        for endpoint in self.endpoints:
            connection = self._connection(endpoint, seconds)
            try:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as broken:
                connection.close()
                last = broken
                continue
            if response.status == http.HTTPStatus.OK:
                return connection, response
            last = UnavailableError(f"{endpoint}{path}: HTTP {response.status}: {response.read(500)!r}")
            connection.close()
        raise UnavailableError(str(last)) from last

    def _connection(self, endpoint: str, seconds: float) -> http.client.HTTPConnection:
        address = urlsplit(endpoint).netloc
        if self.tls is None:
            return http.client.HTTPConnection(address, timeout=seconds)
        return http.client.HTTPSConnection(address, timeout=seconds, context=self.tls)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def _decode(encoded: str) -> Any:
    """JSON, or None for a value that is empty or not JSON (a person may have written anything)."""
    try:
        return json.loads(_text(encoded))
    except ValueError:
        return None


def _after(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
