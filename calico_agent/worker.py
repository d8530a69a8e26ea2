"""The one base of all threads of the agent: how they start, stop, wait and show that they are alive."""

import threading
import time
from collections.abc import Callable


class Worker:
    """A thread that runs `work` until it returns. Who asks for the stop waits for it, but never for ever.

    A subclass ends `work` when `stopping` is set. Where it waits for something else than `pause`, it overrides
    `interrupt`, which is called by `stop` from another thread.
    """

    stop_seconds = 2.0
    """How long `stop` waits for the thread (s)."""

    def __init__(self, name: str) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.work, name=name, daemon=True)
        self._seen = time.monotonic()
        self._beat: float | None = None

    def start(self) -> None:
        """Begin to work. To be called once."""
        self._thread.start()

    @property
    def started(self) -> bool:
        """True if `start` was called."""
        return self._thread.ident is not None

    @property
    def alive(self) -> bool:
        """True if the thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the work, whatever it waits for. May be called without a start, and twice."""
        self.stopping.set()
        self.interrupt()
        if self.started and self._thread is not threading.current_thread():
            self._thread.join(self.stop_seconds)

    def pause(self, seconds: float) -> bool:
        """Wait so long. True if the stop was asked for meanwhile."""
        return self.stopping.wait(seconds)

    def beat(self) -> None:
        """Show that the work goes on. A worker that never beats is alive while its thread is."""
        self._beat = time.monotonic()

    def heartbeat(self) -> float:
        """Return when it was last seen alive (monotonic seconds); now, before it was started.

        A thread that an unforeseen error has ended says nothing any more, and nobody would notice.
        """
        if not self.started or (self._beat is None and self._thread.is_alive()):
            self._seen = time.monotonic()
        return self._seen if self._beat is None else self._beat

    def work(self) -> None:
        """Do what the thread is for."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Wake the thread out of what it waits for."""


class Task(Worker):
    """A worker that runs one function, for an owner that has several threads."""

    def __init__(self, name: str, function: Callable[[], None]) -> None:
        super().__init__(name)
        self._function = function

    def work(self) -> None:
        """Run it."""
        self._function()


class Errand(Task):
    """A worker that ends by itself when it has done one thing. It is alive when it has ended, too.

    While it works it is as old as its last beat, the first of which is its start. One that waits for somebody outside
    without a deadline is left behind by who sent it. `/livez` watches none of those: it does not depend on the outside.
    """

    def work(self) -> None:
        """Run it."""
        self.beat()
        super().work()

    def heartbeat(self) -> float:
        """Return the last beat while it works (monotonic seconds); now, before and after."""
        return self._beat if self._beat is not None and self.alive else time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait so long for its end. True if it has ended."""
        self._thread.join(seconds)
        return not self.alive
