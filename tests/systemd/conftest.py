"""One machine for all tests of a worker. A test leaves the unit stopped, and takes away what it put there."""

from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    try:
        machine.wait_for_boot()
        yield machine
    finally:
        machine.stop()
