"""A kube-apiserver with RBAC: its files, its command line, and one on loopback ports of its own with an etcd.

There is no controller manager: service accounts are made by hand, and nothing collects garbage.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import trustme

from tests.etcd_server import EtcdServer, free_port
from tests.kube_apiserver.api import ADMIN, KubeApi
from tests.kube_apiserver.binary import kube_apiserver
from tests.patience import until


def write_files(folder: Path, authority: trustme.CA, *names: str) -> None:
    """What the server needs beside its program, with a certificate for these names. Tokens of before are still good."""
    server, accounts = authority.issue_cert(*names), authority.issue_cert("accounts")
    files = {
        "ca.crt": authority.cert_pem.bytes(),
        "server.crt": server.cert_chain_pems[0].bytes(),
        "server.key": server.private_key_pem.bytes(),
        "accounts.key": accounts.private_key_pem.bytes(),
        "tokens.csv": f'{ADMIN},admin,1,"system:masters"\n'.encode(),
    }
    for name, content in files.items():
        if name != "accounts.key" or not (folder / name).exists():
            (folder / name).write_bytes(content)


def command_line(folder: Path, etcd: str, address: str, port: int) -> list[str]:
    """The server with its files in this folder, and its etcd there; it listens at an address."""
    return [
        str(kube_apiserver()),
        f"--etcd-servers={etcd}",
        f"--bind-address={address}",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount,NodeRestriction",
        "--profiling=false",
    ]


@dataclass
class KubeApiServer(KubeApi):
    """One that runs while the block of `running_apiserver` does."""

    folder: Path
    etcd: EtcdServer
    authority: trustme.CA = field(default_factory=trustme.CA)
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> bytes:
        return self.authority.cert_pem.bytes()

    def start(self) -> None:
        """Start it and wait until it is ready. At another start its certificate is new, and tokens are still good."""
        write_files(self.folder, self.authority, "127.0.0.1", "localhost")
        command = [*command_line(self.folder, self.etcd.url, self.host, self.port), *self.options]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until("kube-apiserver is ready", self._ready, self._log)

    def stop(self) -> None:
        """SIGTERM while etcd still answers; with etcd gone it would not end."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def client_certificate(self, user: str, not_after: datetime | None = None) -> tuple[bytes, bytes]:
        """A certificate of this user, and its key."""
        issued = self.authority.issue_cert(f"{user}.example", common_name=user, not_after=not_after)
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()

    def admin_kubeconfig(self) -> Path:
        """For kubectl."""
        return self.kubeconfig(self.folder / "admin.conf", {"token": ADMIN})

    def shell(self, command: str) -> str:
        """Run a command line that a finding prints, as an administrator types it; what it printed."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "KUBECONFIG": str(self.admin_kubeconfig())}
        environment |= {"HOME": str(self.folder)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log()
        return self.status("/readyz") == 200

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]


@contextmanager
def running_apiserver(folder: Path) -> Iterator[KubeApiServer]:
    """One that is ready, with an etcd of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    etcd = EtcdServer(folder / "etcd")
    server = KubeApiServer(folder, etcd)
    try:
        etcd.start()
        server.start()
        yield server
    finally:
        server.stop()
        etcd.kill()
        shutil.rmtree(folder, ignore_errors=True)
