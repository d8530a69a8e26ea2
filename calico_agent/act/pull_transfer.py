"""One pull of an image through Docker: the connection, its progress, and what is said when it fails.

The Engine sends its progress for as long as the connection is open, and gives the pull up when that is closed. It tries
a failed layer again by itself for minutes and talks about that all the time, so the deadline counts from the last byte
or layer, not from the last word.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import docker
from docker import auth
from docker.errors import DockerException
from docker.utils import parse_repository_tag
from requests import Response

from calico_agent.act.pull_progress import PullProgress, reason_of
from calico_agent.model.container.image import Pull
from calico_agent.small_file import read_small
from calico_agent.worker import Errand

_LONGEST_LINE = 1 << 20
_LARGEST_CREDENTIALS = 1 << 20
_CHUNK = 1 << 16


class Transfer(Errand):
    """One pull: its thread, its connection to the Engine, and how far it is.

    `run` is called in the thread, and makes the steps; all else is for any thread.
    """

    def __init__(self, reference: str, before: Pull | None, deadline: float, run: Callable[["Transfer"], None]) -> None:
        super().__init__("image pull", partial(run, self))
        self.reference = reference
        self._failures = before.failures if before is not None else 0
        self._error = before.error if before is not None else ""
        self._deadline = deadline
        self._started_at = datetime.now(UTC)
        self._progress = PullProgress()
        self._lock = threading.Lock()  # guards what follows
        self._cancelled = False
        self._response: Response | None = None

    def pull(self) -> Pull:
        """Return how far it is."""
        counts = self._progress.counts
        return Pull(self.reference, self._started_at, None, self._error, self._failures, *counts)

    def ended(self, error: str) -> Pull:
        """Return the same at its end; `error` is empty where it succeeded."""
        counts = self._progress.counts
        failures = self._failures + 1 if error else 0
        return Pull(self.reference, self._started_at, datetime.now(UTC), error, failures, *counts)

    def cancel(self) -> None:
        """Have the Engine give it up; `steps` ends, or raises something that nobody waits for."""
        with self._lock:
            self._cancelled = True
            if self._response is not None:
                with suppress(OSError, RuntimeError, ValueError):  # it has just ended
                    self._response.raw.shutdown()  # wakes the thread that reads it; close() does not

    def steps(self, url: str, credentials: Path) -> Iterator[None]:
        """Fetch it, and yield each time that something happened.

        Raises what Docker and requests raise, and ValueError with the Engine's or the registry's reason.
        """
        # The stubs want whole seconds; requests, which gets it, takes fractions.
        timeout: int = self._deadline  # type: ignore[assignment]
        with (
            closing(docker.APIClient(base_url=url, version="auto", timeout=timeout)) as client,
            closing(self._ask(client, credentials)) as response,
        ):
            with self._lock:
                if self._cancelled:
                    return
                self._response = response
            last = time.monotonic()
            for line in _lines(response):
                self.beat()
                if self._progress.follow(json.loads(line)):
                    last = time.monotonic()
                elif time.monotonic() - last > self._deadline:
                    raise TimeoutError
                yield

    def _ask(self, client: docker.APIClient, credentials: Path) -> Response:
        """By hand, because the SDK's `pull()` waits for each word without a timeout."""
        self.beat()
        repository, tag = parse_repository_tag(self.reference)
        registry, _ = auth.resolve_repository_name(repository)
        headers = {}
        if login := _login(credentials, registry):
            headers["X-Registry-Auth"] = auth.encode_header(login)
        response = client.post(
            f"{client.base_url}/v{client.api_version}/images/create",
            params={"fromImage": repository, "tag": tag or "latest"},
            headers=headers,
            stream=True,
            timeout=self._deadline,
        )
        if not response.ok:
            with closing(response):
                raise ValueError(_refusal(response.raw.read(_LONGEST_LINE, decode_content=True)))
        return response


def _lines(response: Response) -> Iterator[bytes]:
    """The lines of an answer as they come. Raises ValueError on one without an end."""
    rest = b""
    for chunk in response.iter_content(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(rest) > _LONGEST_LINE:
            raise ValueError("what answers is not a Docker Engine")
    if rest.strip():
        yield rest


def _login(credentials: Path, registry: str) -> dict[str, str]:
    """What the file has for this registry; empty for nothing. Raises ValueError when it cannot be used."""
    try:
        kept = json.loads(read_small(credentials, _LARGEST_CREDENTIALS)).get("auths", {})
        found = auth.AuthConfig({"auths": auth.AuthConfig.parse_auth(kept)}).resolve_authconfig(registry)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(f"{credentials} cannot be read: {error.strerror}") from None
    except (AttributeError, DockerException, RecursionError, TypeError, ValueError):
        # Not the error itself, which may quote the file.
        raise ValueError(f"{credentials} is not a configuration file of Docker's") from None
    return dict(found or {})


def _refusal(answer: bytes) -> str:
    try:
        decoded = json.loads(answer)
    except ValueError:
        decoded = None
    return reason_of(decoded if isinstance(decoded, dict) else {})


def sentence(failure: Exception, deadline: float) -> str:
    """Return why a pull ended, for people."""
    if isinstance(failure, json.JSONDecodeError):
        return "what answers is not a Docker Engine"
    if isinstance(failure, ValueError) and not isinstance(failure, OSError | DockerException):
        return str(failure)
    if isinstance(failure, TimeoutError) or "timed out" in str(failure):
        return f"nothing came within {deadline:g} s"
    return reason_of({"message": f"the connection to Docker ended: {failure}"})
