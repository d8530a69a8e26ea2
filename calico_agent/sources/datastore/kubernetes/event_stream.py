"""A watch of the Kubernetes API while it lasts."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NoReturn

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from calico_agent.sources.datastore.kubernetes.objects import WatchEvent, decode_event
from calico_agent.sources.datastore.server.error import DatastoreError

_MOST_EVENT = 16 * 1024 * 1024
_CHUNK = 1 << 16


class EventStream:
    """A watch while it lasts: `events` is iterated in one thread, `close` may be called from any."""

    def __init__(self, response: BaseHTTPResponse, fail: Callable[[Exception], NoReturn]) -> None:
        """`fail` says in words why there was no answer."""
        self._fail = fail
        self._response = response

    def events(self) -> Iterator[WatchEvent]:
        """Until the server ends it, as it does after its time. Raises DatastoreError."""
        rest = b""
        try:
            while chunk := self._response.read1(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(decode_event, lines)
                if len(rest) > _MOST_EVENT:
                    raise DatastoreError(f"an event is larger than {_MOST_EVENT >> 20} MiB", "failed")
        except (HTTPError, OSError, ValueError, AttributeError) as error:  # the last two: `close` took it away
            self._fail(error)
        finally:
            self._response.close()

    def close(self) -> None:
        """Who waits in it gets its end at once."""
        with suppress(HTTPError, OSError, RuntimeError, ValueError):  # it may have ended just now
            self._response.shutdown()
