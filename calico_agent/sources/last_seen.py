"""Whether a thread still is there: one that an unforeseen error has ended says nothing any more, and nobody notices."""

import threading
import time


class LastSeen:
    """When a thread was last seen alive (monotonic seconds), by whoever asks; now, before it was started."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread
        self._at = time.monotonic()

    def __call__(self) -> float:
        if self._thread.ident is None or self._thread.is_alive():
            self._at = time.monotonic()
        return self._at
