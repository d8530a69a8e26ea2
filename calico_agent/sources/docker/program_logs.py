"""What calico/node's programs write where `docker logs` has not got it: /var/log/calico/PROGRAM/current inside it.

Unless CALICO_DISABLE_FILE_LOGGING is `true`, each program has a logger of its own (svlogd), and only start-up writes to
the container's log (node/filesystem/etc/rc.local and etc/service/available/*/log/run of projectcalico/calico@v3.32.1).
The files are read as the container sees them, by its first process: whatever is mounted there, that is where they are.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from calico_agent.model.container.container import Container
from calico_agent.secret import masked
from calico_agent.sources.docker.decode.log_lines import LogLine, log_lines
from calico_agent.sources.host.text_file import is_roots_own

_PROGRAMS = ("bird", "bird6", "felix")
_LONGEST_TAIL = 1 << 16
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def read_program_logs(container: Container) -> dict[str, tuple[LogLine, ...]]:
    """The ends of the files of a container that runs, by program; none where its log holds all."""
    if container.env_value("CALICO_DISABLE_FILE_LOGGING") == "true":
        return {}
    folder = Path(f"/proc/{container.pid}/root/var/log/calico")
    return {program: _tail(folder / program / "current") for program in _PROGRAMS}


def _tail(path: Path) -> tuple[LogLine, ...]:
    """Whole lines. Nothing of a file that others than root may have written."""
    with suppress(OSError):
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and is_roots_own(status):
                begin = max(0, status.st_size - _LONGEST_TAIL)
                text = os.pread(descriptor, _LONGEST_TAIL, begin).decode(errors="replace")
                return log_lines(masked(text).splitlines()[1 if begin else 0 :])
        finally:
            os.close(descriptor)
    return ()
