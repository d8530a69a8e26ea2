"""A guest: the process that is its kernel, and the door through which commands go in.

Its directory on the machine is in memory and is mounted in the guest at the same path. A command is a directory there;
a line in the pipe `bell` announces it to the guest's process 1 (init.sh), which answers by files beside it.
"""

import compileall
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY
from tests.lab.owner import OWNER, lives, name_of
from tests.lab.preload import compiled
from tests.uml.call import Call, Sink
from tests.uml.place import GUESTS

_KERNEL = Path("/usr/bin/linux.uml")
_INIT = Path(__file__).with_name("init.sh")
_REGISTERS = Path(__file__).with_name("registers.c")
_BOOT_SECONDS = 90.0
_LOOK_SECONDS = 0.02


class GuestError(LabError):
    """There is no such guest, or it has ended."""


@dataclass(frozen=True, slots=True)
class Guest:
    """One guest, found by its name: several processes may use the same one."""

    name: str

    @staticmethod
    def boot(name: str, memory: str = "3G") -> "Guest":
        """Start a guest and wait until it takes commands. `memory` is what it may take, not what it takes.

        Raises:
            GuestError: the kernel is not installed, a guest of that name is up, or it does not come up.
        """
        if not _KERNEL.exists():
            raise GuestError(f"no {_KERNEL}; run `make uml-kernel` (packages: tests/uml/packages.txt)")
        guest = Guest(name)
        if guest.is_up():
            raise GuestError(f"a guest {name} is already running")
        guest.close()
        for package in ("calico_agent", "tests"):  # what is compiled in the guest is gone with it
            compileall.compile_dir(REPOSITORY / package, quiet=2)
        guest.directory.mkdir(parents=True, mode=0o700)
        try:
            guest._start(memory)
            guest._await_up()
        except BaseException:
            guest.close()
            raise
        return guest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def directory(self) -> Path:
        """Where it keeps its files, on the machine and in the guest."""
        return GUESTS / self.name

    def is_up(self) -> bool:
        """Whether its kernel runs. In the guest itself it never is: the kernel is a process of the machine."""
        return lives(self._kernel())

    def run(
        self,
        *argv: str,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        check: bool = False,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in the guest, with our environment and directory unless others are given, and without input.

        The exit code of one that a signal has ended is 128 and the signal's number, as in a shell.

        Raises:
            GuestError: `check` is set and it failed.
            subprocess.TimeoutExpired: it ran longer than `timeout` seconds, and was killed.
        """
        out, err = bytearray(), bytearray()
        code = self._call(argv, environment, cwd, timeout, (out.extend, err.extend))
        done = subprocess.CompletedProcess(argv, code, bytes(out), bytes(err))
        if check and code:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:].decode(errors="replace")
            raise GuestError(f"in guest {self.name}: {' '.join(argv)}: exit code {code}: {said}")
        return done

    def attach(
        self,
        *argv: str,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float = float("inf"),
    ) -> int:
        """Run a command in the guest as `run` does; its output is ours, as it comes. Returns its exit code."""
        sys.stdout.flush()
        sys.stderr.flush()
        return self._call(argv, environment, cwd, timeout, (_to(sys.stdout), _to(sys.stderr)))

    def close(self) -> None:
        """End the guest, whatever state it is in, and remove its files; right also when there is none."""
        kernel = self._kernel()
        if lives(kernel):
            pid = int(kernel.split()[1])
            # Its processes are traced by the kernel's, and all of them are one process group.
            os.killpg(pid, signal.SIGKILL)
            while lives(kernel):
                time.sleep(_LOOK_SECONDS)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            GUESTS.rmdir()

    # --- inside ---

    def _start(self, memory: str) -> None:
        if owner := os.environ.get(OWNER):
            (self.directory / OWNER).write_text(owner)
        bell = self.directory / "bell"
        os.mkfifo(bell)
        # The kernel and its one running process take turns, which across two CPUs costs twice as much.
        cpu = random.choice(sorted(os.sched_getaffinity(0)))
        inward, log = os.open(bell, os.O_RDWR), os.open(self.directory / "boot", os.O_WRONLY | os.O_CREAT)
        try:
            process = subprocess.Popen(
                (
                    *("taskset", "--cpu-list", str(cpu), str(_KERNEL), f"mem={memory}"),
                    *("rootfstype=hostfs", "hostfs=/", "ro", f"init={_INIT}", f"guest={self.directory}"),
                    *(f"umid={self.name}", f"uml_dir={self.directory}/", "con=null"),
                    *(f"con0=null,fd:{log}", f"con1=fd:{inward},null"),
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(inward, log),
                # Where the guest's memory is, and what lets it run on every processor.
                env={**os.environ, "TMPDIR": str(GUESTS.parent), "LD_PRELOAD": str(compiled(_REGISTERS))},
                start_new_session=True,
            )
        finally:
            os.close(inward)
            os.close(log)
        (self.directory / "kernel").write_text(name_of(process.pid))

    def _await_up(self) -> None:
        deadline = time.monotonic() + _BOOT_SECONDS
        while not (self.directory / "state").exists():
            if not self.is_up() or time.monotonic() > deadline:
                raise GuestError(f"guest {self.name} does not come up:\n{self._said()}")
            time.sleep(_LOOK_SECONDS)

    def _call(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str] | None,
        cwd: str | None,
        timeout: float,
        sinks: tuple[Sink, Sink],
    ) -> int:
        if not self.is_up():
            raise GuestError(f"guest {self.name} is not running")
        call = Call(Path(tempfile.mkdtemp(prefix="call-", dir=self.directory)), sinks)
        call.write(argv, os.environ if environment is None else environment, cwd or str(Path.cwd()))
        self._ring("run", call)
        code = None
        try:
            code = self._follow(call, time.monotonic() + timeout)
        finally:
            if code is None:
                self._ring("kill", call)
        if code is None:
            raise subprocess.TimeoutExpired(argv, timeout)
        shutil.rmtree(call.directory)
        return code

    def _follow(self, call: Call, deadline: float) -> int | None:
        """The exit code; None when it does not end in time."""
        while (code := call.code()) is None and time.monotonic() < deadline:
            call.relay()
            if not self.is_up():
                raise GuestError(f"guest {self.name} has ended:\n{self._said()}")
            time.sleep(_LOOK_SECONDS)
        call.relay()
        return code

    def _ring(self, verb: str, call: Call) -> None:
        """Say it to process 1; nobody listens in a guest that has ended."""
        with contextlib.suppress(OSError), open(self.directory / "bell", "wb", opener=_listened_to) as bell:
            bell.write(f"{verb} {call.directory.name}\n".encode())

    def _kernel(self) -> str:
        """The name of its process (tests.lab.owner); empty when there is none."""
        try:
            return (self.directory / "kernel").read_text()
        except FileNotFoundError:
            return ""

    def _said(self) -> str:
        """The end of what the kernel wrote."""
        return (self.directory / "boot").read_text(errors="replace")[-2000:]


def _listened_to(file: str, flags: int) -> int:
    return os.open(file, flags & ~os.O_CREAT | os.O_NONBLOCK)


def _to(stream: TextIO) -> Sink:
    def write(data: bytes) -> None:
        stream.buffer.write(data)
        stream.flush()

    return write
