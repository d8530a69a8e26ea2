"""Keeps the history, in a thread of its own: a disk that is full, slow or hung delays no pass.

What comes within a moment is written together, with one wait for the disk. Events are few, so each batch is on the disk
(fdatasync) before the next one is taken: what a power loss takes away is the last second. What cannot be written waits
for the next batch, and the newest of it is kept; how much was lost is then written, too.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from queue import Empty, SimpleQueue

from calico_agent.model.report import Event
from calico_agent.model.unreadable import Unreadable
from calico_agent.secret import masked_table
from calico_agent.state.history import NAME, Entry, append_history, entry_line
from calico_agent.worker import Worker

_MOST_WAITING = 2000
_TOGETHER_SECONDS = 0.2
_AGAIN_SECONDS = 30.0
_LONGEST_TEXT = 1000


def history_entry(event: Event, at: datetime) -> Entry:
    """An event as it is kept: without secrets, and with no text that fills the file."""
    fields = masked_table({name: _short(value) for name, value in event.fields.items()})
    return {"at": at.isoformat(), "event": event.name, "level": event.level.value, **fields}


def _short(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}..."
    if isinstance(value, list | tuple):
        return [_short(each) for each in value[:100]]
    return value


class HistoryWriter(Worker):
    """Appends to the history in `state_dir`; with an empty one nothing is kept, and no thread is started."""

    def __init__(self, state_dir: str, append: Callable[[str, bytes], None] = append_history) -> None:
        super().__init__("history")
        self.state_dir = state_dir
        self._append = append
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._waiting: deque[Entry] = deque(maxlen=_MOST_WAITING)
        self._lost = 0
        # Written by the thread, read by the pass: one reference, which is replaced as a whole.
        self.trouble: Unreadable | None = None
        if state_dir:
            self.start()

    def keep(self, events: Iterable[Event], at: datetime) -> None:
        """Have them kept. Waits for nothing, and raises nothing."""
        if self.state_dir and not self.stopping.is_set():
            for event in events:
                self._queue.put(history_entry(event, at))

    def work(self) -> None:
        """Write what comes, and what is left at the end."""
        while not self.stopping.is_set():
            self._take(_AGAIN_SECONDS if self._waiting else None)
            self.pause(_TOGETHER_SECONDS)
            self._write()
        self._write()

    def interrupt(self) -> None:
        """Wake it for the stop."""
        self._queue.put(None)

    def _take(self, seconds: float | None) -> None:
        """Wait for the next entry."""
        try:
            self._wait_with(self._queue.get(timeout=seconds))
        except Empty:
            return

    def _wait_with(self, entry: Entry | None) -> None:
        if entry is not None:
            self._lost += len(self._waiting) == _MOST_WAITING
            self._waiting.append(entry)

    def _write(self) -> None:
        while not self._queue.empty():
            self._wait_with(self._queue.get())
        if not self._waiting:
            return
        entries = list(self._waiting)
        if self._lost:
            first = {"at": entries[0]["at"], "event": "history_lost", "level": "warning", "count": self._lost}
            entries.insert(0, first)
        try:
            self._append(self.state_dir, b"".join(map(entry_line, entries)))
        except OSError as error:
            reason = f"{self.state_dir}/{NAME} cannot be written: {error.strerror or error}"
            self.trouble = Unreadable(NAME, reason, "file")
        else:
            self._waiting.clear()
            self._lost, self.trouble = 0, None
