"""The lab's etcd: one member on the wire, 10.77.0.1:2379, with TLS and client certificates unless `--no-tls`."""

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.certificates import make_certificates
from tests.lab.errors import LabError
from tests.lab.namespaces import Sandbox
from tests.lab.options import WIRE_ADDRESS, Options
from tests.lab.processes import Process, stop

HOST_CERTIFICATES = "/etc/calico/certs"
"""Where each host keeps ca_cert.crt, cert.crt and key.pem (the paths calicoctl and kubespray use)."""

_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Datastore:
    """etcd, and how a host reaches it."""

    wire: Sandbox
    tls: bool

    @property
    def endpoint(self) -> str:
        """The client URL."""
        return f"{'https' if self.tls else 'http'}://{WIRE_ADDRESS.ip}:2379"

    @property
    def environment(self) -> dict[str, str]:
        """What calico/node needs to reach it."""
        settings = {"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": self.endpoint}
        if self.tls:
            settings["ETCD_CA_CERT_FILE"] = f"{HOST_CERTIFICATES}/ca_cert.crt"
            settings["ETCD_CERT_FILE"] = f"{HOST_CERTIFICATES}/cert.crt"
            settings["ETCD_KEY_FILE"] = f"{HOST_CERTIFICATES}/key.pem"
        return settings

    @property
    def pod_environment(self) -> dict[str, str]:
        """The same in a pod, which is made for the Kubernetes API alone."""
        raise LabError("there are no pods of calico/node with etcd")

    @property
    def _certificates(self) -> Path:
        return self.wire.directory / "certificates"

    @property
    def agent_settings(self) -> tuple[str, ...]:
        """The section [datastore] of the agent's configuration."""
        files = {"ca_file": "ca_cert.crt", "cert_file": "cert.crt", "key_file": "key.pem"} if self.tls else {}
        return (
            f'endpoints = ["{self.endpoint}"]',
            *(f'{key} = "{HOST_CERTIFICATES}/{name}"' for key, name in files.items()),
        )

    @property
    def node_settings(self) -> tuple[str, ...]:
        """What the section [node] says of it."""
        return ()

    @property
    def program(self) -> str:
        """What `stop` and `freeze` are about."""
        return "etcd"

    def prepare(self, hosts: tuple[Sandbox, ...]) -> None:
        """Make the certificates and give each host its copy."""
        if not self.tls:
            return
        make_certificates(self._certificates)
        for host in hosts:
            for name in ("ca_cert.crt", "cert.crt", "key.pem"):
                shutil.copy(self._certificates / name, host.root / HOST_CERTIFICATES.lstrip("/") / name)

    def start(self) -> None:
        """Start etcd on its data of before, and wait until it serves.

        Raises:
            LabError: it does not come up.
        """
        if self._process() is not None:
            raise LabError("etcd is already running")
        log = self.wire.directory / "etcd.log"
        flags = [
            *("--name=lab", "--data-dir=/var/lib/etcd", "--logger=zap", "--log-level=warn"),
            *(f"--listen-client-urls={self.endpoint}", f"--advertise-client-urls={self.endpoint}"),
            *("--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380"),
            "--initial-cluster=lab=http://127.0.0.1:2380",
        ]
        if self.tls:
            flags += [
                *("--client-cert-auth", f"--trusted-ca-file={self._certificates / 'ca_cert.crt'}"),
                f"--cert-file={self._certificates / 'server.crt'}",
                f"--key-file={self._certificates / 'server.pem'}",
            ]
        self.wire.spawn("etcd", *flags, log=log)
        deadline, seen = time.monotonic() + _START_SECONDS, False
        while self._etcdctl("endpoint", "health", check=False) is None:
            running = self._process() is not None
            seen = seen or running  # on a busy machine it takes its time to become etcd
            if time.monotonic() > deadline or (seen and not running):
                raise LabError(f"etcd does not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def furnish(self, hosts: tuple[Sandbox, ...], options: Options) -> None:
        """Make what has to be there before calico/node is, once it runs: in etcd nothing."""

    def stop(self) -> None:
        """Stop it; its data stays."""
        stop(self._running())

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        os.kill(self._running().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self._running().pid, signal.SIGCONT)

    def get(self, key: str, *, prefix: bool = False) -> str:
        """The result of `etcdctl get`, as JSON text (keys and values in base64)."""
        found = self._etcdctl("get", *(("--prefix",) if prefix else ()), "--write-out=json", key)
        assert found is not None
        return found

    def put(self, key: str, value: str) -> None:
        """Write one key."""
        self._etcdctl("put", key, "--", value)

    def delete(self, key: str, *, prefix: bool = False) -> None:
        """Delete one key, or at once all that begin with it."""
        self._etcdctl("del", *(("--prefix",) if prefix else ()), key)

    def _etcdctl(self, *arguments: str, check: bool = True) -> str | None:
        flags = [f"--endpoints={self.endpoint}"]
        if self.tls:
            flags += [
                f"--cacert={self._certificates / 'ca_cert.crt'}",
                f"--cert={self._certificates / 'cert.crt'}",
                f"--key={self._certificates / 'key.pem'}",
            ]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        done = self.wire.run("etcdctl", *flags, *arguments, env=environment, check=check, timeout=60.0)
        return done.stdout if done.returncode == 0 else None

    def _process(self) -> Process | None:
        return next((process for process in self.wire.processes() if process.name == "etcd"), None)

    def _running(self) -> Process:
        process = self._process()
        if process is None:
            raise LabError(f"{self.program} is not running; start it with: python -m tests.lab datastore start")
        return process
