"""The configuration in use beside a file that is changed, spoilt, put right and taken away."""

from pathlib import Path

import pytest

from calico_agent.config import Config, ConfigOnDisk, load
from calico_agent.errors import ConfigError

GOOD = '[log]\nlevel = "info"\n'
OTHER = '[log]\nlevel = "debug"\n'
BAD = '[log]\nlevel = "loud"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(GOOD)
    return file


@pytest.fixture
def loads() -> list[str]:
    """Every time that the file was read."""
    return []


@pytest.fixture
def on_disk(file: Path, loads: list[str]) -> ConfigOnDisk:
    def read() -> Config:
        loads.append("read")
        return load(file, {})

    return ConfigOnDisk(load(file, {}), read, file)


def fault(file: Path) -> str:
    return f'{file}: [log] level: "loud" is not one of "debug", "info", "warning", "error"'


def refused_reload(on_disk: ConfigOnDisk) -> None:
    with pytest.raises(ConfigError):
        on_disk.reload()


def test_a_file_that_stays_as_it_was_is_read_once(on_disk: ConfigOnDisk, loads: list[str]) -> None:
    for _ in range(3):
        found = on_disk.look()
        assert (found.refused, found.reload_failed, found.waiting) == ((), False, False)
    assert loads == ["read"]


def test_a_good_change_that_nobody_reloaded_is_no_fault(on_disk: ConfigOnDisk, file: Path) -> None:
    file.write_text(OTHER)
    found = on_disk.look()
    assert (found.refused, found.waiting) == ((), False)


def test_a_bad_change_is_told_before_anybody_reloads_it(on_disk: ConfigOnDisk, file: Path) -> None:
    file.write_text(BAD)
    found = on_disk.look()
    assert (found.refused, found.reload_failed) == ((fault(file),), False)
    file.write_text(GOOD)
    assert on_disk.look().refused == ()


def test_a_refused_reload_is_told_until_the_file_is_taken_over(on_disk: ConfigOnDisk, file: Path) -> None:
    began = on_disk.look().taken_at
    file.write_text(BAD)
    refused_reload(on_disk)
    found = on_disk.look()
    assert (found.refused, found.reload_failed, found.taken_at) == ((fault(file),), True, began)
    file.write_text(OTHER)
    found = on_disk.look()
    assert (found.refused, found.reload_failed, found.waiting) == ((), True, True)
    assert on_disk.reload().log.level == "debug"
    found = on_disk.look()
    assert (found.refused, found.reload_failed, found.waiting) == ((), False, False)
    assert began is not None
    assert found.taken_at is not None
    assert found.taken_at > began


def test_a_refused_change_that_was_taken_back_is_no_fault_any_more(on_disk: ConfigOnDisk, file: Path) -> None:
    file.write_text(BAD)
    refused_reload(on_disk)
    file.write_text(GOOD)
    found = on_disk.look()
    assert (found.refused, found.waiting, found.reload_failed) == ((), False, True)


def test_a_file_that_was_taken_away_is_told_and_one_that_never_was_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tmp_path / "usual.toml"
    monkeypatch.setattr("calico_agent.paths.CONFIG_FILE", str(usual))

    def read() -> Config:
        return load(None, {})

    assert ConfigOnDisk(read(), read, None).look().refused == ()
    usual.write_text(OTHER)
    on_disk = ConfigOnDisk(read(), read, None)
    assert on_disk.look().refused == ()
    usual.unlink()
    assert on_disk.look().refused == (f"{usual}: the file is gone",)
    on_disk.reload()
    assert on_disk.look().refused == ()


def test_a_file_replaced_by_one_of_the_same_size_is_noticed(on_disk: ConfigOnDisk, file: Path) -> None:
    on_disk.look()
    file.with_suffix(".new").write_text(GOOD.replace("info", "nfoi"))
    file.with_suffix(".new").replace(file)
    assert len(on_disk.look().refused) == 1
