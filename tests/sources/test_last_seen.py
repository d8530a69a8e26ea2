"""Whether a thread still is there."""

import threading
import time

import pytest

from calico_agent.sources.last_seen import LastSeen


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_an_error_has_ended_is_seen_no_more() -> None:
    go_on = threading.Event()

    def work() -> None:
        go_on.wait(10)
        raise ZeroDivisionError

    thread = threading.Thread(target=work)
    seen = LastSeen(thread)
    assert seen() <= time.monotonic()
    thread.start()
    alive = seen()
    time.sleep(0.01)
    assert seen() > alive
    go_on.set()
    thread.join(10)
    last = seen()
    time.sleep(0.01)
    assert seen() == last
