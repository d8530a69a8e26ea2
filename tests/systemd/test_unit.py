"""The systemd unit: systemd understands it, and it gives the agent no more than it needs."""

import configparser
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.places import REPOSITORY

pytestmark = pytest.mark.real

UNIT = REPOSITORY / "systemd" / "calico-agent.service"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here, so that everything else of it can be verified."""
    program = tmp_path / "calico-agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/calico-agent", str(program)))
    return copy


def settings() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_finds_nothing_to_complain_about(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "calico-agent" in line]
    assert (done.returncode, complaints) == (0, [])


def test_its_exposure_is_low(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    score = re.search(r"exposure level for calico-agent\.service: ([0-9.]+)", done.stdout)
    assert score is not None, done.stdout + done.stderr
    assert float(score[1]) <= 2.5


def test_each_right_that_remains_has_its_reason_beside_it(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short", unit],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    counted = [one for one in json.loads(done.stdout) if one["set"] is False]
    comments = " ".join(line for line in UNIT.read_text().splitlines() if line.startswith("#"))
    explained = {one["name"] for one in counted if any(word in comments for word in names_of(one["name"]))}
    assert len(counted) > 10
    assert {one["name"] for one in counted} - explained == set()


def names_of(check: str) -> list[str]:
    """What a comment may call it: the setting, or what of it is not taken away."""
    _, _, what = check.partition("=~")
    if not what:
        return check.split("/")
    head, _, many = what.partition("(")
    return [head + one.strip("*") for one in many.rstrip(")").split("|")] if many else [what]


def test_it_depends_on_nothing_that_may_come_late() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(UNIT)
    assert not {"Requires", "Requisite", "BindsTo", "PartOf"} & set(parser["Unit"])


def test_a_wrong_configuration_is_not_tried_again() -> None:
    assert settings()["RestartPreventExitStatus"] == "2"


def test_the_watchdog_waits_longer_than_the_slowest_pass() -> None:
    assert float(settings()["WatchdogSec"]) >= 120


def test_it_says_nothing_of_newer_systemds_than_debian_12_has() -> None:
    assert settings()["Type"] == "notify"
