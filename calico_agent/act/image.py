"""Fetches the image from its registry, through Docker, while everything else goes on.

A pull may take minutes, so it has a thread of its own: each pass says what is wanted (`want`), and sees in its
observation how far it is (`state`).
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from docker.errors import DockerException
from requests.exceptions import RequestException

from calico_agent.act.pull_transfer import Transfer, sentence
from calico_agent.model.container.image import Pull

_WAKE_SECONDS = 2.0
_LOG_SECONDS = 300.0


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
        self._running: Transfer | None = None

    def state(self) -> Pull | None:
        """Return the pull that goes on, else the last one."""
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
            self._running = transfer = Transfer(reference, before, self._deadline, self._run)
            transfer.start()

    def heartbeat(self) -> float:
        """Return when the pull that goes on was last seen alive (monotonic seconds); now, where none does."""
        with self._lock:
            running = self._running
        return time.monotonic() if running is None else running.heartbeat()

    def stop(self) -> None:
        """Give a running pull up. What Docker has of it, it keeps for the next time."""
        self.want("")

    def _run(self, transfer: Transfer) -> None:
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
            error = sentence(failure, self._deadline)
        except Exception as bug:  # noqa: BLE001 - it must not seem to go on for ever
            self._log.exception("pull_broke", advice="this is a bug of calico-agent: please report it with this text")
            error = f"this is a bug of calico-agent: {type(bug).__name__}"
        with self._lock:
            if self._running is not transfer:
                return  # nobody wants it any more
            self._running = None
            self._pull = transfer.ended(error)
        self._wake("image pull")
