"""Hosts of Kubernetes clusters as their installers leave them, with this Calico or that."""

from dataclasses import replace
from datetime import timedelta

from calico_agent.model.calico.permissions import needs
from calico_agent.model.calico.release import release_in
from calico_agent.model.container.container import Docker
from calico_agent.model.host.cni import CniFile, CniPluginFile, CniSetup, PluginState
from calico_agent.model.host.kubernetes import KubeletSetup, Kubernetes, ProxySetup
from calico_agent.model.host.kubernetes_api import ApiAccess, ApiCredential, Holder, KubernetesApi
from calico_agent.model.observation import Observation
from tests.checks.cluster import AT, HEALTHY
from tests.checks.preflight.case import prepared

CONFLIST = "/etc/cni/net.d/10-calico.conflist"
KUBECONFIG = "/etc/cni/net.d/calico-kubeconfig"
SERVER = "https://10.77.0.1:6443"
ACCOUNT = "system:serviceaccount:kube-system:calico-cni-plugin"
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")


def kubelet(version: str = "v1.30.2", **kinds: object) -> KubeletSetup:
    """A kubelet that uses containerd."""
    known: dict[str, object] = {"runtime": "containerd", "program": "kubelet", **kinds}
    return KubeletSetup(pid=700, version=version, release=release_in(version), **known)  # type: ignore[arg-type]


def proxy(mode: str = "iptables", **kinds: object) -> ProxySetup:
    """A kube-proxy with a configuration file, as kubeadm makes it."""
    known: dict[str, object] = {"masquerade_source": "/var/lib/kube-proxy/config.conf", **kinds}
    return ProxySetup(900, "kube-proxy", mode, "as it says itself", True, **known)  # type: ignore[arg-type]


def plugin(name: str, folder: str = "/opt/cni/bin", versions: tuple[str, ...] = VERSIONS) -> CniPluginFile:
    """A plugin that runs."""
    return CniPluginFile(name, f"{folder}/{name}", PluginState.RUNS, versions=versions)


def setup(
    *kinds: str,
    folder: str = "/etc/cni/net.d",
    programs: str = "/opt/cni/bin",
    source: str = "by default",
    name: str = "10-calico.conflist",
    version: str = "0.3.1",
    strict: bool = True,
) -> CniSetup:
    """Calico's configuration with these plugins, all of which run."""
    plugins = kinds or ("calico", "portmap", "bandwidth")
    needed = (*plugins, "calico-ipam")
    file = CniFile(f"{folder}/{name}", plugins, needed, version)
    found = tuple(plugin(one, programs) for one in (*needed, "loopback"))
    return CniSetup(folder, source, (programs,), (file,), found, strict)


CNI = setup()
KUBERNETES = Kubernetes(kubelet(), proxy(), "/etc/kubernetes/kubelet.conf", CNI)


def access(
    holder: Holder = Holder.CNI, *denied: str, datastore: bool = False, hours: float | None = 23, **kinds: object
) -> ApiAccess:
    """An access that may all that any release needs but this, with a token that is valid for so long."""
    wanted = (need.permission for need in needs(holder, kubernetes_datastore=datastore))
    account = ACCOUNT if holder is Holder.CNI else "system:serviceaccount:kube-system:calico-node"
    end = AT + timedelta(hours=hours) if hours is not None else None
    credential = ApiCredential(holder, KUBECONFIG, CONFLIST, SERVER, account, end, token=True)
    known: dict[str, object] = {"answers": {one: str(one) not in denied for one in wanted}, **kinds}
    return ApiAccess(credential, version="v1.30.2", **known)  # type: ignore[arg-type]


API = KubernetesApi((access(), access(Holder.NODE)), frozenset(Holder), policy=True)


def host(
    kubernetes: Kubernetes = KUBERNETES, api: KubernetesApi | None = API, image: str = "calico/node:v3.28.1"
) -> Observation:
    """A host whose calico/node is of this image."""
    assert isinstance(HEALTHY.docker, Docker)
    containers = tuple(replace(one, image=image) for one in HEALTHY.docker.containers)
    seen = replace(HEALTHY, docker=replace(HEALTHY.docker, containers=containers))
    return prepared(seen, kubernetes=kubernetes, kubernetes_api=api)


_V2_CNI = setup("calico", name="10-calico.conf", version="0.1.0", strict=False, source="by the kubelet's command line")
_MICROK8S = "/var/snap/microk8s/current"

HEALTHY_HOSTS: dict[str, Observation] = {
    "kubeadm 1.5 with Docker and Calico 2.3": host(
        Kubernetes(
            kubelet("v1.5.8", runtime="docker", network_plugin="cni"),
            ProxySetup(900, "kube-proxy", masquerade_source="--masquerade-all"),
            "/etc/kubernetes/kubelet.conf",
            _V2_CNI,
        ),
        KubernetesApi((access(hours=None),), frozenset(Holder), policy=True),
        "quay.io/calico/node:v1.3.0",
    ),
    "kubeadm 1.23 with Docker": host(
        replace(KUBERNETES, kubelet=kubelet("v1.23.17", runtime="docker", network_plugin="cni")),
        image="docker.io/calico/node:v3.22.1",
    ),
    "kubeadm 1.23 with cri-dockerd": host(replace(KUBERNETES, kubelet=kubelet("v1.26.1", runtime="cri-dockerd"))),
    "kubeadm 1.30 with containerd": host(),
    "kubeadm 1.33 with kube-proxy in nftables": host(
        replace(KUBERNETES, kubelet=kubelet("v1.33.0"), proxy=proxy("nftables")), image="calico/node:v3.32.1"
    ),
    "kubespray with ipvs, whose plugins belong to user kube": host(
        replace(
            KUBERNETES,
            proxy=proxy("ipvs"),
            cni=replace(
                CNI,
                plugins=tuple(
                    replace(one, state=PluginState.NOT_TRIED, detail="others than root may write it, so it is not run")
                    for one in CNI.plugins
                ),
            ),
        )
    ),
    "k3s, which does not show what it was told": host(
        Kubernetes(
            kubelet("v1.30.4+k3s1", program="k3s-server", network_plugin=None),
            ProxySetup(
                650,
                "k3s-server",
                "iptables",
                "as it says itself",
                answers=True,
                masquerades_all=None,
                trouble="k3s does not show its command line",
            ),
            "",
            setup(
                folder="/var/lib/rancher/k3s/agent/etc/cni/net.d",
                programs="/var/lib/rancher/k3s/data/current/bin",
                source="by /var/lib/rancher/k3s/agent/etc/containerd/config.toml",
            ),
        )
    ),
    "rke2": host(
        replace(KUBERNETES, joined="", cni=setup(source="by /var/lib/rancher/rke2/agent/etc/containerd/config.toml"))
    ),
    "MicroK8s": host(
        Kubernetes(
            kubelet("v1.29.4", program="kubelite"),
            proxy(masquerade_source="--masquerade-all"),
            "",
            setup("calico", folder=f"{_MICROK8S}/args/cni-network", programs=f"{_MICROK8S}/opt/cni/bin"),
        )
    ),
    "CRI-O": host(replace(KUBERNETES, kubelet=kubelet(runtime="cri-o"), cni=setup(strict=False))),
}
