"""Where the container runtime that the kubelet uses looks for CNI configurations and plugins."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.components import Part, kubelet_socket, running_runtimes
from calico_agent.sources.kubernetes.decode.runtime_cni import (
    CniFolders,
    containerd_folders,
    containerd_imports,
    containerd_options,
    crio_folders,
    flagged_folders,
)

_CONTAINERD, _CONTAINERD_SOCKET = "/etc/containerd/config.toml", "/run/containerd/containerd.sock"
_CRIO, _CRIO_MORE = "etc/crio/crio.conf", "etc/crio/crio.conf.d"
_MOST_FILES = 32
_LARGEST_FILE = 1 << 18


@dataclass(frozen=True, slots=True)
class FoundFolders:
    """The folders and who names them. `trouble` says why that cannot be read; then these are the usual ones."""

    folders: CniFolders = field(default_factory=CniFolders)
    source: str = "by default"
    trouble: str = ""


def cni_folders(root: Path, kubelet: Part | None, runtime: str) -> FoundFolders:
    """Those of one runtime (KubeletSetup.runtime). Raises OSError where the processes cannot be read."""
    if kubelet is None:
        return FoundFolders()
    if runtime == "docker":
        return FoundFolders(flagged_folders(kubelet.flags), "by the kubelet's command line")
    if runtime == "cri-dockerd":
        arguments = next((program.arguments for program in running_runtimes(runtime)), ())
        return FoundFolders(flagged_folders(arguments), "by cri-dockerd's command line")
    if runtime == "cri-o":
        files = (root / _CRIO, *islice(sorted((root / _CRIO_MORE).glob("*")), _MOST_FILES))
        return _read(files, f"by /{_CRIO} and /{_CRIO_MORE}", crio_folders)
    file = _containerd_file(kubelet_socket(kubelet))
    return _read(_with_imports(root, file), f"by {file}", containerd_folders)


def _containerd_file(socket: str) -> str:
    """The configuration of the containerd that has this socket: Docker may have one of its own."""
    running = [containerd_options(program.arguments) for program in running_runtimes("containerd")]
    fitting = [file for file, address in running if (address or _CONTAINERD_SOCKET) == (socket or _CONTAINERD_SOCKET)]
    return next(iter(fitting), "") or _CONTAINERD


def _with_imports(root: Path, file: str) -> Iterator[Path]:
    """A file, and after it what it imports, by patterns that are relative to it (docs/man/containerd-config.toml.5)."""
    path = root / file.lstrip("/")
    yield path
    for pattern in containerd_imports(_text(path))[:_MOST_FILES]:
        absolute = Path(pattern) if pattern.startswith("/") else Path(file).parent / pattern
        yield from islice(sorted(root.glob(str(absolute).lstrip("/"))), _MOST_FILES)


def _read(files: Iterable[Path], source: str, decode: Callable[[Iterable[str]], CniFolders]) -> FoundFolders:
    try:
        contents = [_text(file) for file in islice(files, 2 * _MOST_FILES)]
        return FoundFolders(decode(contents), source if any(contents) else FoundFolders().source)
    except OSError as error:
        return FoundFolders(trouble=f"{error.filename} cannot be read: {error.strerror}")
    except Malformed as error:
        return FoundFolders(trouble=f"{source.removeprefix('by ')} cannot be understood: {error.what}")


def _text(file: Path) -> str:
    """Empty where there is no such file: then all is as usual."""
    return read_owned_text(file, _LARGEST_FILE) or ""
