"""The kubelet of this host, found among the programs that root runs: it has a say in name and address."""

import time
from contextlib import suppress

from calico_agent.model.host.machine import Kubelet
from calico_agent.sources.host.root_processes import RunningProgram, program_of, programs_named
from calico_agent.sources.kubernetes.decode.kubelet import decode_kubelet

_NAMES = {"kubelet": ("kubelet",)}

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
        found = _kubelet(program_of(self._pid, _NAMES)) if self._pid else None
        if found is None and (self._pid or time.monotonic() - self._searched_at >= _LEISURE_SECONDS):
            found = _kubelet(next(programs_named(_NAMES), None))
            self._searched_at = time.monotonic()
        return found


def _kubelet(program: RunningProgram | None) -> Kubelet | None:
    return decode_kubelet(program.pid, program.arguments) if program is not None else None
