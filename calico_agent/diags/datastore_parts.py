"""What the datastore holds of Calico's, a record a line, as far as the agent reads it."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from calico_agent.config import Config
from calico_agent.diags.bundle import BundlePart
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.runtime.datastore import settings_from
from calico_agent.sources.datastore.backend import Backend, Connection
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.docker.door import DockerDoor

DATASTORE, PODS = "datastore.jsonl", "pods.jsonl"

_MOST_RECORDS = 200_000
_SECONDS = 8.0


def datastore_parts(config: Config, nodes: frozenset[str]) -> Iterator[BundlePart]:
    """Calico's records, and those of the pods of some nodes."""
    settings = config.datastore_settings() or _settings_of_container(config)
    if isinstance(settings, Unreadable):
        yield BundlePart(DATASTORE, trouble=settings.reason)
        return
    token = settings.kubernetes.token if settings.kubernetes is not None else ""
    secrets = [f"ETCD_PASSWORD={secret}" for secret in (settings.password, token) if secret]
    backend, deadline = backend_of(settings), time.monotonic() + _SECONDS
    trouble = "it has no endpoint"
    for endpoint in backend.endpoints(settings):
        try:
            with backend.connect(endpoint, settings, max(deadline - time.monotonic(), 0.1)) as connection:
                yield _records(backend, connection, settings, secrets)
                yield _pods(connection, nodes, deadline)
                return
        except DatastoreError as error:
            trouble = f"{endpoint}: {error.reason}"
    yield BundlePart(DATASTORE, trouble=trouble, secrets=secrets)


def _settings_of_container(config: Config) -> DatastoreSettings | Unreadable:
    reader = DockerDoor(config.docker.url, config.docker.timeout_seconds)
    try:
        return settings_from(reader.read(config.node.container_name), config.node.container_name)
    finally:
        reader.close()


def _records(backend: Backend, connection: Connection, settings: DatastoreSettings, secrets: list[str]) -> BundlePart:
    prefixes, refused = connection.readable()
    stamp, found = connection.read_all(prefixes)
    rows: list[object] = [
        {
            "kind": settings.kind,
            "pod_cidrs": settings.kubernetes is not None and settings.kubernetes.pod_cidrs,
            "revision": stamp.revision,
            "read_at": datetime.now(UTC).isoformat(),
        }
    ]
    for key, value in found:
        if len(rows) > _MOST_RECORDS:
            refused = f"there are more than {_MOST_RECORDS} records"
            break
        if backend.decode(key, value) is not None:
            rows.append({"key": key, "value": shown_value(value)})
    return BundlePart(DATASTORE, lines=rows, trouble=refused, secrets=secrets)


def shown_value(value: bytes) -> object:
    """An object as such, for people; what is none, as the text that it is."""
    text = value.decode(errors="backslashreplace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict | list) else text


def _pods(connection: Connection, nodes: frozenset[str], deadline: float) -> BundlePart:
    try:
        rows: list[object] = [
            {**asdict(one), "addresses": list(map(str, one.addresses))}
            for one in connection.endpoint_records(nodes, deadline)
        ]
    except (DatastoreError, ValueError) as error:
        return BundlePart(PODS, trouble=str(error))
    return BundlePart(PODS, lines=[{"nodes": sorted(nodes)}, *rows])
