"""The mounts become [node] mounts, but for those that calico-agent makes itself."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from calico_agent.adopt.datastore import NAMES, POD_DIRECTORY
from calico_agent.adopt.described import Described
from calico_agent.adopt.draft import Draft
from calico_agent.model.container.container import Mount
from calico_agent.model.settings import Preset
from calico_agent.plan.desired_container import KUBECONFIG_IN_CONTAINER
from calico_agent.plan.presets import PRESETS

# What kubelet puts into every container of a pod.
_KUBELETS = frozenset(
    {
        "/dev/termination-log", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
        "/var/run/secrets/kubernetes.io/serviceaccount",
    }
)  # fmt: skip


def translate_mounts(draft: Draft, described: Described, preset: Preset) -> None:
    """`draft` has the certificates already."""
    usual = {mount.destination: mount.bind for mount in PRESETS[preset].mounts}
    wanted: list[str] = []
    for given in sorted(described.mounts, key=lambda given: given.mount.destination):
        mount = given.mount
        if reason := _made_otherwise(described, mount, preset):
            draft.explain(mount.destination, reason)
            draft.leave_out({mount.destination} & usual.keys())
        elif usual.get(mount.destination) == mount.bind:
            continue
        elif fault := draft.set("node", "mounts", [*wanted, mount.bind]):
            draft.explain(mount.destination, fault, lost=True)
        else:
            wanted.append(mount.bind)
    draft.leave_out(usual.keys() - {given.mount.destination for given in described.mounts})


def _made_otherwise(described: Described, mount: Mount, preset: Preset) -> str:
    """Why a mount is not needed; empty for one that is."""
    if described.from_pod and (mount.destination in _KUBELETS or _below(mount.source, POD_DIRECTORY)):
        return "kubelet makes it for the pod, and takes it away with the pod"
    if preset is Preset.KUBERNETES and mount.destination == KUBECONFIG_IN_CONTAINER:
        return "calico-agent mounts the folder of the kubeconfig there itself"
    if any(
        path == mount.destination or str(PurePosixPath(path).parent) == mount.destination for path in _inside(described)
    ):
        users = [name for name, path in _paths(described) if name not in NAMES and _below(path, mount.destination)]
        return "" if users else "calico-agent mounts each certificate file by itself, at a place of its own"
    return ""


def _inside(described: Described) -> Iterator[str]:
    """The files of the container that say who we are for etcd."""
    return (path for name, path in _paths(described) if name in NAMES and name.endswith("_FILE"))


def _paths(described: Described) -> Iterator[tuple[str, str]]:
    return ((name, given.value) for name, given in described.env.items() if given.value.startswith("/"))


def _below(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
