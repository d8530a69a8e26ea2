"""The base of the agent's threads: they end whatever they wait for, and one that an error has ended is noticed."""

import re
import threading
import time

import pytest

from calico_agent.worker import Errand, Task, Worker
from tests.patience import until
from tests.places import REPOSITORY


class Waiting(Worker):
    """Waits for a word that nobody says."""

    def __init__(self) -> None:
        super().__init__("waiting")
        self._word = threading.Event()

    def work(self) -> None:
        self._word.wait()

    def interrupt(self) -> None:
        self._word.set()


def test_a_stop_ends_what_is_waited_for_and_may_come_twice() -> None:
    worker = Waiting()
    worker.stop()
    worker = Waiting()
    worker.start()
    assert worker.alive
    worker.stop()
    worker.stop()
    assert not worker.alive


def test_one_that_was_not_started_is_not_missed() -> None:
    worker = Waiting()
    before = time.monotonic()
    assert worker.heartbeat() >= before


def test_one_that_pauses_ends_at_once() -> None:
    worker = Task("pausing", lambda: None)
    assert not worker.pause(0)
    worker.stop()
    began = time.monotonic()
    assert worker.pause(60)
    assert time.monotonic() - began < 30


def test_one_that_shows_itself_is_as_old_as_its_last_beat() -> None:
    worker = Waiting()
    worker.start()
    worker.beat()
    first = worker.heartbeat()
    assert worker.heartbeat() == first
    worker.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_an_error_has_ended_is_seen_no_more() -> None:
    go_on = threading.Event()

    def work() -> None:
        go_on.wait(10)
        raise ZeroDivisionError

    worker = Task("failing", work)
    worker.start()
    alive = worker.heartbeat()
    until("it is seen", lambda: worker.heartbeat() > alive)
    go_on.set()
    until("it has ended", lambda: not worker.alive)
    last = worker.heartbeat()
    until("time goes by", lambda: time.monotonic() > last)
    assert worker.heartbeat() == last


def test_an_errand_is_as_old_as_its_last_beat_and_not_missed_when_it_has_ended() -> None:
    go_on = threading.Event()

    def work() -> None:
        go_on.wait(10)

    errand = Errand("one thing", work)
    before = time.monotonic()
    assert errand.heartbeat() >= before, "it was not sent yet"
    errand.start()
    until("it works", lambda: errand.heartbeat() < time.monotonic())
    assert not errand.wait(0)
    first = errand.heartbeat()
    until("time goes by", lambda: time.monotonic() > first)
    assert errand.heartbeat() == first
    go_on.set()
    assert errand.wait(10)
    ended = time.monotonic()
    assert errand.heartbeat() >= ended


def test_all_threads_have_this_base() -> None:
    package = REPOSITORY / "calico_agent"
    makers = {path for path in package.rglob("*.py") if re.search(r"\bThread\(", path.read_text())}
    assert {path.relative_to(package).as_posix() for path in makers} == {"worker.py"}
