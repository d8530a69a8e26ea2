"""What a test run that was killed hard has left is cleared by the next, and nothing of a living one is touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.leftovers import clear_leftovers
from tests.lab.namespaces import REPOSITORY
from tests.lab.options import lab_directory
from tests.lab.owner import OWNER, is_gone, sign
from tests.lab.processes import environment_of, survivors
from tests.patience import until

_RUN = """
import subprocess, sys, time
from pathlib import Path
from tests.lab.lab import Lab
from tests.lab.namespaces import Sandbox
from tests.lab.options import Options
from tests.lab.owner import sign
assert sign()
lab = Lab(Path(sys.argv[1]))
lab.directory.mkdir(parents=True)
lab.note_owner()
Sandbox("host1", lab.directory / "host1").start(lab.directory)
other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(other.pid, flush=True)
time.sleep(1000)
"""


@contextmanager
def run(name: str) -> Iterator[tuple[subprocess.Popen[str], Lab, int]]:
    """Another test run, with a lab of one host and a process beside it."""
    lab = Lab(lab_directory().with_name(f"{name}-{os.getpid()}"))
    environment = {key: value for key, value in os.environ.items() if key != OWNER}
    command = [sys.executable, "-c", _RUN, str(lab.directory)]
    with lab, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        beside = int(process.stdout.readline())
        try:
            yield process, lab, beside
        finally:
            process.kill()
            if environment_of(beside):
                os.kill(beside, signal.SIGKILL)


def alive(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/cmdline").read_bytes()) if Path(f"/proc/{pid}").exists() else False


@pytest.mark.lab
def test_the_labs_and_processes_of_a_killed_run_are_cleared_and_those_of_a_living_one_are_not() -> None:
    with run("killed") as (killed, left, beside), run("living") as (_, kept, its):
        killed.kill()
        killed.wait()
        assert survivors(left.directory)
        assert alive(beside), "it was in nobody's way"
        cleared = clear_leftovers()
        assert {f"lab {left.directory}", f"process {beside}"} <= set(cleared)
        until("what the killed run left is gone", lambda: not survivors(left.directory) and not alive(beside))
        assert not left.directory.exists()
        assert kept.directory.exists()
        assert survivors(kept.directory)
        assert alive(its)


@pytest.mark.lab
def test_a_lab_of_which_only_files_are_left_is_cleared() -> None:
    with run("files") as (killed, left, _):
        killed.kill()
        killed.wait()
        for process in survivors(left.directory):
            with suppress(ProcessLookupError):  # a namespace's first process takes all along
                os.kill(process.pid, signal.SIGKILL)
        until("the host is gone", lambda: not survivors(left.directory))
        assert left.directory.exists()
        clear_leftovers()
        assert not left.directory.exists()


def test_a_part_of_a_living_run_takes_no_name_of_its_own() -> None:
    owner = os.environ[OWNER]
    assert not sign()
    assert os.environ[OWNER] == owner
    assert not is_gone(owner)


@pytest.mark.parametrize("owner", ["", "nonsense", "another-boot 1 1", "another-boot 999999999 1"])
def test_what_cannot_be_known_to_be_gone_is_let_be(owner: str) -> None:
    assert not is_gone(owner)


def test_a_number_that_another_process_has_now_is_not_the_run_of_before() -> None:
    boot, pid, started = os.environ[OWNER].split()
    assert is_gone(f"{boot} {pid} {int(started) + 1}")
