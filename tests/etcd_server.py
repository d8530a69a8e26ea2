"""A real etcd on loopback ports of its own, plain or with TLS, that a test can stop, kill, freeze and thaw."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import trustme

from calico_agent.model.settings import DatastoreSettings
from tests.patience import PATIENCE, until

_ALONE = ("--heartbeat-interval=20", "--election-timeout=200")
"""One that has nobody to agree with need not wait for a second until it leads."""


@dataclass(frozen=True)
class Certificates:
    """Files of one certificate authority, a server certificate and a client certificate issued by it."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    @classmethod
    def issue(cls, folder: Path, *names: str, not_after: datetime | None = None) -> "Certificates":
        """New ones, in `folder`. The server's is for `names`, by default for the loopback address."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        files = cls(*(folder / name for name in ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")))
        authority.cert_pem.write_to_path(files.ca)
        server = authority.issue_cert(*(names or ("127.0.0.1", "::1", "localhost")), not_after=not_after)
        client = authority.issue_cert("calico-agent.example")
        for cert, path, key in ((server, files.server, files.server_key), (client, files.client, files.client_key)):
            cert.cert_chain_pems[0].write_to_path(path)
            cert.private_key_pem.write_to_path(key)
        return files


def jwt_option(folder: Path, *, seconds: int) -> str:
    """An option of etcd: its tokens are signed, and live for so long whoever uses them."""
    key, public = folder / "jwt.key", folder / "jwt.pub"
    publish = ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)]
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True, timeout=30)
    subprocess.run(publish, check=True, capture_output=True, timeout=30)
    return f"--auth-token=jwt,pub-key={public},priv-key={key},sign-method=RS256,ttl={seconds}s"


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class EtcdServer:
    """One etcd. `start` waits until it answers; what is started is always ended by `kill`, by pid."""

    folder: Path
    certificates: Certificates | None = None
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    members: tuple["EtcdServer", ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.certificates else 'http'}://127.0.0.1:{self.port}"

    def settings(self, *endpoints: str) -> DatastoreSettings:
        """Settings of a client that may do everything."""
        files = self.certificates
        return DatastoreSettings(
            endpoints=endpoints or (self.url,),
            ca_file=str(files.ca) if files else "",
            cert_file=str(files.client) if files else "",
            key_file=str(files.client_key) if files else "",
        )

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    def start(self) -> None:
        """Start it (again, on the same data) and wait until its port is open."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it and do not wait: a member of a cluster opens its port when there is a majority."""
        self.folder.mkdir(parents=True, exist_ok=True)
        members = ",".join(f"{member.folder.name}={member.peer_url}" for member in self.members or (self,))
        command = [
            "etcd",
            f"--name={self.folder.name}",
            f"--initial-cluster={members}",
            f"--data-dir={self.folder / 'data'}",
            "--log-level=error",
            "--logger=zap",
        ]
        command += [f"--listen-client-urls={self.url}", f"--advertise-client-urls={self.url}"]
        command += [f"--listen-peer-urls={self.peer_url}", f"--initial-advertise-peer-urls={self.peer_url}"]
        if not self.members:
            command += _ALONE
        if self.certificates:
            files = self.certificates
            command += [f"--cert-file={files.server}", f"--key-file={files.server_key}"]
            command += [f"--trusted-ca-file={files.ca}", "--client-cert-auth"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until its port is open."""
        assert self.process is not None
        until("etcd opens its port or ends", lambda: self._listens() or self._ended(), seconds=PATIENCE)
        assert not self._ended(), (self.folder / "log").read_text()[-2000:]

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, as a crash or a power cut does; also ends a frozen one. Data stay."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """SIGTERM, as an orderly restart does. Data stay."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers; like a half-open connection to a dead machine."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def ctl(self, *arguments: str, value: bytes = b"", user: str = "") -> str:
        """Run etcdctl, `value` on its standard input, and return what it printed."""
        environment = {"PATH": os.environ["PATH"], "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": self.url}
        if self.certificates:
            files = self.certificates
            environment |= {"ETCDCTL_CACERT": str(files.ca), "ETCDCTL_CERT": str(files.client)}
            environment |= {"ETCDCTL_KEY": str(files.client_key)}
        if user:
            environment["ETCDCTL_USER"] = user
        for _ in range(4):  # a login at an etcd that has just been started is now and then never answered
            command = ["etcdctl", "--command-timeout=10s", *arguments]
            done = subprocess.run(command, env=environment, input=value, capture_output=True, check=False, timeout=60)
            if not (user and b"context deadline exceeded" in done.stderr):
                break
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def put(self, key: str, value: bytes | str) -> None:
        """Write one key, through etcd's JSON gateway, which is quick and takes large values."""
        raw = value.encode() if isinstance(value, str) else value
        body = {"key": b64encode(key.encode()).decode(), "value": b64encode(raw).decode()}
        context = None
        if self.certificates:
            context = ssl.create_default_context(cafile=str(self.certificates.ca))
            context.load_cert_chain(self.certificates.client, self.certificates.client_key)
        request = urllib.request.Request(f"{self.url}/v3/kv/put", json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=20, context=context).close()

    def load_capture(self, path: Path) -> None:
        """Write the keys of a recorded `etcd.jsonl`."""
        for line in path.read_text().splitlines():
            record = json.loads(line)
            self.put(record["key"], json.dumps(record["value"]))


@contextmanager
def running_etcd(folder: Path, certificates: Certificates | None = None, *options: str) -> Iterator[EtcdServer]:
    """An etcd that runs for the duration of the block."""
    server = EtcdServer(folder, certificates, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_cluster(folder: Path, size: int) -> Iterator[tuple[EtcdServer, ...]]:
    """A plain etcd of several members that runs for the duration of the block."""
    servers = tuple(EtcdServer(folder / f"member-{number}") for number in range(size))
    try:
        for server in servers:
            server.members = servers
            server.launch()
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.kill()
            shutil.rmtree(server.folder, ignore_errors=True)
