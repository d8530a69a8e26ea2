"""A guest runs what it is told as the machine would, keeps all of it to itself, and goes with its owner."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.lab.leftovers import clear_leftovers
from tests.lab.namespaces import REPOSITORY
from tests.lab.owner import OWNER
from tests.lab.processes import environment_of
from tests.patience import until
from tests.uml.guest import Guest, GuestError
from tests.uml.place import GUESTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

_OWNER = """
import sys, time
from tests.lab.owner import sign
from tests.uml.guest import Guest
assert sign()
print(Guest.boot(sys.argv[1]).run("echo", "up").stdout, flush=True)
time.sleep(1000)
"""


def of(name: str) -> set[int]:
    """The machine's processes that are this guest."""
    word = f"umid={name}".encode()
    entries = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name != "self")
    found = set()
    for entry in entries:
        try:
            found |= {int(entry.name)} if word in (entry / "cmdline").read_bytes().split(b"\0") else set()
        except OSError:
            continue
    return found


_ENDS = "local 192.0.2.1 remote 192.0.2.2"


@pytest.mark.parametrize(
    "link",
    [
        *("type dummy", "type bond", "type vrf table 7", f"type gre {_ENDS}", f"type ipip {_ENDS}"),
        *("link lower type vlan id 7", "link lower type macvlan", "link lower type ipvlan"),
    ],
)
def test_its_kernel_has_links_that_a_machine_may_lack(guest: Guest, link: str) -> None:
    guest.run("ip", "link", "add", "lower", "type", "veth", "peer", "name", "other")
    before, _, kind = link.rpartition("type ")
    guest.run("ip", "link", "add", "name", "try", *before.split(), "type", *kind.split(), check=True)
    shown = guest.run("ip", "-details", "link", "show", "dev", "try").stdout.decode()
    assert f" {kind.split()[0]} " in shown
    guest.run("ip", "link", "del", "try", check=True)


def test_its_kernel_is_its_own(guest: Guest) -> None:
    assert guest.run("uname", "-r").stdout != subprocess.check_output(("uname", "-r"))
    assert b"eth0" not in guest.run("ip", "-brief", "link").stdout


def test_programs_beside_each_other_keep_their_wide_registers(guest: Guest) -> None:
    """The checksum is computed in registers of 256 and 512 bits, where the processor has them."""
    checksum = "head -c 40000000 /dev/zero | openssl dgst -sha512"
    wanted = subprocess.run(("sh", "-c", checksum), capture_output=True, check=True).stdout
    done = guest.run("sh", "-c", f"for i in 1 2 3; do {checksum} & done; wait", check=True)
    assert done.stdout == 3 * wanted


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + 15)])
def test_the_exit_code_is_the_commands(guest: Guest, script: str, code: int) -> None:
    assert guest.run("sh", "-c", script).returncode == code


def test_output_and_errors_come_out_byte_for_byte(guest: Guest) -> None:
    script = "import os, sys; sys.stdout.buffer.write(bytes(range(256)) * 4096); os.write(2, b'\\xff\\0\\r\\n\\x04')"
    done = guest.run(sys.executable, "-c", script, check=True)
    assert done.stdout == bytes(range(256)) * 4096
    assert done.stderr == b"\xff\0\r\n\x04"


def test_a_command_has_its_arguments_environment_and_directory_and_no_input(guest: Guest) -> None:
    environment = {"PATH": os.environ["PATH"], "ODD": "a'b\"c\n$d \\ é"}
    seen = "sys.argv[1:], sys.stdin.read(), os.environ['ODD'], 'HOME' in os.environ, os.getcwd()"
    show = f"import os, sys; print(ascii(({seen})))"
    words = ("", "a b", "$HOME", "'\n")
    done = guest.run(sys.executable, "-c", show, *words, environment=environment, cwd="/usr/share", check=True)
    assert done.stdout.decode().strip() == ascii((list(words), "", environment["ODD"], False, "/usr/share"))


def test_output_is_handed_on_as_it_comes(guest: Guest, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    released = guest.directory / "released"
    running = threading.Thread(
        target=guest.attach,
        args=("sh", "-c", f"echo first; until [ -e {released} ]; do sleep 0.1; done; echo last >&2"),
    )
    running.start()
    try:
        until("the first line came", lambda: capfdbinary.readouterr().out == b"first\n")
    finally:
        released.touch()
        running.join()
    assert capfdbinary.readouterr() == (b"", b"last\n")


def test_what_is_written_stays_in_the_guest(guest: Guest, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    guest.run("sh", "-c", f"echo other >{tmp_path}/kept; echo new >{tmp_path}/new", check=True)
    assert guest.run("cat", f"{tmp_path}/kept", f"{tmp_path}/new").stdout == b"other\nnew\n"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept", "as it was")]


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(guest: Guest) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        guest.run("sh", "-c", "sleep 1234 & sleep 1234", timeout=3.0)
    until("it is gone", lambda: guest.run("pgrep", "-f", "sleep 1234").returncode == 1)


def test_commands_run_beside_each_other(guest: Guest, tmp_path: Path) -> None:
    """Each waits for what only the other one does."""
    waits = f"touch {tmp_path}/$0; until [ -e {tmp_path}/$1 ]; do sleep 0.1; done"
    both = [threading.Thread(target=guest.run, args=("sh", "-c", waits, *names)) for names in (("a", "b"), ("b", "a"))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=60.0)
    assert not any(thread.is_alive() for thread in both)


def test_one_command_and_its_guest_end_together() -> None:
    begun = subprocess.Popen(
        (sys.executable, "-m", "tests.uml", "sh", "-c", "echo said; exit 9"), cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    out, _ = begun.communicate()
    assert (out, begun.returncode) == (b"said\n", 9)
    assert not of(f"one-{begun.pid}")
    assert not (GUESTS / f"one-{begun.pid}").exists()


def test_a_guest_whose_owner_was_killed_is_cleared_and_one_of_a_living_owner_is_not(guest: Guest) -> None:
    name = f"orphan-{os.getpid()}"
    environment = {key: value for key, value in os.environ.items() if key != OWNER}
    with Guest(name) as orphan:
        owner = subprocess.Popen(
            (sys.executable, "-c", _OWNER, name), cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
        )
        with owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "b'up\\n'\n"
            owner.send_signal(signal.SIGKILL)
        processes = of(name)
        assert processes
        assert orphan.is_up(), "it is in nobody's way"
        held = [file for pid in processes for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()]
        assert held, "its memory is a file without a name"
        assert f"guest {name}" in clear_leftovers()
        until("its processes are gone", lambda: not of(name) and not any(environment_of(pid) for pid in processes))
        assert not orphan.directory.exists()
    assert guest.run("true").returncode == 0
    assert {file.name for file in GUESTS.parent.iterdir() if "vm_file" in file.name} == set()


def test_a_guest_that_has_ended_says_so(guest: Guest) -> None:
    with Guest.boot(f"ended-{os.getpid()}") as other:
        with pytest.raises(GuestError, match="is already running"):
            Guest.boot(other.name)
        with pytest.raises(GuestError, match="has ended"):
            other.run("sh", "-c", "echo o >/proc/sysrq-trigger; sleep 100")
        with pytest.raises(GuestError, match="is not running"):
            other.run("true")
    assert guest.is_up()
