"""The clocks of etcd's members, by the Date of their HTTP answers.

The gRPC API tells no time. But a member answers HTTP on the same port, whatever of its gateway is switched off
(/version: etcdserver/api/etcdhttp/base.go of etcd@v3.4.23), and Go's server writes the Date into each answer. It has
whole seconds: the time between request and answer, and half a second, are not known.
"""

import http.client
import time
from email.utils import parsedate_to_datetime

from urllib3.exceptions import HTTPError

from calico_agent.model.host.clocks import ClockAnswer, Clocks
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.server.endpoints import Endpoint, endpoints_of
from calico_agent.sources.datastore.server.error import DatastoreError

_MOST_MEMBERS = 5
_ALL_SECONDS = 5.0
_HALF_A_SECOND = 0.5


def read_clocks(settings: DatastoreSettings | None) -> Clocks | Unreadable:
    """One question to each member; all of them share the time."""
    if settings is None:
        return Unreadable("etcd", "where etcd is, is not known", "unset")
    answers: list[ClockAnswer] = []
    silent: list[str] = []
    try:
        endpoints = endpoints_of(settings)[:_MOST_MEMBERS]
        for endpoint in endpoints:
            try:
                answers.append(_ask(endpoint, settings, _ALL_SECONDS / len(endpoints)))
            except DatastoreError as error:
                if error.code == "file":
                    raise
                silent.append(f"{endpoint}: {error.reason}")
    except DatastoreError as error:
        return Unreadable("etcd", error.reason, error.code)
    return Clocks(tuple(answers), tuple(silent))


def _ask(endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> ClockAnswer:
    """Raises DatastoreError."""
    try:
        with ConnectionV2(endpoint, settings, timeout) as client:
            connection = client.open()
            try:
                connection.connect()
                before = time.time()
                date = client.ask(connection, "/version").headers.get("Date", "")
                after = time.time()
            finally:
                connection.close()
        theirs = parsedate_to_datetime(date).timestamp() + _HALF_A_SECOND
    except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:
        raise DatastoreError(f"it tells no time: {error}", "failed") from None
    return ClockAnswer(str(endpoint), (before + after) / 2 - theirs, _HALF_A_SECOND + abs(after - before) / 2)
