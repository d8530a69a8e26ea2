"""The CRI runtime of this host (containerd, CRI-O), asked by its own client `crictl` where the host has one.

Only root's own program is run, by an absolute path, and only with root's own socket. It is asked for the containers
that are called calico-node, and of one for four fields: all that it knows of one has the environment in it.
"""

from contextlib import suppress
from pathlib import Path
from stat import S_ISSOCK

from calico_agent.model.host.kubernetes import KUBELET
from calico_agent.sources.cri.decode.crictl import (
    STATE_TEMPLATE,
    CriContainer,
    CriState,
    decode_containers,
    decode_state,
)
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.text_file import is_roots_own
from calico_agent.sources.host.tool import find_tool, run_tool
from calico_agent.sources.kubernetes.components import find_part, kubelet_socket
from calico_agent.sources.kubernetes.decode.components import K3S_SOCKET

_SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    K3S_SOCKET,
    "/var/snap/microk8s/common/run/containerd.sock",
    "/run/cri-dockerd.sock",
)
# kubespray's, RKE2's, k3s' and Flatcar's, beside those of distributions.
_FOLDERS = tuple(
    map(Path, ("/usr/local/bin", "/var/lib/rancher/rke2/bin", "/var/lib/rancher/k3s/data/current/bin", "/opt/bin"))
)
_RUNTIMES = {"containerd": "containerd", "crio": "cri-o", "dockerd": "docker"}
_SECONDS = 5.0
_LIMIT = 1 << 20
_NAME = "^calico-node$"


class Crictl:
    """A runtime's socket and its client."""

    def __init__(self, tool: Path, socket: str) -> None:
        self._tool = tool
        self._socket = socket

    @property
    def runtime(self) -> str:
        """As `Container.runtime` has it."""
        return next((kind for word, kind in _RUNTIMES.items() if word in self._socket), "")

    def containers(self) -> tuple[CriContainer, ...]:
        """Those called calico-node, the newest first; none where that cannot be read."""
        with suppress(Malformed):
            return decode_containers(self._ask("ps", "--all", "--name", _NAME, "--output", "json"))
        return ()

    def state(self, identity: str) -> CriState | None:
        """How far a container is; None where that cannot be read."""
        with suppress(Malformed):
            return decode_state(self._ask("inspect", "--output", "go-template", "--template", STATE_TEMPLATE, identity))
        return None

    def image_name(self, image: str) -> str:
        """The name of an image by its id; the id where it has none."""
        if not image.startswith("sha256:") and len(image) < 64:
            return image
        template = "{{range .status.repoTags}}{{.}} {{end}}"
        names = self._ask("inspecti", "--output", "go-template", "--template", template, image).split()
        return names[0] if names else image

    def _ask(self, *arguments: str) -> str:
        """Empty where it fails."""
        endpoint = ("--runtime-endpoint", f"unix://{self._socket}", "--timeout", f"{_SECONDS:g}s")
        said = run_tool(self._tool, *endpoint, *arguments, seconds=2 * _SECONDS, limit=_LIMIT)
        return said if isinstance(said, str) else ""


def find_crictl() -> Crictl | None:
    """The client, where this host has one and the socket of a runtime."""
    tool = find_tool("crictl", folders=_FOLDERS)
    socket = _socket() if tool is not None else ""
    return Crictl(tool, socket) if tool is not None and socket else None


def _socket() -> str:
    kubelet = None
    with suppress(OSError):
        kubelet = find_part(KUBELET)
    told = kubelet_socket(kubelet) if kubelet is not None else ""
    return next((one for one in (told, *_SOCKETS) if one and _is_roots_socket(Path(one))), "")


def _is_roots_socket(path: Path) -> bool:
    with suppress(OSError):
        status = path.stat()
        # A group may be let in; who may make the socket is what counts: its folder.
        return S_ISSOCK(status.st_mode) and status.st_uid == 0 and is_roots_own(path.parent.stat())
    return False
