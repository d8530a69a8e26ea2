"""The Node objects of single hosts: read one by one when a pass asks, and the own one now and then.

All of them with their status would be 47 MB in a cluster of 5,000 (`kinds`). What others than this host are asked for
is asked for ever later while it stays so: all hosts of a large cluster see a node that is gone at one moment.
"""

import random
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.network.address import IPAddress
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources import json_object
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

MOST_ASKED = 8
"""More nodes than that have one cause, and it is none of theirs."""

_FIRST, _LATEST = 30.0, 120.0
_READY = {"True": True, "False": False}
_LONGEST = 300


class ClusterNodeReader:
    """Reads them by the credential of the datastore, and keeps what it was told for a while. Not thread-safe."""

    def __init__(self, settings: DatastoreSettings) -> None:
        assert settings.kubernetes is not None
        self.settings = settings
        self._logins = Logins(settings.kubernetes)
        self._kept: dict[str, tuple[float, float, ClusterNode | None]] = {}

    def read(self, names: Collection[str]) -> Mapping[str, ClusterNode | None]:
        """Those of these names: None for one that there is not, nothing for what may not or cannot be read now."""
        now = time.monotonic()
        deadline = now + self.settings.timeout
        self._kept = {name: kept for name, kept in self._kept.items() if now < kept[0] + 2 * _LATEST}
        found: dict[str, ClusterNode | None] = {}
        for name in sorted(names)[:MOST_ASKED]:
            asked_at, pause, node = self._kept.get(name, (-_LATEST, 0.0, None))
            if now >= asked_at + pause:
                if time.monotonic() > deadline:
                    break
                try:
                    node = self._ask(name, deadline)
                except (DatastoreError, Malformed):
                    self._kept.pop(name, None)
                    break  # the next one would not be told either
                late = random.uniform(0.9, 1.0)  # noqa: S311 - no secret
                self._kept[name] = (now, min(max(_FIRST, 2 * pause), _LATEST) * late, node)
            found[name] = node
        return found

    def _ask(self, name: str, deadline: float) -> ClusterNode | None:
        client = ApiClient(self._logins, max(0.1, deadline - time.monotonic()))
        try:
            return decode_cluster_node(client.get(f"/api/v1/nodes/{quote(name, safe='')}"))
        except DatastoreError as error:
            if error.code != "absent":
                raise
            return None
        finally:
            client.close()


def decode_cluster_node(raw: bytes) -> ClusterNode:
    """What is read of a Node. Raises Malformed."""
    try:
        node: dict[str, Any] = msgspec.json.decode(raw)
        metadata, spec, status = (json_object.section(node, name) for name in ("metadata", "spec", "status"))
    except (msgspec.DecodeError, RecursionError, TypeError, AttributeError):
        raise Malformed("a node is not JSON") from None
    said = next((one for one in json_object.objects(status, "conditions") if one.get("type") == "Ready"), {})
    return ClusterNode(
        json_object.text(metadata, "name") or "",
        _READY.get(json_object.text(said, "status") or ""),
        json_object.text(said, "reason") or "",
        " ".join((json_object.text(said, "message") or "").split())[:_LONGEST],
        _time(said.get("lastTransitionTime")),
        tuple(_internal(status)),
        tuple(_taints(spec)),
        json_object.flag(spec, "unschedulable"),
    )


def _internal(status: JsonObject) -> Iterator[IPAddress]:
    for one in json_object.objects(status, "addresses"):
        if one.get("type") == "InternalIP":
            yield json_object.parse_address(one.get("address"), "its InternalIP")


def _taints(spec: JsonObject) -> Iterator[str]:
    for one in json_object.objects(spec, "taints"):
        key, value, effect = (json_object.text(one, name) or "" for name in ("key", "value", "effect"))
        yield f"{key}{f'={value}' if value else ''}:{effect}"


def _time(written: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
