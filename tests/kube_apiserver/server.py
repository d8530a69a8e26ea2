"""A kube-apiserver on loopback ports of its own, with etcd and RBAC, and what a test does to it.

There is no controller manager: service accounts are made by hand, and nothing collects garbage.
"""

import json
import shutil
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme
import urllib3

from tests.etcd_server import EtcdServer, free_port
from tests.kube_apiserver.binary import kube_apiserver
from tests.patience import until

_ADMIN = "an-administrators-token"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass
class KubeApiServer:
    """One that runs while the block of `running_apiserver` does."""

    folder: Path
    etcd: EtcdServer
    authority: trustme.CA = field(default_factory=trustme.CA)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> bytes:
        return self.authority.cert_pem.bytes()

    def start(self) -> None:
        """Start it and wait until it is ready. At another start its certificate is new, and tokens are still good."""
        server, accounts = self.authority.issue_cert("127.0.0.1", "localhost"), self.authority.issue_cert("accounts")
        files = {
            "ca.crt": self.ca,
            "server.crt": server.cert_chain_pems[0].bytes(),
            "server.key": server.private_key_pem.bytes(),
            "accounts.key": accounts.private_key_pem.bytes(),
            "tokens.csv": f'{_ADMIN},admin,1,"system:masters"\n'.encode(),
        }
        for name, content in files.items():
            if name != "accounts.key" or not (self.folder / name).exists():
                (self.folder / name).write_bytes(content)
        command = [
            str(kube_apiserver()),
            f"--etcd-servers={self.etcd.url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            f"--client-ca-file={self.folder / 'ca.crt'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--anonymous-auth=false",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount,NodeRestriction",
            "--profiling=false",
        ]
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

    def call(self, method: str, path: str, body: object = None) -> Any:
        """As an administrator. What is there already is left as it is."""
        headers = {"Authorization": f"Bearer {_ADMIN}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, path, body=content, headers=headers, retries=False, timeout=20)
        assert answer.status in {200, 201, 202, 409}, f"{method} {path}: {answer.status} {answer.data[:500]!r}"
        return json.loads(answer.data)

    def account(self, name: str) -> str:
        """A new service account of kube-system; its name for RBAC."""
        accounts = "/api/v1/namespaces/kube-system/serviceaccounts"
        self.call("POST", accounts, {"metadata": {"name": name}})
        return f"system:serviceaccount:kube-system:{name}"

    def token(self, name: str, seconds: int = 3600) -> str:
        """A token of a service account of kube-system."""
        path = f"/api/v1/namespaces/kube-system/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        return str(self.call("POST", path, request | {"spec": {"expirationSeconds": seconds}})["status"]["token"])

    def grant(self, account: str, name: str, *rules: dict[str, list[str]]) -> None:
        """A role with these rules, bound to an account; the API goes by it a moment after it was written."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": account}
        self.call("POST", f"{_RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [user]}
        self.call("POST", f"{_RBAC}/clusterrolebindings", binding)
        rule = rules[-1]
        resource, _, sub = rule["resources"][-1].partition("/")
        asked = {"verb": rule["verbs"][-1], "group": rule["apiGroups"][-1], "resource": resource, "subresource": sub}
        review = {"spec": {"user": account, "resourceAttributes": asked}}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        until(f"{account} may {asked}", lambda: bool(self.call("POST", path, review)["status"]["allowed"]))

    def custom_resource(self, group: str, plural: str, kind: str, version: str = "v1") -> None:
        """A kind of resource without a schema, which is served when this returns."""
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
        spec = {"group": group, "scope": "Cluster", "names": names, "versions": [served]}
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.call("POST", path, {"metadata": {"name": f"{plural}.{group}"}, "spec": spec})
        until(f"{plural}.{group} is served", lambda: self._status(f"/apis/{group}/{version}/{plural}") == 200)

    def client_certificate(self, user: str, not_after: datetime | None = None) -> tuple[bytes, bytes]:
        """A certificate of this user, and its key."""
        issued = self.authority.issue_cert(f"{user}.example", common_name=user, not_after=not_after)
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()

    def kubeconfig(self, path: Path, user: dict[str, str], **cluster: str) -> Path:
        """A kubeconfig for this user, as install-cni writes it."""
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": {"server": self.url, **_inline(self.ca), **cluster}}],
            "users": [{"name": "calico", "user": user}],
            "contexts": [{"name": "calico-context", "context": {"cluster": "local", "user": "calico"}}],
            "current-context": "calico-context",
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole))
        path.chmod(0o600)
        return path

    def admin_kubeconfig(self) -> Path:
        """For kubectl."""
        return self.kubeconfig(self.folder / "admin.conf", {"token": _ADMIN})

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

    @property
    def _pool(self) -> urllib3.HTTPSConnectionPool:
        context = ssl.create_default_context(cadata=self.ca.decode())
        return urllib3.HTTPSConnectionPool("127.0.0.1", self.port, ssl_context=context)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log()
        return self._status("/readyz") == 200

    def _status(self, path: str) -> int:
        """Of an answer to an administrator; 0 for none."""
        headers = {"Authorization": f"Bearer {_ADMIN}"}
        try:
            return self._pool.request("GET", path, headers=headers, retries=False, timeout=5).status
        except urllib3.exceptions.HTTPError:
            return 0

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]


def _inline(ca: bytes) -> dict[str, str]:
    return {"certificate-authority-data": b64encode(ca).decode()}


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
