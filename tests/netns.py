"""A network namespace for one test: nameless, held by one file descriptor, so the kernel removes it with us.

with network_namespace() as host:
    host.ip("link add eth0 type veth peer name wire0")
    kernel = host.run(read_kernel)
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from tests.patience import PATIENCE, until

P = ParamSpec("P")
T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class NetworkNamespace:
    """A namespace with its loopback up. `path` names it, for instance to `ip link set ... netns PATH`."""

    descriptor: int

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def command(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in the namespace."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def output(self, *argv: str) -> str:
        """What the command prints. One that fails raises CalledProcessError."""
        return subprocess.run(self.command(*argv), check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def ip(self, *lines: str) -> None:
        """Runs the lines as `ip` commands, in one process. The first that fails raises CalledProcessError."""
        self.batch(lines)

    def batch(self, lines: Iterable[str]) -> None:
        """As `ip`, for many lines."""
        text = "".join(f"{line}\n" for line in lines)
        subprocess.run(self.command("ip", "-batch", "-"), check=True, input=text, text=True, timeout=120)

    def wait_for(self, text: str, *argv: str) -> None:
        """Until the command prints `text`. The kernel settles some things a moment later."""
        until(f"{' '.join(argv)} prints {text!r}", lambda: text in self.output(*argv), seconds=PATIENCE)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `function` in a thread of its own that is in the namespace; so are the threads that it starts."""
        result: Future[T] = Future()

        def call() -> None:
            try:
                _check(_libc.setns(self.descriptor, _CLONE_NEWNET))
                result.set_result(function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is raised again in the caller
                result.set_exception(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return result.result()


@contextmanager
def network_namespace() -> Iterator[NetworkNamespace]:
    """A new namespace. It is gone at the end, when what runs in it has ended."""
    descriptor = _new_namespace()
    try:
        namespace = NetworkNamespace(descriptor)
        namespace.ip("link set lo up")
        yield namespace
    finally:
        os.close(descriptor)


def _new_namespace() -> int:
    made: Future[int] = Future()

    def make() -> None:
        try:
            _check(_libc.unshare(_CLONE_NEWNET))
            made.set_result(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller
            made.set_exception(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made.result()


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
