"""The last choice on disk: it comes back as it was, and whatever is wrong with the file costs nothing but it."""

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calico_agent.model.identity import KeptAddress, KeptIdentity
from calico_agent.state.identity import IdentityFile

AT = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
KEPT = KeptIdentity(
    machine_id="ab" * 16,
    name="host3",
    name_source="host name",
    ipv4=KeptAddress(ip_interface("10.0.0.13/24"), "eth0", "default route", AT),
    ipv6=KeptAddress(ip_interface("2001:db8::13/64"), "wg0", "configured", AT, "virtual-link"),
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    IdentityFile(str(tmp_path)).save(KEPT)
    other = IdentityFile(str(tmp_path))
    assert (other.load(), other.trouble) == (KEPT, None)


def test_only_its_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    IdentityFile(str(tmp_path / "state")).save(KEPT)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["identity.json"]
    assert stat.S_IMODE((tmp_path / "state" / "identity.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    file = IdentityFile(str(tmp_path))
    file.save(KEPT)
    (tmp_path / "identity.json").unlink()
    file.save(KEPT)
    assert not (tmp_path / "identity.json").exists()
    file.save(replace(KEPT, name="host4"))
    assert (tmp_path / "identity.json").exists()


def test_without_a_directory_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    IdentityFile("").save(KEPT)
    assert (IdentityFile("").load(), list(tmp_path.iterdir())) == (KeptIdentity(), [])


def test_a_missing_file_is_no_trouble(tmp_path: Path) -> None:
    file = IdentityFile(str(tmp_path))
    assert (file.load(), file.trouble) == (KeptIdentity(), None)


GOOD = {"format": 1, "machine_id": "", "name": "", "name_source": "", "ipv4": None, "ipv6": None}
ADDRESS = {"address": "10.0.0.13/24", "link": "eth0", "rule": "x", "since": "2026-11-20T10:00:00+00:00", "reason": ""}
GARBAGE = {
    "cut short": b'{"format": 1, "mach',
    "empty": b"",
    "another format": json.dumps(GOOD | {"format": 2}).encode(),
    "a list": b"[]",
    "a name of a wrong kind": json.dumps(GOOD | {"name": 3}).encode(),
    "a name that cannot be shown": json.dumps(GOOD | {"name": "\x1b[2J"}).encode(),
    "an endless name": json.dumps(GOOD | {"name": "x" * 300}).encode(),
    "no address": json.dumps(GOOD | {"ipv4": ADDRESS | {"address": "eth0"}}).encode(),
    "an address of the other family": json.dumps(GOOD | {"ipv6": ADDRESS}).encode(),
    "an address of a wrong kind": json.dumps(GOOD | {"ipv4": "10.0.0.13"}).encode(),
    "a time without its zone": json.dumps(GOOD | {"ipv4": ADDRESS | {"since": "2026-11-20T10:00:00"}}).encode(),
    "too deep": b"[" * 60000,
    "too large": b" " * 70000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_file_of_no_use_is_named_and_replaced_by_the_next_choice(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity.json").write_bytes(content)
    file = IdentityFile(str(tmp_path))
    assert file.load() == KeptIdentity()
    assert reason(file).startswith(f"{tmp_path}/identity.json is of no use: ")
    file.save(KEPT)
    assert IdentityFile(str(tmp_path)).load() == KEPT


def test_something_else_under_its_name_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "identity.json")
    file = IdentityFile(str(tmp_path))
    assert file.load() == KeptIdentity()
    assert "it is no file" in reason(file)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(json.dumps(GOOD))
    (tmp_path / "identity.json").symlink_to(tmp_path / "elsewhere")
    assert "cannot be read" in reason(_troubled(tmp_path))


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where the directory should be")
    file = IdentityFile(str(tmp_path / "state"))
    file.save(KEPT)
    assert "identity.json cannot be written" in reason(file)


def reason(file: IdentityFile) -> str:
    """Why it cannot be used."""
    assert file.trouble is not None
    return file.trouble.reason


def _troubled(directory: Path) -> IdentityFile:
    file = IdentityFile(str(directory))
    file.load()
    return file


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_last_choice_or_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity.json").write_bytes(content)
    assert isinstance(IdentityFile(str(tmp_path)).load(), KeptIdentity)
