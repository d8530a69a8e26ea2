"""Files that are mounted by themselves into a mount namespace, and replaced on the host."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calico_agent.model.container.container import Container, ContainerState, Mount
from calico_agent.sources.docker.certificates import outdated_files

pytestmark = pytest.mark.real


@contextmanager
def mounted(source: Path, inside: Path) -> Iterator[Container]:
    """A process that has `source` mounted at `inside`, as a container has it."""
    script = f"mount --make-rprivate / && mount --bind {source} {inside} && echo ready && exec sleep 60"
    with subprocess.Popen(("unshare", "--mount", "sh", "-c", script), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Container(
                "1",
                "calico-node",
                "i",
                ContainerState.RUNNING,
                pid=process.pid,
                env=(("ETCD_CERT_FILE", str(inside)), ("ETCD_KEY_FILE", "/not/mounted")),
                mounts=(Mount(str(source), str(inside), read_only=True),),
            )
        finally:
            process.kill()


def renew(path: Path, content: str) -> None:
    """As tools do that must never leave half a file."""
    fresh = path.with_suffix(".new")
    fresh.write_text(content)
    fresh.rename(path)


def test_a_file_that_was_renamed_into_its_place_has_not_reached_the_container(tmp_path: Path) -> None:
    source, inside = tmp_path / "cert.pem", tmp_path / "inside.pem"
    source.write_text("old")
    inside.touch()
    with mounted(source, inside) as container:
        assert outdated_files(container) == ()
        renew(source, "old")
        assert outdated_files(container) == (), "another file with the same content is as good"
        renew(source, "new")
        assert outdated_files(container) == (str(source),)
        source.unlink()
        assert outdated_files(container) == (), "nothing came in its place yet"
    assert outdated_files(container) == (), "the process is gone"


def test_a_file_that_is_written_over_reaches_the_container(tmp_path: Path) -> None:
    source, inside = tmp_path / "cert.pem", tmp_path / "inside.pem"
    source.write_text("old")
    inside.touch()
    with mounted(source, inside) as container:
        source.write_text("new")
        assert outdated_files(container) == ()
