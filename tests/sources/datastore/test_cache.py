"""The last reading on a real disk: read back as it was, or refused with a reason."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore import cache as snapshot_module
from calico_agent.sources.datastore.cache import SnapshotError, SnapshotFile
from tests.sources.datastore.etcd3.test_decode import capture

AT = datetime(2026, 11, 23, 3, 0, 0, 123456, tzinfo=UTC)
ETCD = DatastoreSettings(("https://10.0.0.1:2379", "https://10.0.0.2:2379"), username="agent", password="secret")
READ = replace(capture("borrowed-addresses"), revision=4711, read_at=AT)


@pytest.fixture
def file(tmp_path: Path) -> SnapshotFile:
    return SnapshotFile(tmp_path / "state" / "datastore.snapshot", ETCD)


def refusal(action: Callable[[], object]) -> str:
    """What is said when that is refused: one line."""
    with pytest.raises(SnapshotError) as caught:
        action()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_was_kept_is_read_as_it_was(file: SnapshotFile) -> None:
    assert file.load() is None
    file.save(READ)
    assert file.load() == READ
    file.save(replace(READ, nodes=()))
    assert file.load() == replace(READ, nodes=())
    assert [path.name for path in file.path.parent.iterdir()] == ["datastore.snapshot"]


def test_it_is_for_its_owner_alone_and_holds_no_password(file: SnapshotFile) -> None:
    file.save(READ)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert b"secret" not in file.path.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda _: b"", "its end is missing", id="empty"),
        pytest.param(lambda raw: raw[:-1], "its checksum is wrong", id="without its last byte"),
        pytest.param(lambda raw: raw[: raw.index(b"sha256 ")], "its end is missing", id="without its last line"),
        pytest.param(lambda raw: raw[: raw.index(b"\n", len(raw) // 2) - 9], "its end is missing", id="half"),
        pytest.param(lambda raw: raw.replace(b"10.77.0.12", b"10.77.0.99"), "its checksum is wrong", id="changed"),
        pytest.param(lambda raw: raw + b"x", "its checksum is wrong", id="followed by something"),
        pytest.param(lambda _: b"\0" * 5000, "the value is not JSON", id="zeros"),
        pytest.param(
            lambda raw: raw.replace(b'"format": 1', b'"format": 2'),
            "its format is 2, not 1: another version of calico-agent wrote it",
            id="of another version",
        ),
        pytest.param(lambda raw: raw.replace(b"+00:00", b"+99:99"), "its header holds no time", id="of no time"),
    ],
)
def test_a_file_that_is(change: Callable[[bytes], bytes], told: str, file: SnapshotFile) -> None:
    file.save(READ)
    file.path.write_bytes(change(file.path.read_bytes()))
    assert refusal(file.load) == f"{file.path} is of no use: {told}"
    file.save(READ)
    assert file.load() == READ


def test_every_single_byte_counts(file: SnapshotFile) -> None:
    file.save(Datastore(nodes=(Node("node-a"),), read_at=AT))
    raw = file.path.read_bytes()
    for position in range(len(raw)):
        file.path.write_bytes(raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :])
        refusal(file.load)


@pytest.mark.parametrize(
    ("endpoints", "believed"),
    [
        pytest.param(("http://10.0.0.2:2379",), True, id="a member they share, by another scheme"),
        pytest.param(("https://10.0.0.2:2379", "https://10.0.0.3:2379"), True, id="a member replaced"),
        pytest.param(("https://10.0.0.1:4001",), False, id="another port"),
        pytest.param(("https://192.0.2.1:2379",), False, id="another host"),
    ],
)
def test_the_reading_of_another_datastore_is_refused(
    endpoints: tuple[str, ...], file: SnapshotFile, *, believed: bool
) -> None:
    file.save(READ)
    other = replace(file, settings=replace(ETCD, endpoints=endpoints))
    if believed:
        assert other.load() == READ
    else:
        told = refusal(other.load)
        assert told.endswith("it is the reading of another datastore, 10.0.0.1:2379, 10.0.0.2:2379")


def test_its_size_is_bounded_both_ways(file: SnapshotFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(READ)
    monkeypatch.setattr(snapshot_module, "_MAX_BYTES", 1000)
    assert refusal(file.load) == f"{file.path} is of no use: it is no file, or larger than 1000 bytes"
    assert refusal(lambda: file.save(READ)) == f"{file.path} is not written: it would be larger than 1000 bytes"
    monkeypatch.undo()
    assert file.load() == READ


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_something_else_under_its_name_neither_holds_up_nor_leads_elsewhere(kind: str, file: SnapshotFile) -> None:
    file.save(READ)
    elsewhere = file.path.rename(file.path.with_name("elsewhere"))
    if kind == "pipe":
        os.mkfifo(file.path)
    else:
        file.path.symlink_to(elsewhere)
    assert str(file.path) in refusal(file.load)
    file.save(READ)
    assert file.load() == READ
    assert file.path.is_file()
    assert not file.path.is_symlink()


def test_a_crash_in_the_middle_leaves_the_one_before(file: SnapshotFile) -> None:
    file.save(READ)
    file.path.with_name("datastore.snapshot.new").write_bytes(b"half")
    assert file.load() == READ
    file.save(replace(READ, revision=4712))
    assert file.load() == replace(READ, revision=4712)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "datastore.snapshot"
    told = refusal(lambda: SnapshotFile(path, ETCD).save(READ))
    assert told == f"{path} cannot be written: No such file or directory"


@contextmanager
def small_disk(at: Path) -> Iterator[None]:
    """A file system of 64 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(at)], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True, timeout=10)


@pytest.mark.real
def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path):
        file = SnapshotFile(tmp_path / "datastore.snapshot", ETCD)
        file.save(READ)
        many = replace(READ, nodes=tuple(Node(f"node-{number}") for number in range(2000)))
        assert refusal(lambda: file.save(many)) == f"{file.path} cannot be written: No space left on device"
        assert file.load() == READ
        assert [path.name for path in tmp_path.iterdir()] == ["datastore.snapshot"]


@pytest.mark.real
def test_a_disk_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path):
        file = SnapshotFile(tmp_path / "datastore.snapshot", ETCD)
        file.save(READ)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True, timeout=10)
        assert refusal(lambda: file.save(READ)) == f"{file.path} cannot be written: Read-only file system"
        assert file.load() == READ
