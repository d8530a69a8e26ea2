"""Whether this process has files left to open, and that nobody else is blamed when it has not."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.host.own_files import read_file_trouble


@contextmanager
def limited_to(files: int) -> Iterator[None]:
    """This process may have that many files open and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_docker_is_not_to_blame(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dockerd:
        dockerd.bind(str(tmp_path / "docker.sock"))
        dockerd.listen()
        reader = DockerReader(f"unix://{tmp_path}/docker.sock", 1)
        assert isinstance(reader.read("calico-node"), Unreadable)  # whatever is imported when it is first used
        with limited_to(3):
            read = reader.read("calico-node")
    assert isinstance(read, Unreadable)
    assert read.reason == "calico-agent is out of file descriptors"


def test_with_the_usual_limit_there_is_no_trouble() -> None:
    assert read_file_trouble() is None


def test_before_the_last_one_is_gone_it_is_said() -> None:
    with limited_to(len(list(Path("/proc/self/fd").iterdir())) + 3):
        trouble = read_file_trouble()
    assert trouble is not None
    assert trouble.what.startswith("the agent itself is out of file descriptors: ")
    assert "prlimit --pid " in trouble.cure


def test_when_not_even_counting_is_possible_it_is_said_too() -> None:
    with limited_to(3):
        trouble = read_file_trouble()
    assert trouble is not None
    assert "3 of 3 are open" in trouble.what
