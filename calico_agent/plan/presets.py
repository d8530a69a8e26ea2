"""What each generation of calico/node is usually given: its environment and its mounts.

`v3`: calico/node v3.x on etcd v3, after `calicoctl node run` and the DaemonSet
(calicoctl/calicoctl/commands/node/run.go and manifests/calico-etcd.yaml of projectcalico/calico@v3.32.1).

`v1.3`: calico/node v1.3.0 of Calico 2.3 on the etcd v2 API, as the systemd units of 2017 gave it: more than
`calicoctl node run` (calicoctl/commands/node/run.go of projectcalico/calico-containers@v1.3.0) in what is not its
default. It has no /var/lib/calico, and serves networks to Docker through its plug-in. Its pool is IPIP's, should it
have to make one; CALICO_IPV4POOL_CIDR is each cluster's own.

`kubernetes`: calico/node v3.x on the Kubernetes API, after the DaemonSet (manifests/calico.yaml of
projectcalico/calico@v3.32.1). The token of the CNI plugin can be kept fresh by a pod alone.

None has NODENAME, IP, ETCD_* and KUBECONFIG: those are the agent's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from calico_agent.model.container.container import Mount
from calico_agent.model.settings import Preset


@dataclass(frozen=True, slots=True)
class Usual:
    """Environment and mounts of one generation. The configuration adds to them and wins over them."""

    env: tuple[tuple[str, str], ...]
    mounts: tuple[Mount, ...]


_MOUNTS_OF_3 = (
    Mount("/lib/modules", "/lib/modules", read_only=True),
    Mount("/run/xtables.lock", "/run/xtables.lock", is_file=True),
    Mount("/var/lib/calico", "/var/lib/calico"),
    Mount("/var/log/calico", "/var/log/calico"),
    Mount("/var/run/calico", "/var/run/calico"),
)

PRESETS: Mapping[Preset, Usual] = MappingProxyType(
    {
        Preset.V3: Usual(
            env=(
                ("CALICO_DISABLE_FILE_LOGGING", "true"),  # `docker logs` then has all of it, and so has the agent
                ("CALICO_MANAGE_CNI", "false"),  # outside Kubernetes there is no token to keep fresh (since v3.22)
                ("CALICO_NETWORKING_BACKEND", "bird"),
                ("DATASTORE_TYPE", "etcdv3"),
                ("FELIX_HEALTHENABLED", "true"),
            ),
            mounts=_MOUNTS_OF_3,
        ),
        Preset.KUBERNETES: Usual(
            env=(
                ("CALICO_DISABLE_FILE_LOGGING", "true"),
                ("CALICO_MANAGE_CNI", "false"),
                ("CALICO_NETWORKING_BACKEND", "bird"),
                ("CLUSTER_TYPE", "k8s,bgp"),
                ("DATASTORE_TYPE", "kubernetes"),
                ("FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"),
                ("FELIX_HEALTHENABLED", "true"),
                ("WAIT_FOR_DATASTORE", "true"),
            ),
            mounts=_MOUNTS_OF_3,
        ),
        Preset.V1_3: Usual(
            env=(
                ("CALICO_DISABLE_FILE_LOGGING", "true"),
                ("CALICO_IPV4POOL_IPIP", "always"),
                ("CALICO_LIBNETWORK_ENABLED", "true"),
                ("CALICO_NETWORKING_BACKEND", "bird"),
                ("FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"),
                ("FELIX_IPV6SUPPORT", "false"),
                ("FELIX_LOGSEVERITYSCREEN", "info"),
            ),
            mounts=(
                Mount("/lib/modules", "/lib/modules"),
                Mount("/run/docker/plugins", "/run/docker/plugins"),
                Mount("/var/log/calico", "/var/log/calico"),
                Mount("/var/run/calico", "/var/run/calico"),
                Mount("/var/run/docker.sock", "/var/run/docker.sock"),
            ),
        ),
    }
)


def render_preset(preset: Preset) -> str:
    """Return what a preset gives, as comments for a configuration file."""
    usual = PRESETS[preset]
    datastore = "KUBECONFIG" if preset is Preset.KUBERNETES else "ETCD_*"
    lines = [f"# [node] preset {preset.value!r} gives calico/node beside NODENAME, IP and {datastore}:"]
    lines += [f"#   {name}={value}" for name, value in usual.env]
    lines += [f"#   {mount.source}:{mount.destination}{':ro' if mount.read_only else ''}" for mount in usual.mounts]
    return "\n".join(lines) + "\n"
