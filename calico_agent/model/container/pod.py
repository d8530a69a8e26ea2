"""Which pod a container is part of, by what a kubelet wrote on it."""

from collections.abc import Mapping

# pkg/kubelet/types/labels.go@kubernetes v1.31; dockershim and cri-dockerd call containers
# k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT.
LABEL_POD = "io.kubernetes.pod.name"
LABEL_NAMESPACE = "io.kubernetes.pod.namespace"
LABEL_CONTAINER = "io.kubernetes.container.name"
_PREFIX = "k8s_"
_WORDS = 6


def pod_of(name: str, labels: Mapping[str, str]) -> str:
    """Return the pod that a container is part of, as `namespace/name`; empty for none."""
    if pod := labels.get(LABEL_POD, ""):
        return f"{labels.get(LABEL_NAMESPACE, 'default')}/{pod}"
    words = name.split("_") if name.startswith(_PREFIX) else []
    return f"{words[3]}/{words[2]}" if len(words) >= _WORDS else ""


def name_in_pod(name: str, labels: Mapping[str, str]) -> str:
    """Return what the pod calls the container."""
    if said := labels.get(LABEL_CONTAINER, ""):
        return said
    words = name.split("_") if name.startswith(_PREFIX) else []
    return words[1] if len(words) >= _WORDS else "calico-node"
