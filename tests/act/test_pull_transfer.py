"""A pull shows whether it is alive: an Engine that takes the connection and says nothing."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.act.image import ImagePuller
from tests.patience import until


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        yield f"unix://{tmp_path}/docker.sock"


def test_a_pull_that_waits_is_as_old_as_its_last_step_and_one_that_nobody_wants_is_not_missed(
    engine: str, tmp_path: Path
) -> None:
    woken: list[str] = []
    puller = ImagePuller(engine, tmp_path / "none", woken.append, deadline=0.5)
    before = time.monotonic()
    assert puller.heartbeat() >= before, "nothing is fetched"
    puller.want("registry.example/image:1")
    asked = time.monotonic()
    until("time goes by", lambda: bool(woken) or time.monotonic() > asked + 0.1)
    assert woken or puller.heartbeat() <= asked + 0.1
    until("its own deadline ends it", lambda: bool(woken))
    state = puller.state()
    assert state is not None
    assert "within 0.5 s" in state.error
    ended = time.monotonic()
    assert puller.heartbeat() >= ended
    puller.stop()
