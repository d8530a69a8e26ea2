"""A lab on a kernel of its own: the commands of `tests.lab` reach into it, and the stand-in does IPIP there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab.namespaces import REPOSITORY
from tests.patience import until
from tests.uml.guest import Guest
from tests.uml.ipip import PATIENCE
from tests.uml.place import GUESTS

pytestmark = [pytest.mark.lab, pytest.mark.real, pytest.mark.timeout(900)]

NAME = f"uml-{os.getpid()}"


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "tests.lab", *arguments),
        cwd=REPOSITORY, env={**os.environ, "CALICO_AGENT_LAB": NAME}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def succeed(guest: Guest, tests: str) -> None:
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "timeout=600", f"tests/uml/{tests}")
    environment = {**os.environ, "CALICO_AGENT_LAB": NAME}
    done = guest.run(sys.executable, *command, cwd=str(REPOSITORY), environment=environment, timeout=850)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def own_block(host: str) -> str:
    """The block of which BIRD knows that it is this host's: before, it advertises the address of each pod alone."""
    return lab("exec", host, "--", "ip", "route", "show", "type", "blackhole").stdout


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """The last host is behind a router."""
    try:
        up = lab("up", "--kernel", "uml", "--pool", "ipip-cross", "--bare")
        assert up.returncode == 0, up.stdout + up.stderr
        yield Guest(NAME)
    finally:
        lab("down")


def test_the_commands_reach_into_the_guest(guest: Guest) -> None:
    assert guest.is_up()
    said = lab("exec", "host2", "--", "sh", "-c", "hostname; echo wrong >&2; exit 7")
    assert (said.stdout, said.stderr, said.returncode) == ("host2\n", "wrong\n", 7)
    for number in "123":
        started = lab("node", f"host{number}", "start")
        assert started.stdout == f"host{number}: calico-node started by hand\n", started.stderr
    for number in "123":
        until(f"host{number} has a block", lambda: own_block(f"host{number}") != "", seconds=PATIENCE)  # noqa: B023
        assert lab("pod", f"host{number}", f"pod{number}").stdout.startswith("192.168.")
    keys = [json.loads(line)["key"] for line in lab("etcd", "dump").stdout.splitlines()]
    assert "/calico/resources/v3/projectcalico.org/nodes/host3" in keys
    assert "already running" in lab("up", "--kernel", "uml").stderr
    assert lab("exec", "host9", "--", "true").returncode == 1


def test_the_stand_in_shows_there_what_was_recorded_of_ipip(guest: Guest) -> None:
    succeed(guest, "guest_standin.py")


def test_agents_are_started_there(guest: Guest) -> None:
    for number in "123":
        started = lab("agent", f"host{number}", "start")
        assert f"host{number}: agent started" in started.stdout, started.stderr
    assert guest.run("pgrep", "-f", "calico-agent run").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("tests", ["guest_ipip_cross.py", "guest_ipip.py", "guest_tunnels.py"])
def test_the_agents_job_with_ipip(guest: Guest, tests: str) -> None:
    succeed(guest, tests)


def test_an_agent_is_stopped_there(guest: Guest) -> None:
    assert guest.is_up()
    assert lab("agent", "host2", "stop").stdout == "host2: agent stopped\n"


def test_down_ends_the_guest(guest: Guest) -> None:
    assert lab("down").returncode == 0
    assert not guest.is_up()
    assert not (GUESTS / NAME).exists()
    assert "no lab is running" in lab("exec", "host1", "--", "true").stderr
