"""The datastore of the calico/node that runs here, whatever started it: by its process, else by Calico's CNI plugin.

Only root's own processes and files are believed: any user can call a program calico-node, and give it an API.
"""

from pathlib import Path

import psutil

from calico_agent.model.container.container import Container
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.decode.conflicting_processes import program_of
from calico_agent.sources.host.processes import ENDED
from calico_agent.sources.host.root_processes import RunningProgram, programs_named
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.cni import read_cni
from calico_agent.sources.kubernetes.decode.cni import calico_plugin
from calico_agent.sources.kubernetes.decode.node_environment import datastore_in, kubernetes_in, kubernetes_of_plugin

# By process name, the program files that go with it.
_PROGRAMS = {name: frozenset({name}) for name in ("calico-node", "calico-felix", "calico")}


def felix_program() -> RunningProgram | None:
    """Felix's process; None where none runs, or can be seen."""
    try:
        return _felix()
    except OSError:
        return None


def datastore_of_process() -> DatastoreSettings | Unreadable | None:
    """That of Felix's process; None where none runs, or can be seen."""
    try:
        found = _felix()
        environment = psutil.Process(found.pid).environ() if found is not None else {}
    except (*ENDED, OSError):
        return None  # it ended, or it is not ours to look at
    if found is None:
        return None

    def value(name: str) -> str:
        return (environment.get(f"CALICO_{name}") or environment.get(name) or "").strip()

    return datastore_in(value, f"/proc/{found.pid}/root", _named(found))


def _felix() -> RunningProgram | None:
    """Raises OSError where the processes cannot be read."""
    return next((one for one in programs_named(_PROGRAMS) if program_of(one.arguments) == "Felix"), None)


def _named(found: RunningProgram) -> str:
    return f"process {found.pid} ({found.name})"


def kubernetes_of_container(container: Container) -> DatastoreSettings | Unreadable:
    """That of a container whose datastore is the Kubernetes API: the credential is in it, so it has to run."""
    if not container.alive or not container.pid:
        reason = f"container {container.name}, which has the credential, does not run; or set [datastore] kubeconfig"
        return Unreadable("the Kubernetes API", reason, "kubernetes")

    def value(name: str) -> str:
        return (container.env_value(f"CALICO_{name}") or container.env_value(name)).strip()

    return kubernetes_in(value, f"/proc/{container.pid}/root", f"container {container.name}")


def datastore_of_plugin(root: Path = Path("/")) -> DatastoreSettings | None:
    """That of the CNI plugin that counts. Since Calico v3.26 its account may not list nodes: that is told then."""
    plugin = next((one for one in read_cni(root) if not one.behind), None)
    if plugin is None or plugin.error:
        return None
    try:
        told = calico_plugin((read_owned_text(root / plugin.file.lstrip("/")) or "").encode())
        return kubernetes_of_plugin(told, plugin.file) if told is not None else None
    except (OSError, Malformed):
        return None
