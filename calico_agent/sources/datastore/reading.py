"""One reading of the datastore."""

import time
from datetime import UTC, datetime

from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.replica import unreadable, without_claims
from calico_agent.sources.datastore.server.error import DatastoreError


def read_datastore(
    settings: DatastoreSettings, *, timeout: float, backend: Backend | None = None
) -> Datastore | Unreadable:
    """One reading of everything, for a program that does not stay. All endpoints share the time."""
    deadline = time.monotonic() + timeout
    failures: dict[str, DatastoreError] = {}
    backend = backend or backend_of(settings)
    try:
        endpoints = backend.endpoints(settings)
        for position, endpoint in enumerate(endpoints):
            share = (deadline - time.monotonic()) / (len(endpoints) - position)
            try:
                with backend.connect(endpoint, settings, max(share, 0.1)) as connection:
                    prefixes, refused = connection.readable()
                    stamp, found = connection.read_all(prefixes)
                    decoded = {key: backend.decode(key, value) for key, value in found}
                    known = {key: value for key, value in decoded.items() if value is not None}
                    read = backend.assemble(known, revision=stamp.revision, read_at=datetime.now(UTC))
                    return without_claims(read, refused) if refused else read
            except DatastoreError as error:
                if error.code == "file":
                    raise
                failures[str(endpoint)] = error
    except DatastoreError as error:
        return Unreadable(backend.source, error.reason, error.code)
    return unreadable(backend.source, failures)
