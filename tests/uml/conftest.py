"""A guest for the tests of a module; they are slow there, whatever runs beside."""

import os
from collections.abc import Iterator

import pytest

from tests.lab.standin import build_standin
from tests.uml.guest import Guest


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """A guest of our own, ended whatever happens. The image for its labs is made here, where it can be kept."""
    build_standin(ipip=True)
    with Guest.boot(f"tests-{os.getpid()}") as booted:
        yield booted
