"""One agent for one state directory, and one that supervises for one container.

Two would write over each other's memory and start one container twice. Both are locks of the kernel (flock(2)), which
end with the process, however it ends.
"""

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import structlog

from calico_agent.config import Config
from calico_agent.errors import CalicoAgentError, ConfigError
from calico_agent.model.settings import Mode
from calico_agent.paths import SOCKET

_LOCKS = Path("/proc/locks")


class Locks:
    """What this process has locked: `take` what a configuration needs, `keep` nothing else."""

    def __init__(self, directory: Path = Path(SOCKET).parent) -> None:
        """`directory` is where agents with different configurations meet."""
        self._directory = directory
        self._held: dict[Path, int] = {}

    def take(self, config: Config) -> None:
        """Hold what `config` needs and give up the rest. Raises ConfigError, and then all is as before."""
        wanted = dict(self._wanted(config))
        fresh: dict[Path, int] = {}
        try:
            for path, what in wanted.items():
                if path not in self._held and (descriptor := _lock(path, what)) is not None:
                    fresh[path] = descriptor
        except CalicoAgentError:
            _close(fresh)
            raise
        _close({path: descriptor for path, descriptor in self._held.items() if path not in wanted})
        self._held = {path: number for path, number in (self._held | fresh).items() if path in wanted}

    def release(self) -> None:
        """Give up everything."""
        _close(self._held)
        self._held = {}

    def _wanted(self, config: Config) -> list[tuple[Path, str]]:
        wanted = []
        if config.agent.state_dir:
            directory = Path(config.agent.state_dir).absolute()
            wanted.append((directory / "agent.lock", f"uses the state directory {directory}"))
        if config.mode is Mode.SUPERVISE:
            name = config.node.container_name
            # Engines have containers of their own; /var/run is a link to /run.
            engine = os.path.realpath(config.docker.url.removeprefix("unix://"))
            digest = hashlib.sha256(engine.encode()).hexdigest()[:8]
            wanted.append((self._directory / f"{name}-{digest}.lock", f"supervises the container {name}"))
        return wanted


def _lock(path: Path, what: str) -> int | None:
    """The descriptor that holds it; None where there can be no file. Raises ConfigError when another process has it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        log = structlog.get_logger("calico_agent")
        log.warning("not_locked", file=str(path), error=error.strerror, follows="a second agent would not be noticed")
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        message = f"another calico-agent{_holder(descriptor)} {what}: stop it first (systemctl status calico-agent)"
        os.close(descriptor)
        raise InUseError(message) from None
    return descriptor


class InUseError(ConfigError):
    """Another process does what this one is to do. It may end soon: a unit tries again."""

    exit_code = CalicoAgentError.exit_code


def _holder(descriptor: int) -> str:
    """The process that holds the lock, as far as our process namespace shows it (proc_locks(5))."""
    number = os.fstat(descriptor).st_ino
    with suppress(OSError, IndexError):
        for words in map(str.split, _LOCKS.read_text().splitlines()):
            if "FLOCK" in words and words[5].rpartition(":")[2] == str(number) and words[4] != "0":
                return f" (process {words[4]})"
    return ""


def _close(descriptors: dict[Path, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)
