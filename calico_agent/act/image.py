"""Fetches the image from its registry, through Docker, while everything else goes on.

A pull may take minutes, so it has a thread of its own: each pass says what is wanted (`want`), and sees in its
observation how far it is (`state`). The Engine sends its progress for as long as the connection is open, and gives the
pull up when that is closed. It tries a failed layer again by itself for minutes and talks about that all the time, so
the deadline counts from the last byte or layer, not from the last word.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import docker
import structlog
from docker import auth
from docker.errors import DockerException
from docker.utils import parse_repository_tag
from requests import Response
from requests.exceptions import RequestException

from calico_agent.act.pull_progress import PullProgress, reason_of
from calico_agent.model.container.image import Pull
from calico_agent.small_file import read_small

_WAKE_SECONDS = 2.0
_LOG_SECONDS = 5.0
_LONGEST_LINE = 1 << 20
_LARGEST_CREDENTIALS = 1 << 20
_CHUNK = 1 << 16


class ImagePuller:
    """Fetches one image at a time. `wake(reason)` is called from its thread while it gets on, and when it has ended.

    `credentials` is Docker's own configuration file, which `docker login` writes; its credential helpers are not run.
    `deadline` is how many seconds without any progress end a pull.
    """

    def __init__(self, url: str, credentials: Path, wake: Callable[[str], None], *, deadline: float = 60.0) -> None:
        self._url = url
        self._credentials = credentials
        self._wake = wake
        self._deadline = deadline
        self._log = structlog.get_logger("calico_agent")
        self._lock = threading.Lock()  # guards what follows
        self._pull: Pull | None = None
        self._running: _Transfer | None = None

    def state(self) -> Pull | None:
        """The pull that goes on, else the last one."""
        with self._lock:
            return self._running.pull() if self._running is not None else self._pull

    def want(self, reference: str) -> None:
        """See to it that this image is being fetched, and no other; empty: none. Returns at once."""
        with self._lock:
            running = self._running
            if running is not None and running.reference != reference:
                running.cancel()
                self._running = running = None
            if not reference or running is not None:
                return
            before = self._pull
            before = before if before is not None and before.reference == reference else None
            self._running = transfer = _Transfer(reference, before, self._deadline)
            threading.Thread(target=self._run, args=(transfer,), name="image pull", daemon=True).start()

    def stop(self) -> None:
        """Give a running pull up. What Docker has of it, it keeps for the next time."""
        self.want("")

    def _run(self, transfer: "_Transfer") -> None:
        self._log.info("pull_started", image=transfer.reference)
        woken = told = time.monotonic()
        error = ""
        try:
            for _ in transfer.steps(self._url, self._credentials):
                now = time.monotonic()
                if now - woken >= _WAKE_SECONDS:
                    woken = now
                    self._wake("image pull")
                if now - told >= _LOG_SECONDS:
                    told = now
                    self._log.info("pulling", image=transfer.reference, progress=transfer.pull().words)
        except (DockerException, RequestException, OSError, ValueError) as failure:
            error = _sentence(failure, self._deadline)
        except Exception as bug:  # noqa: BLE001 - it must not seem to go on for ever
            self._log.exception("pull_failed", advice="this is a bug of calico-agent: please report it with this text")
            error = f"this is a bug of calico-agent: {type(bug).__name__}"
        with self._lock:
            if self._running is not transfer:
                return  # nobody wants it any more
            self._running = None
            self._pull = ended = transfer.ended(error)
        if error:
            self._log.warning("pull_failed", image=transfer.reference, error=error, failures=ended.failures)
        else:
            self._log.info("pull_done", image=transfer.reference, layers=ended.layers)
        self._wake("image pull")


class _Transfer:
    """One pull: its connection to the Engine, and how far it is. `steps` is for one thread, the rest for any."""

    def __init__(self, reference: str, before: Pull | None, deadline: float) -> None:
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
        counts = self._progress.counts
        return Pull(self.reference, self._started_at, None, self._error, self._failures, *counts)

    def ended(self, error: str) -> Pull:
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
        """Fetch it; something happened at each step. Raises what Docker and requests raise, and ValueError with the
        Engine's or the registry's reason.
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
                if self._progress.follow(json.loads(line)):
                    last = time.monotonic()
                elif time.monotonic() - last > self._deadline:
                    raise TimeoutError
                yield

    def _ask(self, client: docker.APIClient, credentials: Path) -> Response:
        """By hand, because the SDK's `pull()` waits for each word without a timeout."""
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


def _sentence(failure: Exception, deadline: float) -> str:
    """Why it ended, for people."""
    if isinstance(failure, json.JSONDecodeError):
        return "what answers is not a Docker Engine"
    if isinstance(failure, ValueError) and not isinstance(failure, OSError | DockerException):
        return str(failure)
    if isinstance(failure, TimeoutError) or "timed out" in str(failure):
        return f"nothing came within {deadline:g} s"
    return reason_of({"message": f"the connection to Docker ended: {failure}"})
