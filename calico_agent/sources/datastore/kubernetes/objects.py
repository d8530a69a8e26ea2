"""What the Kubernetes API answers: lists and events by their objects, and refusals in words.

Of an object no more is looked at than its name and the resourceVersion that names this state of it.
"""

from typing import Any

import msgspec

from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.kubernetes.decode.access_review import decode_refusal


class _Item(msgspec.Struct):
    name: str = ""
    resource_version: str = msgspec.field(name="resourceVersion", default="")


class _Named(msgspec.Struct):
    metadata: _Item


class _ListMetadata(msgspec.Struct):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    further: str = msgspec.field(name="continue", default="")
    remaining: int = msgspec.field(name="remainingItemCount", default=0)


class Page(msgspec.Struct):
    """A list as it arrives: its items are taken apart by who knows what they are."""

    metadata: _ListMetadata
    found: list[msgspec.Raw] | None = msgspec.field(name="items", default=None)

    @property
    def items(self) -> list[msgspec.Raw]:
        """Its objects; Go writes null for a list of none."""
        return self.found or []


class Object(msgspec.Struct):
    """An object of the API, and what names this state of it."""

    name: str
    version: str
    raw: bytes


class WatchEvent(msgspec.Struct):
    """What a watch tells: `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`."""

    type: str
    object: msgspec.Raw


class _Kind(msgspec.Struct):
    name: str


class _Kinds(msgspec.Struct):
    resources: list[_Kind] = []


_kinds: msgspec.json.Decoder[_Kinds] = msgspec.json.Decoder(_Kinds)
_page: msgspec.json.Decoder[Page] = msgspec.json.Decoder(Page)
_named: msgspec.json.Decoder[_Named] = msgspec.json.Decoder(_Named)
_event: msgspec.json.Decoder[WatchEvent] = msgspec.json.Decoder(WatchEvent)


def named(raw: bytes | msgspec.Raw) -> Object:
    """An object by its metadata. Raises DatastoreError for what is none."""
    try:
        found = _named.decode(raw)
    except (msgspec.DecodeError, ValueError):
        raise DatastoreError("what it answers is no object of Kubernetes", "failed") from None
    return Object(found.metadata.name, found.metadata.resource_version, bytes(raw))


def revision(version: str) -> int:
    """A resourceVersion as a number, which it is wherever etcd is below; 0 for another one."""
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0


def decode_page(body: bytes) -> Page:
    """A page of a list. Raises DatastoreError."""
    try:
        return _page.decode(body)
    except (msgspec.DecodeError, ValueError):
        raise DatastoreError("what it answers is no list of Kubernetes", "failed") from None


def decode_plurals(body: bytes) -> frozenset[str]:
    """The kinds of resources that a group has. Raises DatastoreError."""
    try:
        return frozenset(one.name for one in _kinds.decode(body).resources)
    except (msgspec.DecodeError, ValueError):
        raise DatastoreError("what it answers is no list of kinds of resources", "failed") from None


def decode_event(line: bytes) -> WatchEvent:
    """A line of a watch. Raises DatastoreError."""
    try:
        return _event.decode(line)
    except (msgspec.DecodeError, ValueError):
        raise DatastoreError("what it tells is no event of Kubernetes", "failed") from None


def status_of(event: WatchEvent) -> DatastoreError:
    """What an event of the type ERROR says."""
    try:
        said: dict[str, Any] = msgspec.json.decode(event.object)
    except msgspec.DecodeError:
        said = {}
    return refused(int(said.get("code") or 0), bytes(event.object), "")


def refused(status: int, body: bytes, path: str) -> DatastoreError:
    """Why there is no good answer, by its status and what it says."""
    said = decode_refusal(body) or " ".join(body[:200].decode(errors="replace").split())
    if status == 401:
        return DatastoreError("the API does not know the credential any more (401)", "unauthorized")
    if status == 403:
        return DatastoreError(f"{said} (403): a ClusterRole has to allow it", "denied")
    if status == 404:
        return DatastoreError(f"the API has no {path} (404)", "absent")
    if status == 409:
        return DatastoreError(f"somebody else was there before: {said} (409)", "conflict")
    if status == 410:
        return DatastoreError("the API no longer has what happened since (410)", "compacted")
    if status == 429:
        return DatastoreError("the API has too much to do and asks to come back later (429)", "busy")
    return DatastoreError(f"the API answers with {status}: {said}", "failed")
