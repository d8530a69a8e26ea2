"""What is read of the machine's own files, and what strange files do."""

import os
import socket
from pathlib import Path

import pytest

from calico_agent.model.host.machine import Host
from calico_agent.sources.host.machine import read_host

ID = "0123456789abcdef0123456789abcdef"


def write(root: Path, path: str, content: bytes) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_a_bare_machine_has_a_name_and_nothing_else(tmp_path: Path) -> None:
    assert read_host(tmp_path) == Host(socket.gethostname(), "", None)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (f"{ID}\n", None, ID),
        (None, f"{ID}\n", ID),
        ("", f"{ID}\n", ID),
        ("uninitialized\n", None, ""),
        ("Not An Id", None, ""),
        (ID, "f" * 32, ID),
    ],
    ids=[
        "systemd's",
        "only D-Bus's",
        "an empty one and D-Bus's",
        "not made yet",
        "nonsense",
        "systemd's before D-Bus's",
    ],
)
def test_the_machine_id(tmp_path: Path, first: str | None, second: str | None, expected: str) -> None:
    for path, content in (("etc/machine-id", first), ("var/lib/dbus/machine-id", second)):
        if content is not None:
            write(tmp_path, path, content.encode())
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert host.machine_id == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"host1", "host1"), (b"host1\n", "host1\n"), (b"", ""), (b"h\xffst\0", "h\\xffst\0"), (b"x" * 9000, "x" * 4096)],
    ids=["as calico/node writes it", "with a line end", "empty", "not UTF-8", "far too long"],
)
def test_the_name_that_calico_left_is_read_as_it_is(tmp_path: Path, content: bytes, expected: str) -> None:
    write(tmp_path, "var/lib/calico/nodename", content)
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert host.nodename_file == expected


def test_a_directory_in_its_place_is_told_and_the_host_is_one_all_the_same(tmp_path: Path) -> None:
    """Docker makes one of the source of a bind mount that is not there."""
    (tmp_path / "var/lib/calico/nodename").mkdir(parents=True)
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert (host.nodename_file, host.nodename_trouble) == (None, "cannot be read: Is a directory")


@pytest.mark.parametrize("path", ["etc/machine-id", "etc/hosts", "proc/sys/kernel/random/boot_id"])
def test_a_directory_in_place_of_another_file_is_no_file(tmp_path: Path, path: str) -> None:
    (tmp_path / path).mkdir(parents=True)
    assert read_host(tmp_path) == Host(socket.gethostname())


def test_a_name_that_everybody_may_write_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/calico/nodename", b"evil")
    (tmp_path / "var/lib/calico/nodename").chmod(0o666)
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert (host.nodename_file, host.nodename_trouble) == (None, "cannot be read: everybody may write it")


def test_a_pipe_in_its_place_does_not_hold_us(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/calico/other", b"")
    os.mkfifo(tmp_path / "var/lib/calico/nodename")
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert host.nodename_file == ""


def test_a_file_where_a_directory_should_be_means_there_is_none(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/calico", b"")
    assert read_host(tmp_path) == Host(socket.gethostname(), "", None)
