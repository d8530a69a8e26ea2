"""containerd on a host without Docker, and calico/node as a kubelet has it started there: in the namespace k8s.io, with
the files of a service account, and no name by which Docker would know it.
"""

import hashlib
import io
import json
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.engine import CONTAINER, MOUNTS, PROGRAM, cgroup, write_runc
from tests.lab.errors import LabError
from tests.lab.namespaces import Sandbox

SERVICE_ACCOUNT = "/var/lib/kubelet/serviceaccount"
"""Where the host has the token and the authority that a pod gets."""

_IN_POD = "/var/run/secrets/kubernetes.io/serviceaccount"
_NAMESPACE = "k8s.io"
_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Containerd:
    """The containerd of one host."""

    host: Sandbox

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            LabError: it does not come up; the text has the end of its log.
        """
        write_runc(self.host)
        log = self.host.directory / "containerd.log"
        self.host.spawn("containerd", "--log-level=warn", log=log)
        deadline = time.monotonic() + _START_SECONDS
        while self._ctr("version", check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise LabError(f"containerd on {self.host.name} does not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def load_image(self, archive: Path, image: str) -> None:
        """Import a root file system as an image."""
        whole = self.host.directory / "image.tar"
        _write_image(whole, archive, f"docker.io/{image}")
        try:
            self._ctr("images", "import", str(whole), timeout=300)
        finally:
            whole.unlink()

    def run_node(self, image: str, environment: Mapping[str, str]) -> None:
        """Start calico/node. An older one is removed first."""
        self.remove_node()
        mounts = [mount.split(":") for mount in (*MOUNTS, f"{SERVICE_ACCOUNT}:{_IN_POD}:ro")]
        self._ctr(
            *("run", "--detach", "--net-host", "--privileged", f"--runc-binary={self.host.directory / 'runc'}"),
            *(f"--cgroup={cgroup(self.host)}/kubepods/{CONTAINER}", f"--log-uri=file://{self._log}"),
            *(
                f"--mount=type=bind,src={source},dst={inside},options=rbind:{way[0] if way else 'rw'}"
                for source, inside, *way in mounts
            ),
            *(f"--env={key}={value}" for key, value in environment.items()),
            *(f"docker.io/{image}", CONTAINER),
        )

    def remove_node(self) -> bool:
        """Kill and remove calico/node; its routes stay. False: there was none."""
        if CONTAINER not in self._ctr("containers", "list", "--quiet").stdout.split():
            return False
        self._ctr("tasks", "delete", "--force", CONTAINER, check=False)
        self._ctr("containers", "delete", CONTAINER)
        return True

    def node_is_by_hand(self) -> bool:
        """Nobody else starts it here."""
        return True

    @property
    def _log(self) -> Path:
        return self.host.directory / "calico-node.log"

    def _ctr(self, *arguments: str, check: bool = True, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        return self.host.run("ctr", f"--namespace={_NAMESPACE}", *arguments, check=check, timeout=timeout)


def _write_image(archive: Path, layer: Path, name: str) -> None:
    """What `docker save` would write of an image with this one layer."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": [PROGRAM]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        for file_name, content in (("config.json", config), ("manifest.json", manifest)):
            text = json.dumps(content).encode()
            entry = tarfile.TarInfo(file_name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        tar.add(layer, "layer.tar")
