"""A process without a free file descriptor: every source is a value, no pass is aborted, and nothing ends it."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.config import Config
from calico_agent.config.schema import AgentSection, BirdSection, DatastoreSection, DockerSection
from calico_agent.descriptors import can_open
from calico_agent.model.observation import Unreadable
from calico_agent.runtime.collector import Collector
from calico_agent.sources.host.conflicting_processes import ConflictingProcessReader
from calico_agent.sources.kubernetes.kubelet import KubeletReader
from tests.netns import network_namespace
from tests.sources.kubernetes.test_kubelet import kubelet

pytestmark = pytest.mark.real


@contextmanager
def without_descriptors(free: int = 0) -> Iterator[None]:
    """All but some are in use, up to a limit that is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 32, hard))
    held: list[int] = []
    try:
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            for descriptor in held[len(held) - free :]:
                os.close(descriptor)
            del held[len(held) - free :]
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_shortage_is_seen_and_goes() -> None:
    assert can_open(16)
    with without_descriptors(2):
        assert can_open(2)
        assert not can_open(3)
    assert can_open(16)


@pytest.mark.parametrize("free", [0, 1, 2, 3, 5, 8, 13])
def test_no_pass_is_aborted(tmp_path: Path, free: int) -> None:
    config = Config(
        agent=AgentSection(state_dir=str(tmp_path / "state")),
        datastore=DatastoreSection(endpoints=("http://127.0.0.1:1",), timeout_seconds=0.5),
        docker=DockerSection(url=f"unix://{tmp_path}/docker.sock"),
        bird=BirdSection(socket=f"{tmp_path}/bird.ctl", socket6=f"{tmp_path}/bird6.ctl"),
    )
    sources = Collector(config, lambda _: None, one_shot=True)
    try:
        sources.observe(datetime.now(UTC))
        with without_descriptors(free):
            seen = sources.observe(datetime.now(UTC))
    finally:
        sources.close()
    assert "AGENT-FILES" in {trouble.fault.code for trouble in seen.agent_troubles} or free > 5
    assert isinstance(seen.datastore, Unreadable)


def test_what_was_last_seen_of_processes_stays(tmp_path: Path) -> None:
    with network_namespace() as host, kubelet(tmp_path, host, "--hostname-override", "host3"):

        def look() -> tuple[object, object]:
            reader, rivals = KubeletReader(), ConflictingProcessReader()
            before = reader.read(), rivals.read((), (179,))
            with without_descriptors():
                return before, (reader.read(), rivals.read((), (179,)))

        before, meanwhile = host.run(look)
    assert meanwhile == before
