"""The recorded datastore: `etcd.jsonl` (v3 API), or `etcd-v2.json` with `etcd-v2-headers.txt` (v2 API)."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from calico_agent.diags.datastore_parts import DATASTORE, PODS
from calico_agent.model.calico.node import Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico import workload_endpoint as endpoint
from calico_agent.sources.datastore.etcd2 import decode as etcd_v2
from calico_agent.sources.datastore.etcd2.answer import decode_answer
from calico_agent.sources.datastore.etcd3 import decode as etcd
from calico_agent.sources.decode_error import Malformed
from tests.replay.files import GARBLED, text

_WORKLOAD_V2 = re.compile("/calico/v1/host/([^/]+)/workload/")
_V3, _V2, _V2_HEADERS = "etcd.jsonl", "etcd-v2.json", "etcd-v2-headers.txt"


def read_datastore(capture: Path, at: datetime) -> Datastore | Unreadable:
    """What was in etcd, by the API that was recorded."""
    bundled = text(capture / DATASTORE)
    if bundled is not None:
        return _bundled(bundled, at)
    tree = text(capture / _V2)
    if tree is not None:
        return _tree(tree, text(capture / _V2_HEADERS) or "", at)
    lines = text(capture / _V3)
    if lines is None:
        return Unreadable("etcd", f"neither {_V3} nor {_V2} was recorded", "absent")
    return _lines(lines, at)


def read_endpoints(capture: Path) -> WorkloadEndpoints | Unreadable:
    """The records of all pods, by the API that was recorded."""
    tree, pods = text(capture / _V2), text(capture / PODS)
    try:
        if pods is not None:
            return _bundled_endpoints(pods)
        records = _endpoints_v2(tree) if tree is not None else _endpoints(text(capture / _V3) or "")
        found = tuple(one for one in records if one is not None)
    except GARBLED as error:
        return Unreadable("etcd", f"workload endpoints cannot be read: {error!r}", "malformed")
    return WorkloadEndpoints(frozenset(one.node for one in found), found)


def _endpoints(lines: str) -> Iterator[WorkloadEndpoint | None]:
    for row in (json.loads(line) for line in lines.splitlines() if line.strip()):
        if str(row["key"]).startswith(endpoint.PREFIX):
            yield endpoint.decode_endpoint(str(row["key"]), _stored(row["value"]))


def _endpoints_v2(tree: str) -> Iterator[WorkloadEndpoint | None]:
    for key, value in decode_answer(200, _newest(tree), tree.encode()).pairs():
        if (found := _WORKLOAD_V2.match(key)) is not None:
            yield endpoint.decode_endpoint_v2(found[1], key, value)


def _bundled(recorded: str, at: datetime) -> Datastore | Unreadable:
    """The records as `calico-agent diags` puts them down: where the datastore was, then a record a line."""
    try:
        head, *rows = [json.loads(line) for line in recorded.splitlines() if line.strip()]
        backend = backend_of(_settings(head))
        decoded = {str(row["key"]): backend.decode(str(row["key"]), _stored(row["value"])) for row in rows}
        known = {key: found for key, found in decoded.items() if found is not None}
        return backend.assemble(known, revision=int(head["revision"]), read_at=at)
    except GARBLED as error:
        return Unreadable("etcd", f"{DATASTORE} cannot be read: {error!r}", "malformed")


def _settings(head: dict[str, Any]) -> DatastoreSettings:
    if head["kind"] == "kubernetes":
        return DatastoreSettings((), kubernetes=KubernetesSettings(pod_cidrs=bool(head["pod_cidrs"])))
    return DatastoreSettings((), api=EtcdApi(head["kind"]))


def _bundled_endpoints(recorded: str) -> WorkloadEndpoints:
    head, *rows = [json.loads(line) for line in recorded.splitlines() if line.strip()]
    records = (WorkloadEndpoint(**{**row, "addresses": tuple(map(ip_address, row["addresses"]))}) for row in rows)
    return WorkloadEndpoints(frozenset(head["nodes"]), tuple(records))


def _lines(recorded: str, at: datetime) -> Datastore | Unreadable:
    try:
        rows = [json.loads(line) for line in recorded.splitlines() if line.strip()]
        items = [(str(row["key"]), _stored(row["value"])) for row in rows]
        revision = max((int(row.get("mod_revision", 0)) for row in rows), default=0)
    except GARBLED as error:
        return Unreadable("etcd", f"{_V3} cannot be read: {error!r}", "malformed")
    return etcd.decode_datastore(items, revision=revision, read_at=at)


def _stored(value: Any) -> bytes:
    """The bytes etcd held: a value that is no JSON is recorded as text."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _tree(body: str, headers: str, at: datetime) -> Datastore | Unreadable:
    try:
        answer = decode_answer(200, _index(headers) or _newest(body), body.encode())
    except Malformed as error:
        return Unreadable("etcd", f"{_V2} cannot be read: {error}", "malformed")
    decoded = {
        key: found
        for key, value in answer.pairs()
        if key.startswith(etcd_v2.PREFIXES) and (found := etcd_v2.decode_key(key, value)) is not None
    }
    return etcd_v2.assemble(decoded, revision=answer.index, read_at=at)


def _index(headers: str) -> str:
    names = (line.partition(":") for line in headers.splitlines())
    return next((value.strip() for name, _, value in names if name.strip().lower() == "x-etcd-index"), "")


def _newest(body: str) -> str:
    """How far etcd was at least, where the head of its answer was not recorded."""
    return str(max(map(int, re.findall(r'"modifiedIndex": *(\d{1,18})', body)), default=0))
