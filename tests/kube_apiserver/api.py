"""What an administrator of a Kubernetes API does there, wherever its server runs."""

import json
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import urllib3

from tests.patience import until

ADMIN = "an-administrators-token"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class KubeApi:
    """One that knows the administrator's token."""

    host: str
    port: int

    @property
    def ca(self) -> bytes:
        """The authority of its certificate."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Of its server."""
        return f"https://{self.host}:{self.port}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """As an administrator. What is there already is left as it is."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
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
        self.await_right(account, asked)

    def await_right(self, account: str, asked: dict[str, str]) -> None:
        """Wait until the API goes by a role that was written: the account may do what is asked."""
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
        until(f"{plural}.{group} is served", lambda: self.status(f"/apis/{group}/{version}/{plural}?limit=1") == 200)

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

    def status(self, path: str) -> int:
        """Of an answer to an administrator; 0 for none."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        try:
            return self._pool.request("GET", path, headers=headers, retries=False, timeout=5).status
        except urllib3.exceptions.HTTPError:
            return 0

    @property
    def _pool(self) -> urllib3.HTTPSConnectionPool:
        context = ssl.create_default_context(cadata=self.ca.decode())
        return urllib3.HTTPSConnectionPool(self.host, self.port, ssl_context=context)


def _inline(ca: bytes) -> dict[str, str]:
    return {"certificate-authority-data": b64encode(ca).decode()}
