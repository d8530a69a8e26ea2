"""Which datastore a running calico/node has, by the environment of its process -> DatastoreSettings.

As `sources.docker.decode.node_datastore` has it of a container, but files are named as the process sees them: below its
root directory. What counts as true: envconfig of libcalico-go/lib/apiconfig/load.go@v3.32.1 (strconv.ParseBool).
"""

from collections.abc import Callable
from dataclasses import replace

from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.json_object import JsonObject, section, text
from calico_agent.sources.kubernetes.decode.api_login import decode_variables

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_APIS = {"etcdv3": EtcdApi.V3, "etcdv2": EtcdApi.V2}


def datastore_in(value: Callable[[str], str], root: str, origin: str) -> DatastoreSettings | Unreadable:
    """`value` gives a variable of the process, "" for none; `root` is its root directory as a path of this host."""
    endpoints = tuple(filter(None, map(str.strip, value("ETCD_ENDPOINTS").split(","))))
    kind = value("DATASTORE_TYPE") or ("etcdv3" if endpoints else "kubernetes")
    if kind == "kubernetes":
        return kubernetes_in(value, root, origin)
    if kind not in _APIS or not endpoints:
        return Unreadable("etcd", f"{origin} has DATASTORE_TYPE={kind} and no ETCD_ENDPOINTS of use", "no-endpoints")
    ca, certificate, key = (
        f"{root}{inside}" if (inside := value(name)) else ""
        for name in ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
    )
    return DatastoreSettings(
        endpoints,
        ca,
        certificate,
        key,
        value("ETCD_USERNAME"),
        value("ETCD_PASSWORD"),
        api=_APIS[kind],
        origin=origin,
    )


def kubernetes_in(value: Callable[[str], str], root: str, origin: str) -> DatastoreSettings | Unreadable:
    """The same of one whose datastore is the Kubernetes API."""
    pod_cidrs = value("USE_POD_CIDR") in _TRUE
    group = value("API_GROUP").partition("/")[0]
    if kubeconfig := value("KUBECONFIG"):
        found = KubernetesSettings(kubeconfig=kubeconfig, context=value("K8S_CURRENT_CONTEXT"))
    elif (login := decode_variables(value)) is not None:
        found = KubernetesSettings(
            server=login.server,
            ca_file=login.ca_file,
            token=login.token,
            token_file=login.token_file,
            cert_file=login.certificate_file,
            key_file=login.key_file,
            insecure=login.insecure,
            by_service=_is_a_services(value),
        )
    else:
        reason = f"{origin} names no API: it has neither KUBECONFIG, K8S_API_ENDPOINT nor KUBERNETES_SERVICE_HOST"
        return Unreadable("the Kubernetes API", reason, "unset")
    placed = _at(found, root, pod_cidrs=pod_cidrs)
    return DatastoreSettings((), origin=origin, kubernetes=replace(placed, api_group=group))


def _is_a_services(value: Callable[[str], str]) -> bool:
    """Whether the server is the cluster's address of a service, which kube-proxy makes reachable.

    The kubelet gives that in KUBERNETES_PORT_443_TCP_ADDR, too; the ConfigMap kubernetes-services-endpoint puts another
    one into KUBERNETES_SERVICE_HOST alone, where Calico does without kube-proxy (eBPF).
    """
    service = value("KUBERNETES_PORT_443_TCP_ADDR")
    return not value("K8S_API_ENDPOINT") and service in {"", value("KUBERNETES_SERVICE_HOST")}


def kubernetes_of_plugin(plugin: JsonObject, origin: str) -> DatastoreSettings | None:
    """That of Calico's CNI plugin, where its datastore is the Kubernetes API. Raises Malformed."""
    kubeconfig = text(section(plugin, "kubernetes"), "kubeconfig")
    if plugin.get("datastore_type") != "kubernetes" or kubeconfig is None:
        return None
    pod_cidrs = text(section(plugin, "ipam"), "type") == "host-local"
    found = KubernetesSettings(kubeconfig=kubeconfig)
    return DatastoreSettings((), origin=origin, kubernetes=_at(found, "/", pod_cidrs=pod_cidrs))


def _at(found: KubernetesSettings, root: str, *, pod_cidrs: bool) -> KubernetesSettings:
    return replace(found, root=root, pod_cidrs=pod_cidrs)
