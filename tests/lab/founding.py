"""calico/node as people run it without calico-agent: by a unit on each host, or by a DaemonSet's kubelets.

What a person types on these hosts goes through `typed`: it finds `systemctl` (tests.lab.units) and `kubectl`
(tests.lab.kubernetes) beside the host's own programs.
"""

import base64
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.datastore import HOST_CERTIFICATES
from tests.lab.engine import cgroup
from tests.lab.kubernetes import CLUSTER
from tests.lab.lab import Lab
from tests.lab.namespaces import REPOSITORY
from tests.lab.options import address
from tests.lab.unit_keeper import CGROUP

IMAGE = "calico/node:v3.31.7"
"""What the image is called here: its tag tells calico-agent the version, as people's images do."""

_HERE = Path(__file__).parent
_UNIT = "calico-node.service"
_CERTIFICATES = {"ca_cert.crt": "ca.pem", "cert.crt": "etcd.pem", "key.pem": "etcd-key.pem"}


@dataclass(frozen=True, slots=True)
class Founding:
    """The hosts of a lab before calico-agent."""

    lab: Lab

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.lab.options.names

    def environment(self, host: str) -> dict[str, str]:
        """Of whatever is typed on a host."""
        path = self.lab.exec(host, "sh", "-c", "echo $PATH").stdout.strip()
        return {
            "PATH": f"{_HERE / 'programs'}:{path}",
            CGROUP: cgroup(self.lab.host(host)),
            CLUSTER: str(self.lab.directory / "cluster"),
        }

    def typed(self, host: str, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Some lines typed into a shell on a host, in root's directory of its own."""
        folder = f"{self.lab.directory}/home"
        return self.lab.exec(
            host, "sh", "-c", f"mkdir -p {folder}; cd {folder}\n{script}", check=check, timeout=300,
            environment=self.environment(host),
        )  # fmt: skip

    def prepare(self, host: str) -> None:
        """What both ways need: the image by its name, and the agent's unit, not started."""
        self.lab.engine(host).docker("tag", self.lab.options.image, IMAGE)
        shutil.copy(REPOSITORY / "systemd" / "calico-agent.service", self._etc(host) / "systemd" / "system")

    def by_unit(self, host: str) -> None:
        """The unit of 2017, on this host, enabled and started."""
        self.prepare(host)
        folder = self._etc(host) / "etcd" / "ssl"
        folder.mkdir(parents=True, exist_ok=True)
        for name, called in _CERTIFICATES.items():
            shutil.copy(self._etc(host) / HOST_CERTIFICATES.removeprefix("/etc/") / name, folder / called)
        text = _filled(
            _HERE / _UNIT,
            {
                "ENDPOINTS": self.lab.datastore.endpoint,
                "NAME": host,
                "ADDRESS": str(address(host).ip),
                "IMAGE": IMAGE,
            },
        )
        (self._etc(host) / "systemd" / "system" / _UNIT).write_text(text)
        self.typed(host, f"systemctl daemon-reload\nsystemctl enable --now {_UNIT}")

    def by_daemonset(self) -> Path:
        """The manifest, applied, and a kubelet on each host; returns the manifest's file."""
        for host in self.hosts:
            self.prepare(host)
        first = self.hosts[0]
        certificates = self._etc(first) / HOST_CERTIFICATES.removeprefix("/etc/")
        ca, cert, key = (base64.b64encode((certificates / name).read_bytes()).decode() for name in _CERTIFICATES)
        values = {
            "ENDPOINTS": self.lab.datastore.endpoint, "CA": ca, "CERT": cert, "KEY": key, "IMAGE": IMAGE,
        }  # fmt: skip
        manifest = self.lab.directory / "home" / "calico.yaml"
        manifest.parent.mkdir(exist_ok=True)
        manifest.write_text(_filled(_HERE / "calico.yaml", values))
        self.typed(first, f"kubectl apply -f {manifest}")
        for host in self.hosts:
            self.start_kubelet(host)
        return manifest

    def start_kubelet(self, host: str) -> None:
        """The stand-in for the kubelet."""
        sandbox = self.lab.host(host)
        environment = {**self._plain(host), **self.environment(host)}
        sandbox.spawn("kubectl", "kubelet", log=sandbox.directory / "kubelet.log", env=environment)

    def _plain(self, host: str) -> Mapping[str, str]:
        lines = self.lab.exec(host, "env").stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def _etc(self, host: str) -> Path:
        return self.lab.host(host).root / "etc"


def _filled(template: Path, values: Mapping[str, str]) -> str:
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
