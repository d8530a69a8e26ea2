"""Real file systems: full, without inodes, read-only, seen by an agent that may write nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from calico_agent.checks.preflight.machine.disks import check_disks
from calico_agent.model.host.disk import Disks, FileSystem
from calico_agent.model.preflight import Verdict
from calico_agent.sources.host.disks import read_disks
from tests.checks.preflight.case import prepared, view

pytestmark = pytest.mark.real

_MIB = 1 << 20


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "calico-test", str(place)], check=True, timeout=10)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=10)


def only(found: object) -> FileSystem:
    assert isinstance(found, Disks), found
    (system,) = found.file_systems
    return system


def verdicts(disks: object) -> list[Verdict]:
    return [one.verdict for one in check_disks(view(prepared(disks=disks)))]


def test_a_disk_is_fine_until_it_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "docker", "size=8m") as disk:
        found = read_disks(str(disk), "", ())
        assert verdicts(found) == [Verdict.OK]
        assert (only(found).size, only(found).kind, only(found).read_only) == (8 * _MIB, "tmpfs", False)
        with (disk / "image").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(_MIB)):
                pass
        found = read_disks(str(disk), "", ())
        assert only(found).free == 0
        assert verdicts(found) == [Verdict.FAILURE]
        (said,) = check_disks(view(prepared(disks=found)))
        assert "is full: 0 B of 8 MiB free (0 %)" in said.what
        assert "Docker can make no container" in said.why


def test_a_disk_with_room_and_without_inodes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "docker", "size=8m,nr_inodes=64") as disk:
        with suppress(OSError):
            for number in range(64):
                (disk / str(number)).touch()
        found = read_disks(str(disk), "", ())
        assert (only(found).inodes, only(found).free_inodes) == (64, 0)
        assert verdicts(found) == [Verdict.FAILURE]
        (said,) = check_disks(view(prepared(disks=found)))
        assert "0 of 64 inodes free" in said.what
        assert "--inodes" in said.cure


def test_a_disk_that_may_only_be_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "docker", "size=8m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=10)
        found = read_disks(str(disk), "", ())
        assert only(found).read_only
        assert verdicts(found) == [Verdict.FAILURE]


def test_what_is_read_only_for_the_agent_alone(tmp_path: Path) -> None:
    """As ProtectSystem=strict has it."""
    program = (
        "import dataclasses, json, sys; from calico_agent.sources.host.disks import read_disks;"
        "print(json.dumps([one.read_only for one in read_disks(sys.argv[1], '', ()).file_systems]))"
    )
    script = 'mount --make-rprivate / && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    with small_disk(tmp_path / "docker", "size=8m") as disk:
        command = ["unshare", "--mount", "sh", "-c", script, "sh", str(disk), sys.executable, program]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == [False]


def test_a_folder_that_is_not_there_yet_and_one_beside_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        paths = (f"{disk}/lib/docker", f"{disk}/lib/calico-agent")
        found = read_disks(*paths, ())
        assert only(found).paths == paths
        assert only(found).mount_point == str(disk)
        (tmp_path / "link").symlink_to(disk)
        assert only(read_disks(f"{tmp_path}/link/docker", "", ())).mount_point == str(disk)


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = read_disks(f"{tmp_path}/loop/docker", "", ())
    assert isinstance(found, Disks)
    assert len(found.unread) + len(found.file_systems) == 1
