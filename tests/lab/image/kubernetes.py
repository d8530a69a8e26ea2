"""The Kubernetes API as Calico's datastore: the keys and values of etcd v3, kept as objects of the API."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from tests.lab.image.api import Api, Login, Watch, wait_for_any
from tests.lab.image.keys import ENDPOINTS, NODES
from tests.lab.image.objects import ALL, Object, kind_of, kinds_below, object_of, place_of
from tests.lab.image.store import Listing, Stored, UnavailableError

_NOW = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}


class KubernetesStore:
    """A client of one API."""

    kubernetes = True

    def __init__(self, login: Login) -> None:
        self._api = Api(login)
        self._versions: dict[str, str] = {}
        self._watches: dict[str, Watch] = {}

    def get(self, key: str) -> Stored | None:
        """One key, or None."""
        found = self._get(key)
        return None if found is None else Stored(kind_of(key).read(found)[1], _version(found))

    def list(self, prefix: str) -> Listing:
        """Every key below `prefix`, kind by kind."""
        items: dict[str, Any] = {}
        for kind in kinds_below(prefix):
            _, answer = self._api.ask("GET", kind.path)
            self._versions[kind.path] = (answer.get("metadata") or {}).get("resourceVersion", "")
            items |= dict(map(kind.read, answer.get("items") or ()))
        return Listing({key: value for key, value in items.items() if key.startswith(prefix)}, 0)

    def put(self, key: str, value: Any) -> None:
        """Write whatever is there."""
        while True:
            before = self._get(key)
            if self._write(key, value, before):
                return

    def create(self, key: str, value: Any) -> bool:
        """Write if the key is not there. False: it is."""
        return self.update(key, value, revision=0)

    def update(self, key: str, value: Any, revision: int) -> bool:
        """Write if the key was last changed at `revision` (0: is not there). False: somebody else was first."""
        before = self._get(key) if revision else None
        if revision and (before is None or _version(before) != revision):
            return False
        return self._write(key, value, before)

    def delete(self, key: str) -> None:
        """Remove a key. A pod goes at once: nobody is there who would end it first."""
        self._api.ask("DELETE", place_of(key).whole, _NOW if key.startswith(ENDPOINTS) else None)

    def changes(self, prefix: str, after: int, seconds: float) -> Iterator[None]:  # noqa: ARG002 - those of the last list
        """Yield once for whatever changed since `list`; end when nothing came for `seconds`."""
        for kind in ALL:
            if kind.followed and kind.path not in self._watches:
                self._watches[kind.path] = self._api.watch(kind.path, self._versions[kind.path])
        heard = wait_for_any(list(self._watches.values()), seconds)
        for path, watch in list(self._watches.items()):
            if watch in heard and not watch.goes_on():
                self._watches.pop(path).close()
        if heard:
            yield

    def _get(self, key: str) -> Object | None:
        status, found = self._api.ask("GET", place_of(key).whole)
        return None if status == HTTPStatus.NOT_FOUND else found

    def _write(self, key: str, value: Any, before: Object | None) -> bool:
        """False: somebody else was first. A node is the kubelet's to make, and Calico writes its status."""
        place = place_of(key)
        if key.startswith(NODES):
            if before is None:
                raise UnavailableError(f'nodes "{place.name}" not found')
            return self._done("PUT", f"{place.whole}/status", object_of(key, value, before))
        written = object_of(key, value, before)
        if before is None:
            done = self._done("POST", place.path, written)
        elif key.startswith(ENDPOINTS):
            done = True
        else:
            done = self._done("PUT", place.whole, written)
        if done and key.startswith(ENDPOINTS):
            self._api.ask("PUT", f"{place.whole}/status", written)
        return done

    def _done(self, method: str, path: str, written: Object) -> bool:
        status, answer = self._api.ask(method, path, written)
        if status == HTTPStatus.NOT_FOUND:
            raise UnavailableError(f"{method} {path}: {answer}")
        return status != HTTPStatus.CONFLICT


def _version(found: Object) -> int:
    return int(found["metadata"]["resourceVersion"])
