"""The calico/node container that this host should run: preset, datastore, configuration and identity in one
specification.
"""

from pathlib import PurePosixPath

from calico_agent.model.container.container import ContainerSpec, Mount
from calico_agent.model.identity import AddressChoice, Identity
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings, NodeSettings
from calico_agent.plan.presets import PRESETS, Usual

# Where the certificates are inside the container; the names are calicoctl's.
CA_IN_CONTAINER = "/etc/calico/certs/ca_cert.crt"
CERT_IN_CONTAINER = "/etc/calico/certs/cert.crt"
KEY_IN_CONTAINER = "/etc/calico/certs/key.pem"
# The folder of the kubeconfig: a file that is replaced, or that it names beside itself, is there in the container, too.
KUBECONFIG_IN_CONTAINER = "/etc/calico/kubernetes"


def wanted_container(node: NodeSettings, datastore: DatastoreSettings, identity: Identity) -> ContainerSpec:
    """Return the specification for a complete `identity`.

    NODENAME and IP are always given and cannot be overridden by `node.env`: what calico/node finds by itself is what
    this program exists to prevent. Everything else in `node.env` wins over the preset.
    """
    if not identity.complete or identity.name.name is None:
        raise ValueError("a container is wanted only for a complete identity")
    usual = PRESETS[node.preset]
    ipv6 = {"FELIX_IPV6SUPPORT": "true"} if identity.ipv6.wanted else {}
    env = {**_usual_env(usual, node), **_datastore_env(datastore, node, identity.name.name), **ipv6, **dict(node.env)}
    env["NODENAME"] = identity.name.name
    env["IP"] = _address(identity.ipv4)
    if identity.ipv6.wanted:
        env["IP6"] = _address(identity.ipv6)
    mounts = {
        mount.destination: mount
        for mount in (*_usual_mounts(usual, node), *_certificates(datastore, node), *node.mounts)
    }
    return ContainerSpec(
        name=node.name,
        image=node.image,
        env=tuple(sorted(env.items())),
        mounts=tuple(mounts[destination] for destination in sorted(mounts)),
        options=node.options,
    )


def can_be_given(datastore: DatastoreSettings) -> bool:
    """True if calico/node in a container can be told of this datastore: a service account is a pod's."""
    return datastore.kubernetes is None or bool(datastore.kubernetes.kubeconfig)


def _usual_env(usual: Usual, node: NodeSettings) -> dict[str, str]:
    return {name: value for name, value in usual.env if name not in node.without}


def _usual_mounts(usual: Usual, node: NodeSettings) -> tuple[Mount, ...]:
    return tuple(mount for mount in usual.mounts if mount.destination not in node.without)


def _address(choice: AddressChoice) -> str:
    # With its prefix length: a bare address is looked up on the links, and stored as /32 where that fails, which makes
    # every peer look like another subnet (node/pkg/lifecycle/startup/startup.go:746@v3.32.1).
    return "none" if choice.chosen is None else choice.chosen.with_prefixlen


def _datastore_env(datastore: DatastoreSettings, node: NodeSettings, name: str) -> dict[str, str]:
    if datastore.kubernetes is not None:
        return _kubernetes_env(datastore.kubernetes, node, name)
    env = {"ETCD_ENDPOINTS": ",".join(datastore.endpoints)}
    if datastore.ca_file:
        env["ETCD_CA_CERT_FILE"] = CA_IN_CONTAINER
    if datastore.cert_file:
        env["ETCD_CERT_FILE"] = CERT_IN_CONTAINER
    if datastore.key_file:
        env["ETCD_KEY_FILE"] = KEY_IN_CONTAINER
    if datastore.username:
        env["ETCD_USERNAME"] = datastore.username
        env["ETCD_PASSWORD"] = datastore.password
    return env


def _kubernetes_env(kubernetes: KubernetesSettings, node: NodeSettings, name: str) -> dict[str, str]:
    """libcalico-go/lib/apiconfig/apiconfig.go@v3.32.1; the node reference is the default, and said for who reads it."""
    file = PurePosixPath(node.kubeconfig or kubernetes.kubeconfig).name
    env = {"KUBECONFIG": f"{KUBECONFIG_IN_CONTAINER}/{file}", "CALICO_K8S_NODE_REF": name}
    if kubernetes.context and not node.kubeconfig:
        env["K8S_CURRENT_CONTEXT"] = kubernetes.context
    if kubernetes.pod_cidrs:
        env["USE_POD_CIDR"] = "true"
    return env


def _certificates(datastore: DatastoreSettings, node: NodeSettings) -> tuple[Mount, ...]:
    if datastore.kubernetes is not None:
        folder = PurePosixPath(node.kubeconfig or datastore.kubernetes.kubeconfig).parent
        return (Mount(str(folder), KUBECONFIG_IN_CONTAINER, read_only=True),)
    places = (
        (datastore.ca_file, CA_IN_CONTAINER),
        (datastore.cert_file, CERT_IN_CONTAINER),
        (datastore.key_file, KEY_IN_CONTAINER),
    )
    return tuple(Mount(source, destination, read_only=True) for source, destination in places if source)
