"""The base of the agent's threads: they end whatever they wait for, and one that an error has ended is noticed."""

import threading
import time

import pytest

from calico_agent.worker import Task, Worker
from tests.patience import until


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
