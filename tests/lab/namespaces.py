"""A host of the lab: a set of namespaces with a process 1 (host.sh) that holds them, and programs inside
them.

Network, mount, UTS and process namespaces are the host's own; nothing else of the kernel is. All of a host
hangs on its process 1: when that is killed the kernel kills every process of the host, and with the last one
go its links, routes, mounts and containers. So taking the lab down needs no book-keeping and works after any
crash.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.processes import MARK, Process, is_marked, processes_beside
from tests.uml.place import SLOWNESS

REPOSITORY = Path(__file__).resolve().parents[2]

_INIT = Path(__file__).with_name("host.sh")
_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The namespaces of one host (or of the wire between them)."""

    name: str
    directory: Path

    def start(self, lab: Path) -> None:
        """Make the namespaces; returns when process 1 has built the root.

        Raises:
            LabError: they could not be made; the text carries what host.sh said.
        """
        self.directory.mkdir(parents=True)
        log = self.directory / "init.log"
        keep = {lab, REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)}
        flags = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL")
        with log.open("wb") as output:
            holder = subprocess.Popen(
                ("unshare", *flags, "sh", str(_INIT), self.name, str(self.directory), *map(str, sorted(keep))),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, MARK: str(lab)},
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not (self.directory / "init.pid").exists():
            if holder.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"no namespaces for {self.name}: {log.read_text().strip() or 'host.sh did not finish'}")
            time.sleep(0.01)

    @property
    def init(self) -> int:
        """Process 1 of the host, by the machine's number.

        Raises:
            LabError: the host is not running.
        """
        try:
            pid = int((self.directory / "init.pid").read_text())
        except (OSError, ValueError):
            pid = 0
        if pid and is_marked(pid, self.directory.parent):
            return pid
        raise LabError(f"{self.name} is not running; start the lab with: python -m tests.lab up")

    @property
    def root(self) -> Path:
        """The host's file system, seen from the machine."""
        return Path(f"/proc/{self.init}/root")

    def command(self, *argv: str, cwd: str = "/") -> tuple[str, ...]:
        """`argv` wrapped so that it runs in the host's namespaces, in directory `cwd` where that exists there."""
        enter = ("nsenter", f"--target={self.init}", "--mount", "--uts", "--net", "--pid", "--")
        return (*enter, "sh", "-c", 'cd "$1" 2>/dev/null || cd /; shift; exec "$@"', "lab", cwd, *argv)

    def run(
        self,
        *argv: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 60.0,
        input_text: str | None = None,
        cwd: str = "/",
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the host and wait for it, output captured as text.

        Raises:
            LabError: `check` is set and the program failed, or it ran longer than `timeout` seconds, in a
                guest SLOWNESS times as long.
        """
        timeout *= SLOWNESS
        with subprocess.Popen(
            self.command(*argv, cwd=cwd),
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL if input_text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(input_text, timeout)
            except BaseException as stopped:
                # The program is a child of nsenter: only the whole group ends it.
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(stopped, subprocess.TimeoutExpired):
                    raise LabError(f"on {self.name}: {' '.join(argv)}: not finished after {timeout:g} s") from stopped
                raise
        done = subprocess.CompletedProcess(argv, process.returncode, output, errors)
        if check and done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise LabError(f"on {self.name}: {' '.join(argv)}: exit code {done.returncode}: {said}")
        return done

    def spawn(self, *argv: str, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start a program in the host that outlives us, a child of the host's process 1, output appended to `log`."""
        detach = 'log="$0"; setsid "$@" </dev/null >>"$log" 2>&1 &'
        subprocess.run(
            self.command("sh", "-c", detach, str(log), *argv),
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            check=True,
        )

    def ip(self, *lines: str) -> None:
        """Run `ip` commands in the host, all in one batch."""
        self.run("ip", "-force", "-batch", "-", input_text="".join(f"{line}\n" for line in lines))

    def processes(self) -> tuple[Process, ...]:
        """Every process of the host."""
        return processes_beside(self.init)


def require_tools(tools: Sequence[str]) -> None:
    """Say at once which programs are missing, instead of failing in the middle.

    Raises:
        LabError: we are not root, or a program is not there.
    """
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and starts Docker engines: it must run as root")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise LabError(f"not installed: {', '.join(missing)}; run `make setup` (packages: tests/lab/packages.txt)")
