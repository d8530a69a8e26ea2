"""The daemons of other networks for pods, and the CNI configurations that they left behind Calico's.

Only root's daemons are believed: any user can call a process flanneld.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.observation import Unreadable
from calico_agent.sources.host.processes import ENDED, in_our_network, is_root, pids_named
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.cni import read_cni
from calico_agent.sources.kubernetes.decode.cni import is_taken

_MOST_FILES = 32
# All of them shorter than 15 characters, where the kernel cuts.
_DAEMONS = frozenset({"antrea-agent", "cilium-agent", "flanneld", "kindnetd", "kube-router", "ovnkube", "weaver"})


def read_other_cni(root: Path = Path("/")) -> OtherCni | Unreadable:
    """All of it."""
    try:
        return OtherCni(tuple(sorted(set(_programs()))), tuple(_behind_calico(root)))
    except OSError as error:
        return Unreadable(
            "CNI", f"{error.filename or 'the processes of this host'} cannot be read: {error.strerror}", "denied"
        )


def _behind_calico(root: Path) -> Iterator[str]:
    ours = [plugin for plugin in read_cni(root) if not plugin.error]
    if not ours or ours[0].behind:
        return
    folder = PurePosixPath(ours[0].file).parent
    for path in sorted((root / str(folder).lstrip("/")).iterdir())[:_MOST_FILES]:
        name = f"{folder}/{path.name}"
        if name > ours[0].file and name not in {plugin.file for plugin in ours}:
            with suppress(OSError):
                if is_taken((read_owned_text(path) or "").encode()):
                    yield name


def _programs() -> Iterator[str]:
    for pid in pids_named(_DAEMONS):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            if is_root(process) and in_our_network(pid):
                yield process.name()
