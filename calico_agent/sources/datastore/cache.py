"""The last reading of the datastore on disk, so that an agent which starts while etcd is down can go on checking.

The file is text: a header of JSON, a line `key<TAB>value` for each record as `sources.datastore.etcd3.encode` writes
it, and a last line with the SHA-256 of all before it. So one that is cut short, changed or larger than its bound is
noticed before any of it is believed. It is replaced as a whole: written beside, flushed to the disk, renamed. Only its
owner may read it.

The header says which datastore was read. Another one is never believed: it must share an endpoint with the configured
one. (Whether these endpoints still serve the same cluster shows when they answer: `sources.datastore.shrink_guard`.)
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from calico_agent.model.calico.node import Datastore
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources import json_object
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.datastore.etcd3.encode import encode_datastore
from calico_agent.sources.datastore.server.endpoints import parse_endpoint
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject
from calico_agent.state.files import open_state

_FORMAT = 1
# 5,000 nodes with 25,000 blocks take 6 MiB.
_MAX_BYTES = 128 * 1024 * 1024
_MAX_LINE = 2 * json_object.MAX_VALUE
_DIGEST = b"sha256 "


class SnapshotError(Exception):
    """The file could not be used; the text is one sentence for people."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """Where the last reading of one datastore is kept."""

    path: Path
    settings: DatastoreSettings

    def load(self) -> Datastore | None:
        """The reading that was kept; None when there is none. Raises SnapshotError."""
        try:
            with open_state(self.path, _MAX_BYTES) as file:
                lines = _checked(iter(lambda: file.readline(_MAX_LINE), b""))
                header = json_object.parse_object(next(lines, b""))
                self._check(header)
                revision = json_object.number(header, "revision", 0, 2**63) or 0
                read = decode_datastore(map(_record, lines), revision=revision, read_at=_time(header))
                read = replace(read, blocks_read=json_object.flag(header, "blocks_read", default=True))
        except FileNotFoundError:
            return None
        except Malformed as malformed:
            raise SnapshotError(f"{self.path} is of no use: {malformed.what}") from None
        except ValueError as trouble:
            raise SnapshotError(f"{self.path} is of no use: {trouble}") from None
        except OSError as error:
            raise SnapshotError(f"{self.path} cannot be read: {error.strerror}") from None
        if read.bad_keys:
            raise SnapshotError(f"{self.path} is of no use: {read.bad_keys[0].key}: {read.bad_keys[0].reason}")
        calico_2 = self.settings.is_of_calico_2
        return replace(read, claimable=not calico_2 and self.settings.kubernetes is None, is_of_calico_2=calico_2)

    def save(self, datastore: Datastore) -> None:
        """Replace what was kept. Raises SnapshotError, and then what was kept before still is."""
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            beside.unlink(missing_ok=True)  # what a crash in the middle has left
            try:
                _write(beside, _bounded(_signed(self._lines(datastore))))
                beside.replace(self.path)
            finally:
                beside.unlink(missing_ok=True)
            _flush_directory(self.path.parent)
        except Malformed as malformed:
            raise SnapshotError(f"{self.path} is not written: {malformed.what}") from None
        except OSError as error:
            raise SnapshotError(f"{self.path} cannot be written: {error.strerror}") from None

    def _lines(self, datastore: Datastore) -> Iterator[bytes]:
        header = {
            "format": _FORMAT,
            "api": self.settings.kind,
            "endpoints": sorted(self._members()),
            "blocks_read": datastore.blocks_read,
            "revision": datastore.revision,
            "read_at": (datastore.read_at or datetime.now(UTC)).isoformat(),
        }
        yield json.dumps(header).encode() + b"\n"
        for key, value in encode_datastore(datastore):
            yield key.encode() + b"\t" + value + b"\n"

    def _check(self, header: JsonObject) -> None:
        written = json_object.number(header, "format", 0, 2**31)
        if written != _FORMAT:
            raise Malformed(f"its format is {written}, not {_FORMAT}: another version of calico-agent wrote it")
        members = {str(member) for member in json_object.items(header, "endpoints")}
        if json_object.text(header, "api") != self.settings.kind or not members & self._members():
            raise Malformed(f"it is the reading of another datastore, {', '.join(sorted(members))[:200]}")

    def _members(self) -> set[str]:
        """`host:port` of each endpoint: a member of etcd belongs to one cluster. Of Kubernetes what names the API."""
        if self.settings.kubernetes is not None:
            return {self.settings.kubernetes.server or self.settings.kubernetes.kubeconfig}
        try:
            return {parse_endpoint(url, tls_by_default=False).authority for url in self.settings.endpoints}
        except ValueError:
            return set()


def _write(path: Path, lines: Iterable[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _signed(lines: Iterable[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
        yield line
    yield _DIGEST + digest.hexdigest().encode() + b"\n"


def _checked(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines before the digest. Raises Malformed at the end when it is not theirs, or something follows it."""
    digest = hashlib.sha256()
    rest = iter(lines)
    for line in rest:
        if line.startswith(_DIGEST):
            if line != _DIGEST + digest.hexdigest().encode() + b"\n" or next(rest, None) is not None:
                raise Malformed("its checksum is wrong")
            return
        digest.update(line)
        yield line
    raise Malformed("its end is missing")


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for line in lines:
        size += len(line)
        if size > _MAX_BYTES:
            raise Malformed(f"it would be larger than {_MAX_BYTES} bytes")
        yield line


def _record(line: bytes) -> tuple[str, bytes]:
    key, tab, value = line.rstrip(b"\n").partition(b"\t")
    if not tab:
        raise Malformed("a line is no record")
    return key.decode(errors="backslashreplace"), value


def _time(header: JsonObject) -> datetime:
    try:
        return datetime.fromisoformat(json_object.text(header, "read_at") or "").astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("its header holds no time") from None
