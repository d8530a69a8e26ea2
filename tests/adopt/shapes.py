"""Containers of calico/node as they are described: the unit of 2017, a pod of a DaemonSet, the agent's own."""

from collections.abc import Mapping

from calico_agent.adopt.described import Described, Given, GivenMount
from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions

CERTIFICATES = {
    "ETCD_CA_CERT_FILE": "/etc/etcd/ssl/ca.pem",
    "ETCD_CERT_FILE": "/etc/etcd/ssl/etcd.pem",
    "ETCD_KEY_FILE": "/etc/etcd/ssl/etcd-key.pem",
}
UNIT_ENV = {
    "NODENAME": "host1.example.com",
    "IP": "10.77.0.11",
    "IP6": "",
    "AS": "",
    "ETCD_ENDPOINTS": "https://10.77.0.1:2379,https://10.77.0.2:2379,https://10.77.0.3:2379",
    **CERTIFICATES,
    "CALICO_IPV4POOL_CIDR": "10.254.64.0/18",
    "CALICO_IPV4POOL_IPIP": "always",
    "CALICO_LIBNETWORK_ENABLED": "true",
    "CALICO_NETWORKING_BACKEND": "bird",
    "CALICO_DISABLE_FILE_LOGGING": "true",
    "FELIX_IPV6SUPPORT": "false",
    "FELIX_DEFAULTENDPOINTTOHOSTACTION": "ACCEPT",
    "FELIX_LOGSEVERITYSCREEN": "info",
}
UNIT_MOUNTS = (
    *("/var/run/calico", "/lib/modules", "/run/docker/plugins", "/var/run/docker.sock", "/var/log/calico"),
    *CERTIFICATES.values(),
)


def env(values: Mapping[str, str]) -> dict[str, Given]:
    return {name: Given(value, "calico-node.service:9") for name, value in values.items()}


def same_place(*paths: str) -> tuple[GivenMount, ...]:
    return tuple(GivenMount(Mount(path, path)) for path in paths)


UNIT_OF_2017 = Described(
    "unit calico-node.service",
    Given("calico/node:v1.3.0"),
    env=env(UNIT_ENV),
    mounts=same_place(*UNIT_MOUNTS),
    restart=Given("always"),
)

# As dockershim has it: kubelet's variables, files and labels beside those of the manifest.
POD = Described(
    "container k8s_calico-node_calico-node-x7x2k_kube-system_6f1d_0",
    Given("quay.io/calico/node:v3.9.6"),
    name=Given("calico-node"),
    env=env(
        {
            "ETCD_ENDPOINTS": "https://10.77.0.1:2379",
            "ETCD_CA_CERT_FILE": "/calico-secrets/etcd-ca",
            "ETCD_CERT_FILE": "/calico-secrets/etcd-cert",
            "ETCD_KEY_FILE": "/calico-secrets/etcd-key",
            "CALICO_K8S_NODE_REF": "host1",
            "CALICO_NETWORKING_BACKEND": "bird",
            "CLUSTER_TYPE": "k8s,bgp",
            "IP": "autodetect",
            "IP_AUTODETECTION_METHOD": "interface=eth0",
            "CALICO_IPV4POOL_IPIP": "Always",
            "CALICO_DISABLE_FILE_LOGGING": "true",
            "FELIX_HEALTHENABLED": "true",
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "KUBE_DNS_PORT_53_UDP_ADDR": "10.96.0.10",
        }
    ),
    mounts=(
        GivenMount(Mount("/lib/modules", "/lib/modules", read_only=True)),
        GivenMount(Mount("/run/xtables.lock", "/run/xtables.lock")),
        GivenMount(Mount("/var/run/calico", "/var/run/calico")),
        GivenMount(Mount("/var/lib/calico", "/var/lib/calico")),
        GivenMount(Mount("/var/lib/kubelet/pods/6f1d/volumes/kubernetes.io~secret/etcd-certs", "/calico-secrets")),
        GivenMount(Mount("/var/lib/kubelet/pods/6f1d/etc-hosts", "/etc/hosts")),
        GivenMount(Mount("/var/lib/kubelet/pods/6f1d/containers/calico-node/1", "/dev/termination-log")),
    ),
    options=RunOptions(cpu_shares=256, labels=(("io.kubernetes.pod.name", "calico-node-x7x2k"),)),
    from_pod=True,
)
