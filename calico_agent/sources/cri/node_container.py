"""calico/node where Docker does not run it: by the process of Felix, what a CRI runtime says, and the pod's log.

Processes tell whatever started it; only root's own are believed. Their environment is that of the container, their
control group names container and pod, and /var/log/pods names the pod by its UID and has a log for each of its starts
(pkg/kubelet/kuberuntime/helpers.go@kubernetes v1.31).
"""

import os
import stat
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from calico_agent.model.container.container import Container, ContainerState, Mount
from calico_agent.model.container.pod import LABEL_CONTAINER, LABEL_NAMESPACE, LABEL_POD
from calico_agent.sources.cri.crictl import Crictl, find_crictl
from calico_agent.sources.cri.decode.control_group import Placed, decode_placed
from calico_agent.sources.cri.decode.crictl import CriContainer
from calico_agent.sources.cri.decode.pod_log import decode_pod_log
from calico_agent.sources.docker.decode.log_lines import LogLine, felix_ends, knocks, of_last_run, telling_line
from calico_agent.sources.docker.programs import ProgramReader
from calico_agent.sources.host.processes import ENDED, control_group, started_at
from calico_agent.sources.host.root_processes import RunningProgram
from calico_agent.sources.host.text_file import is_roots_own
from calico_agent.sources.kubernetes.node_process import felix_program

_NODE = "calico-node"
_LOGS = Path("/var/log/pods")
_NODENAME = "/var/lib/calico"
_LONGEST_TAIL = 1 << 16
# Where no calico/node runs, the runtime is asked at most that often.
_LEISURE_SECONDS = 30.0


class NodeContainerReader:
    """Reads it. What stays the same while one Felix lives is read once."""

    def __init__(self, programs: ProgramReader, logs: Path = _LOGS) -> None:
        self._programs = programs
        self._logs = logs
        self._felix: RunningProgram | None = None
        self._last: Container | None = None
        self._uid = ""
        self._asked_at = -_LEISURE_SECONDS

    def read(self) -> Container | None:
        """The calico/node of this host, with what its programs and its log say; None where there is none."""
        felix = felix_program()
        now = time.monotonic()
        if felix is None:
            if self._felix is not None or now - self._asked_at >= _LEISURE_SECONDS:
                self._asked_at, self._last = now, self._of_runtime()
        elif felix != self._felix or self._last is None:
            self._last = self._of_process(felix)
        self._felix = felix
        return None if self._last is None else self._programs.looked_into(self._with_log(self._last))

    def _of_process(self, felix: RunningProgram) -> Container | None:
        """None where it ended meanwhile, or may not be looked at."""
        with suppress(*ENDED, OSError):
            placed = decode_placed(control_group(felix.pid))
            first = _first(felix.pid, placed)
            crictl = find_crictl() if placed.container else None
            row = next((one for one in crictl.containers() if one.id == placed.container), None) if crictl else None
            found = Container(
                placed.container,
                placed.unit or placed.container[:12] or _NODE,
                "",
                ContainerState.RUNNING,
                pid=first,
                started_at=started_at(first),
                env=tuple(sorted(psutil.Process(felix.pid).environ().items())),
                mounts=_shared(felix.pid),
                network_mode="host",
                runtime=placed.runtime or (crictl.runtime if crictl is not None else ""),
            )
            self._uid = placed.pod_uid
            return self._told(crictl, row, found) if crictl and row else self._by_log_folder(found)
        return None

    def _of_runtime(self) -> Container | None:
        """The newest that the runtime has, running or not, where no Felix is there to be seen."""
        crictl = find_crictl()
        row = next(iter(crictl.containers()), None) if crictl is not None else None
        state = crictl.state(row.id) if crictl is not None and row is not None else None
        if crictl is None or row is None or state is None:
            return None
        found = Container(
            row.id,
            row.id[:12],
            "",
            row.state,
            exit_code=state.exit_code,
            pid=state.pid if row.state is ContainerState.RUNNING else 0,
            started_at=state.started_at,
            finished_at=state.finished_at,
            env=_environment(state.pid),
            mounts=_shared(state.pid) if state.pid else (),
            network_mode="host",
            runtime=crictl.runtime,
        )
        self._uid = row.pod_uid
        return self._told(crictl, row, found)

    @staticmethod
    def _told(crictl: Crictl, row: CriContainer, found: Container) -> Container:
        name = dict(row.labels).get(LABEL_POD, found.name)
        image = crictl.image_name(row.image)
        return replace(found, name=name, image=image, labels=row.labels, restart_count=row.restarts)

    def _by_log_folder(self, found: Container) -> Container:
        """The same with the pod's name and its starts, where the runtime cannot be asked."""
        folder = self._folder()
        if folder is None:
            return found
        namespace, name = folder.parent.name.split("_")[:2]
        labels = ((LABEL_POD, name), (LABEL_NAMESPACE, namespace), (LABEL_CONTAINER, _NODE))
        starts = [int(one.stem) for one in folder.glob("*.log") if one.stem.isdigit()]
        return replace(found, name=name, labels=labels, restart_count=max(starts, default=0))

    def _folder(self) -> Path | None:
        """Where the logs of the pod's calico/node are."""
        with suppress(OSError):
            if self._uid and is_roots_own(self._logs.stat()):
                found = (one / _NODE for one in self._logs.glob(f"*_*_{self._uid}"))
                return next((one for one in found if one.is_dir()), None)
        return None

    def _with_log(self, container: Container) -> Container:
        log = self._log(container)
        tail = tuple(line.text for line in of_last_run(log, container.started_at, container.finished_at))
        return replace(
            container, log_tail=tail, log_hint=telling_line(tail), knocks=knocks(log), felix_ends=felix_ends(log)
        )

    def _log(self, container: Container) -> tuple[LogLine, ...]:
        folder = self._folder()
        return decode_pod_log(_tail(folder / f"{container.restart_count}.log")) if folder is not None else ()


def _first(felix: int, placed: Placed) -> int:
    """The first process of Felix's container or unit."""
    first, group = felix, control_group(felix)
    for parent in psutil.Process(felix).parents() if placed.container or placed.unit else ():
        if parent.pid == 1 or control_group(parent.pid) != group:
            break
        first = parent.pid
    return first


def _environment(pid: int) -> tuple[tuple[str, str], ...]:
    with suppress(*ENDED, OSError, ValueError):
        return tuple(sorted(psutil.Process(pid).environ().items())) if pid else ()
    return ()


def _shared(pid: int) -> tuple[Mount, ...]:
    """What it shares with the host of what matters to its name: the folder of the file `nodename`."""
    with suppress(OSError):
        if Path(_NODENAME).samefile(f"/proc/{pid}/root{_NODENAME}"):
            return (Mount(_NODENAME, _NODENAME),)
    return ()


def _tail(path: Path) -> str:
    """Whole lines of root's own file; empty where there is none."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and is_roots_own(status):
                begin = max(0, status.st_size - _LONGEST_TAIL)
                text = os.pread(descriptor, _LONGEST_TAIL, begin).decode(errors="replace")
                return text.partition("\n")[2] if begin else text
        finally:
            os.close(descriptor)
    return ""
