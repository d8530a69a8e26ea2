"""The daemons of other networks for pods. Only root's are believed: any user can call a process flanneld."""

from collections.abc import Iterator
from contextlib import suppress

import psutil

from calico_agent.model.observation import Unreadable
from calico_agent.model.other_cni import OtherCni
from calico_agent.observe.processes import ENDED, in_our_network, is_root, pids_named

# All of them shorter than 15 characters, where the kernel cuts.
_DAEMONS = frozenset({"antrea-agent", "cilium-agent", "flanneld", "kindnetd", "kube-router", "ovnkube", "weaver"})


def read_other_cni() -> OtherCni | Unreadable:
    """Those that run in the network of this host."""
    try:
        return OtherCni(tuple(sorted(set(_programs()))))
    except OSError as error:
        return Unreadable("CNI", f"the processes of this host cannot be read: {error.strerror}", "denied")


def _programs() -> Iterator[str]:
    for pid in pids_named(_DAEMONS):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            if is_root(process) and in_our_network(pid):
                yield process.name()
