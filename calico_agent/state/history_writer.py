"""Keeps the history, in a thread of its own: a disk that is full, slow or hung delays no pass.

What comes within a moment is written together, with one wait for the disk. Events are few, so each batch is on the disk
(fdatasync) before the next one is taken: what a power loss takes away is the last second. What cannot be written waits
for the next batch, and the newest of it is kept; how much was lost is then written, too.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

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
        self._come = threading.Event()
        self._lock = threading.Lock()  # guards the next two, and is never held while the disk is waited for
        self._waiting: list[Entry] = []
        self._lost = 0
        # Written by the thread, read by the pass: one reference, which is replaced as a whole.
        self.trouble: Unreadable | None = None
        if state_dir:
            self.start()

    def keep(self, events: Iterable[Event], at: datetime) -> None:
        """Have them kept. Waits for nothing, and raises nothing."""
        if self.state_dir and not self.stopping.is_set():
            entries = [history_entry(event, at) for event in events]
            if entries:
                self._hold(lambda waiting: [*waiting, *entries])
                self._come.set()

    def work(self) -> None:
        """Write what comes, and what is left at the end."""
        while not self.stopping.is_set():
            self._come.wait(_AGAIN_SECONDS if self._waiting else None)
            self._come.clear()
            self.pause(_TOGETHER_SECONDS)
            self._write()
        self._write()

    def interrupt(self) -> None:
        """Wake it for the stop."""
        self._come.set()

    def _hold(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        """What waits is changed; of too much the newest is kept, and the rest counted."""
        with self._lock:
            waiting = change(self._waiting)
            self._lost += max(0, len(waiting) - _MOST_WAITING)
            self._waiting = waiting[-_MOST_WAITING:]

    def _write(self) -> None:
        with self._lock:
            entries, self._waiting = self._waiting, []
            lost, self._lost = self._lost, 0
        if not entries:
            return
        gap = [{"at": entries[0]["at"], "event": "history_lost", "level": "warning", "count": lost}] if lost else []
        try:
            self._append(self.state_dir, b"".join(map(entry_line, [*gap, *entries])))
        except OSError as error:
            reason = f"{self.state_dir}/{NAME} cannot be written: {error.strerror or error}"
            self.trouble = Unreadable(NAME, reason, "file")
            self._hold(lambda waiting: [*entries, *waiting])
            with self._lock:
                self._lost += lost
        else:
            self.trouble = None
