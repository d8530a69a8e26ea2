"""Calico's data in a real API: recorded clusters are written into it, and read by an account with our ClusterRole."""

import json
from pathlib import Path
from typing import Any

import yaml

from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.sources.datastore.kubernetes.kinds import V1, path_of
from tests.kube_apiserver.api import KubeApi
from tests.places import REPOSITORY

ACCOUNT = "calico-agent"
KINDS = {
    "ippools": "IPPool",
    "ipamblocks": "IPAMBlock",
    "blockaffinities": "BlockAffinity",
    "bgpconfigurations": "BGPConfiguration",
    "bgppeers": "BGPPeer",
    "bgpfilters": "BGPFilter",
    "clusterinformations": "ClusterInformation",
    "felixconfigurations": "FelixConfiguration",
}
# What the API gives, and does not take.
_OF_THE_API = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_FOLDERS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "Role": f"{_RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{{}}/rolebindings",
}


def install(api: KubeApi, group: str = V1) -> None:
    """The kinds of Calico's resources, and the account and role that we ship."""
    for plural, kind in KINDS.items():
        api.custom_resource(group, plural, kind, "v1" if group == V1 else "v3")
    apply(api, "cluster-role.yaml")


def apply(api: KubeApi, name: str) -> None:
    """What `kubectl apply -f` makes of a file of ours."""
    for document in yaml.safe_load_all((REPOSITORY / "config/kubernetes" / name).read_text()):
        api.call("POST", _FOLDERS[document["kind"]].format(document["metadata"].get("namespace")), document)


def write(api: KubeApi, capture: Path, group: str = V1) -> None:
    """All recorded objects, as they were."""
    for path in sorted(capture.glob("*.json")):
        if path.stem in KINDS or path.stem == "nodes":
            for item in json.loads(path.read_text())["items"]:
                api.call("POST", path_of(group, f"{path.stem}/"), bare(item))


def bare(item: dict[str, Any]) -> dict[str, Any]:
    """An object as it is written anew."""
    metadata = {name: value for name, value in item["metadata"].items() if name not in _OF_THE_API}
    return {**item, "metadata": metadata}


def empty(api: KubeApi, group: str = V1) -> None:
    """Remove all objects."""
    for plural in ("nodes", *KINDS):
        api.call("DELETE", path_of(group, f"{plural}/"))


def change(api: KubeApi, plural: str, name: str, group: str = V1, **metadata_or_spec: Any) -> None:
    """Write an object anew with other parts of its metadata or spec."""
    path = f"{path_of(group, f'{plural}/')}/{name}"
    found = api.call("GET", path)
    for part, fields in metadata_or_spec.items():
        found[part] = {**found.get(part, {}), **fields}
    api.call("PUT", path, found)


def settings(api: KubeApi, folder: Path, token: str | None = None, **more: Any) -> DatastoreSettings:
    """Those of a host with a token of our account."""
    path = api.kubeconfig(folder / "kubeconfig", {"token": token or api.token(ACCOUNT)})
    return DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig=str(path), **more), timeout=3.0)
