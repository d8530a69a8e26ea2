"""The kubelet of this host, found among the running processes.

It has a say in name and address, so only root's counts: any user can call a process kubelet. A kubelet in another
network namespace is another node's (kind and k3d run theirs in containers). Whoever is not root may not look at that,
and then every kubelet of root's counts.
"""

import time
from contextlib import suppress

import psutil

from calico_agent.decode.kubelet import decode_kubelet
from calico_agent.model.host import Kubelet
from calico_agent.observe.processes import (
    ENDED,
    command_line,
    in_our_network,
    is_root,
    pids_named,
    runs_own_file,
)

_NAME = "kubelet"

# Where none is found, all processes are gone through again at most that often: on a large host that is not free.
_LEISURE_SECONDS = 30.0


class KubeletReader:
    """Finds the kubelet, and follows it while it lives."""

    def __init__(self) -> None:
        self._pid = 0
        self._last: Kubelet | None = None
        self._searched_at = -_LEISURE_SECONDS

    def read(self) -> Kubelet | None:
        """The oldest process called kubelet in our network namespace; None when there is none.

        While the processes cannot be read, the one that was last seen is it.
        """
        with suppress(OSError):
            self._last = self._find()
            self._pid = self._last.pid if self._last else 0
        return self._last

    def _find(self) -> Kubelet | None:
        found = _kubelet(self._pid) if self._pid else None
        if found is None and (self._pid or time.monotonic() - self._searched_at >= _LEISURE_SECONDS):
            found = next((kubelet for pid in pids_named({_NAME}) if (kubelet := _kubelet(pid))), None)
            self._searched_at = time.monotonic()
        return found


def _kubelet(pid: int) -> Kubelet | None:
    """The process with this number, if it is a kubelet of ours. Raises OSError where that cannot be seen."""
    try:
        process = psutil.Process(pid)
        if process.name() != _NAME or not is_root(process) or not runs_own_file(pid, _NAME):
            return None
        arguments = command_line(process)
    except ENDED:
        return None  # it ended meanwhile
    return decode_kubelet(pid, arguments) if arguments and _is_ours(pid) else None


def _is_ours(pid: int) -> bool:
    try:
        return in_our_network(pid)
    except OSError:
        return True
