"""For all tests: the machine may be busy, so how long one example takes says nothing.

In continuous integration the made up examples are the same at each run, so that what fails there is of the change.
`make test-fast` makes up fewer (`--hypothesis-profile=quick`).

What a run before has left because it was killed is cleared first.
"""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.lab.leftovers import clear_leftovers
from tests.lab.owner import sign

_BY_HOSTS = ("tests/lab/", "tests/systemd/", "tests/kube_apiserver/")

settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("quick", settings.get_profile("patient"), max_examples=25)
settings.load_profile("patient")


def pytest_sessionstart() -> None:
    """The processes of pytest-xdist carry the name of the one that started them.

    What a shell runs in the background ignores SIGINT, and so would all that the tests start and interrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sign() and os.geteuid() == 0:
        clear_leftovers()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests are made, and all stay: to look for garbage among them takes as long as to make them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start hosts take minutes and come first; many short ones then leave no process without work."""
    items.sort(key=lambda item: not item.nodeid.startswith(_BY_HOSTS))
