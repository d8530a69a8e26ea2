"""Reads what the preflight needs, beside the passes: none of it may delay one.

Each subject has a reader and a period. What takes long to read is read less often, so that all of it together stays
far below the agent's budget, and one that hangs is left behind, and told as not readable, until it answers.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from calico_agent.model.preparation import Preparation
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.datastore.reconnect_pace import jitter
from calico_agent.sources.preparation_subjects import SUBJECTS, Circumstances, Subject
from calico_agent.worker import Errand, Worker

# Reading one subject takes at most a thousandth of the time, but it is read every ten minutes whatever it costs.
_SHARE_OF_TIME, _LONGEST_PERIOD = 1000, 600.0
_PATIENCE = 10.0  # s, for one subject; dockerd and etcd have 5


class _Reading:
    """The readings of one subject, one at a time, each in a thread that nobody has to wait for."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.due = 0.0  # monotonic
        self._errand: Errand | None = None
        self._value: object = None
        self._begun = self._took = 0.0
        self._late = False

    def begin(self, circumstances: Circumstances) -> None:
        """Start one, unless the one before has not ended, or ended when nobody waited for it any more."""
        if not self._late:
            name = f"preflight {self.subject.name}"
            self._begun = time.monotonic()
            self._errand = Errand(name, partial(self._run, circumstances))
            self._errand.start()

    def value(self, patience: float) -> object:
        """What it found, waiting that long (s); then Unreadable."""
        if self._errand is not None:
            self._late = not self._errand.wait(0.0 if self._late else max(0.0, patience))
            if self._late:
                waited = time.monotonic() - self._begun
                return Unreadable(self.subject.name, f"not read within {waited:.0f} s", "timeout")
        return self._value

    def next_due(self) -> float:
        """When it should be read again, or what came late can be had (monotonic)."""
        if self._late:
            return time.monotonic() + _PATIENCE
        period = max(self.subject.period, min(_SHARE_OF_TIME * self._took, _LONGEST_PERIOD))
        return time.monotonic() + period * jitter()

    def _run(self, circumstances: Circumstances) -> None:
        try:
            self._value = self.subject.read(circumstances)
        except Exception as error:  # noqa: BLE001 - a reader that has a fault must not silence the others
            self._value = Unreadable(self.subject.name, f"{type(error).__name__}: {error}", "bug")
        self._took = time.monotonic() - self._begun


class PreparationReader(Worker):
    """Reads all subjects again and again. `wake` is called from its thread when the first reading is complete.

    Not started, it reads when it is asked. It works in the network namespace of the thread that starts it, or asks.
    """

    stop_seconds = 0.0  # it may still wait for one reading, and nobody has to wait for that

    def __init__(self, wake: Callable[[str], None], subjects: tuple[Subject, ...] = SUBJECTS) -> None:
        super().__init__("preflight")
        self._latest: Preparation | None = None
        self._wake = wake
        self._readings = tuple(_Reading(subject) for subject in subjects)
        self._circumstances = Circumstances()
        self._turned = threading.Event()

    def interrupt(self) -> None:
        """Have it look again, which ends it."""
        self._turned.set()

    def read(self, circumstances: Circumstances) -> Preparation | None:
        """What was read last, which from now on goes by these circumstances; None before the first reading.

        Where the thread was not started all is read now, and waited for.
        """
        if not self.started:
            return self._read_now(circumstances) if self._readings else None
        turned = circumstances.turning != self._circumstances.turning
        self._circumstances = circumstances
        if turned:
            self._turned.set()
        return self._latest

    def _read_now(self, circumstances: Circumstances) -> Preparation:
        """All subjects at the same time, for a program that does not stay."""
        deadline = time.monotonic() + _PATIENCE
        for reading in self._readings:
            reading.begin(circumstances)
        found = {reading.subject.name: reading.value(deadline - time.monotonic()) for reading in self._readings}
        return _with(Preparation(), found)

    def work(self) -> None:
        """Read what is due."""
        while not self.stopping.is_set():
            if self._turned.is_set():
                self._turned.clear()
                if self.stopping.is_set():
                    return
                for reading in self._readings:
                    reading.due = 0.0
            self._read_due()
            nearest = min((reading.due for reading in self._readings), default=time.monotonic() + _LONGEST_PERIOD)
            self._turned.wait(max(0.0, nearest - time.monotonic()))

    def _read_due(self) -> None:
        """Those whose time has come, one after the other: there is no hurry, and only two cores."""
        found: dict[str, object] = {}
        for reading in self._readings:
            if not self.stopping.is_set() and reading.due <= time.monotonic():
                reading.begin(self._circumstances)
                found[reading.subject.name] = reading.value(_PATIENCE)
                reading.due = reading.next_due()
        first = self._latest is None
        self._latest = _with(self._latest or Preparation(), found)
        if first and not self.stopping.is_set():
            self._wake("preflight")


def _with(preparation: Preparation, found: dict[str, Any]) -> Preparation:
    """The same with these fields; each subject gives the type of its own (a test holds names and fields together)."""
    return replace(preparation, **found)
