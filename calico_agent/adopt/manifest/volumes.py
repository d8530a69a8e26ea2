"""What a container of a pod mounts -> bind mounts of the host, as far as there is something to bind afterwards."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from calico_agent.adopt.described import Difference, Given, GivenMount
from calico_agent.adopt.manifest.objects import elements, is_true, mapping, member, string
from calico_agent.adopt.manifest.secrets import SecretFile, Store
from calico_agent.adopt.manifest.workload import Workload
from calico_agent.adopt.manifest.yaml_text import TextNode
from calico_agent.model.container.container import Mount

# Where calico/node keeps the credential of the CNI plug-in fresh, since v3.19 (node/pkg/cni of projectcalico/calico).
CNI_CONFIGURATION = "/host/etc/cni/net.d"
_FILES = frozenset({"File", "FileOrCreate", "Socket"})


class Volumes:
    """The mounts, what of them is not carried over, and the Secrets that have to be written to the host first."""

    def __init__(self, workload: Workload, store: Store, environment: Mapping[str, Given]) -> None:
        self._text = workload.text
        self._store = store
        self._paths = [PurePosixPath(given.value) for given in environment.values() if given.value.startswith("/")]
        self.mounts: list[GivenMount] = []
        self.remarks: list[Difference] = []
        self.secrets: dict[str, tuple[str, TextNode]] = {}
        volumes = {string(member(each, "name")): each for each in elements(member(workload.pod, "volumes"))}
        for each in elements(member(workload.container, "volumeMounts")):
            self._take(each, volumes.get(string(member(each, "name"))))

    def file_of(self, path: str) -> SecretFile | None:
        """The key of a Secret that is this path of the container, and where it will be on the host."""
        for destination, (secret, source) in self.secrets.items():
            if PurePosixPath(path).is_relative_to(destination):
                below = str(PurePosixPath(path).relative_to(destination))
                key = dict(_items(source)).get(below, below)
                return self._store.secret_file(secret, key, below)
        return None

    def _take(self, entry: TextNode, volume: TextNode | None) -> None:
        destination = _clean(string(member(entry, "mountPath")))
        place = self._text.place(entry.start)
        if not destination.startswith("/"):
            raise self._text.refused(entry.start, "a mount without an absolute mountPath")
        if volume is None:
            name = string(member(entry, "name"))
            raise self._text.refused(entry.start, f"mounts the volume {name[:60]!a}, which is not there")
        if destination == CNI_CONFIGURATION:
            self._remark(destination, volume, _KEPT_FRESH, place)
        elif (path := member(volume, "hostPath")) is not None:
            self._bind(entry, path, destination, place)
        elif (secret := member(volume, "secret")) is not None:
            self._secret(secret, volume, destination, place)
        else:
            self._remark(destination, volume, "it goes with the pod, and a host has none", place, lost=True)

    def _secret(self, secret: TextNode, volume: TextNode, destination: str, place: str) -> None:
        if not any(path.is_relative_to(destination) for path in self._paths):
            self._remark(destination, volume, "no variable names a file of it", place)
            return
        self.secrets[destination] = (string(member(secret, "secretName")), secret)
        self.mounts.append(GivenMount(Mount(self._store.certs_dir, destination, read_only=True), place))

    def _bind(self, entry: TextNode, path: TextNode, destination: str, place: str) -> None:
        source = str(PurePosixPath(_clean(string(member(path, "path"))), string(member(entry, "subPath")).lstrip("/")))
        read_only = is_true(member(entry, "readOnly"))
        is_file = string(member(path, "type")) in _FILES
        self.mounts.append(GivenMount(Mount(source, destination, read_only=read_only, is_file=is_file), place))
        spread = string(member(entry, "mountPropagation"), "None")
        if spread != "None":
            why = "calico-agent gives no propagation: what is mounted below it later is not passed on"
            self.remarks.append(Difference(f"mountPropagation of {destination}", spread, "", why, place, lost=True))

    def _remark(self, destination: str, volume: TextNode, why: str, place: str, *, lost: bool = False) -> None:
        kind = next((key for key in mapping(volume) if key != "name"), "nothing")
        was = string(member(volume, "hostPath", "path")) or f"a volume of kind {kind[:40]}"
        self.remarks.append(Difference(destination, was, "", why, place, lost=lost))


_KEPT_FRESH = (
    "calico/node keeps the credential of the CNI plug-in fresh there, for which it has to be in a pod: "
    "the container that stays in the DaemonSet does it"
)


def _items(secret: TextNode) -> Iterator[tuple[str, str]]:
    """Path below the mount -> key, where the volume renames keys."""
    for item in elements(member(secret, "items")):
        yield str(PurePosixPath(string(member(item, "path")))), string(member(item, "key"))


def _clean(path: str) -> str:
    return str(PurePosixPath(path)) if path else ""
