"""What the first calico/node of a cluster writes for all: cluster information, tiers, pools, Felix's
settings.

Shapes as recorded from v3.31.7; settings as in node/pkg/lifecycle/startup/startup.go@v3.31.7.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from tests.lab.image.keys import POOLS, new_resource, resource_key
from tests.lab.image.store import Store

_TIERS = {
    "default": {"order": 1000000, "defaultAction": "Deny"},
    "adminnetworkpolicy": {"order": 1000, "defaultAction": "Pass"},
    "baselineadminnetworkpolicy": {"order": 10000000, "defaultAction": "Pass"},
}
_FELIX = {
    "bpfLogLevel": "",
    "bpfConnectTimeLoadBalancing": "TCP",
    "bpfHostNetworkedNATWithoutCTLB": "Enabled",
    "floatingIPs": "Disabled",
}
_MODES = {"": "Never", "never": "Never", "off": "Never", "always": "Always", "crosssubnet": "CrossSubnet"}


class ContradictionError(Exception):
    """Settings that exclude each other."""


def ensure_cluster(store: Store, environment: Mapping[str, str]) -> None:
    """Cluster information and tiers, if nobody wrote them yet."""
    cluster: dict[str, Any] = {"clusterGUID": uuid.uuid4().hex, "datastoreReady": True}
    if kind := ",".join(filter(None, (environment.get("CLUSTER_TYPE"), "kdd" if store.kubernetes else ""))):
        cluster["clusterType"] = kind
    _create(store, "clusterinformations", "default", cluster)
    for name, spec in _TIERS.items():
        _create(store, "tiers", name, spec)


def ensure_felix(store: Store, node: str) -> None:
    """Felix's settings, of the cluster and, in etcd, of this node."""
    _create(store, "felixconfigurations", "default", {"logSeverityScreen": "Info", "reportingInterval": "0s", **_FELIX})
    if not store.kubernetes:
        _create(store, "felixconfigurations", f"node.{node}", {"defaultEndpointToHostAction": "Return", **_FELIX})


def ensure_pools(store: Store, environment: Mapping[str, str]) -> None:
    """The default pool of each family that has none.

    Raises:
        ContradictionError: a CIDR is given although no pools are wanted.
    """
    if environment.get("NO_DEFAULT_POOLS") == "true":
        if environment.get("CALICO_IPV4POOL_CIDR") or environment.get("CALICO_IPV6POOL_CIDR"):
            raise ContradictionError(
                "Invalid configuration with NO_DEFAULT_POOLS defined and CALICO_IPV4POOL_CIDR or "
                "CALICO_IPV6POOL_CIDR defined."
            )
        return
    existing = [value["spec"]["cidr"] for value in store.list(POOLS).items.values() if value]
    for version, fallback, size in ((4, "192.168.0.0/16", 26), (6, "", 122)):
        cidr = environment.get(f"CALICO_IPV{version}POOL_CIDR") or fallback
        has_pool = any((":" in other) == (version == 6) for other in existing)
        wanted = version == 4 or environment.get("FELIX_IPV6SUPPORT") == "true"
        if has_pool or not wanted or cidr in {"", "none"}:
            continue
        spec: dict[str, Any] = {
            "cidr": cidr,
            "vxlanMode": _mode(environment.get(f"CALICO_IPV{version}POOL_VXLAN", "")),
            "ipipMode": _mode(environment.get("CALICO_IPV4POOL_IPIP", "")) if version == 4 else "Never",
            "blockSize": int(environment.get(f"CALICO_IPV{version}POOL_BLOCK_SIZE") or size),
            "nodeSelector": environment.get(f"CALICO_IPV{version}POOL_NODE_SELECTOR") or "all()",
            "allowedUses": ["Workload", "Tunnel"],
            "assignmentMode": "Automatic",
        }
        if environment.get(f"CALICO_IPV{version}POOL_NAT_OUTGOING", "true" if version == 4 else "") == "true":
            spec["natOutgoing"] = True
        if environment.get(f"CALICO_IPV{version}POOL_DISABLE_BGP_EXPORT") == "true":
            spec["disableBGPExport"] = True
        _create(store, "ippools", f"default-ipv{version}-ippool", spec)


def _mode(text: str) -> str:
    return _MODES[text.lower().replace("-", "")]


def _create(store: Store, plural: str, name: str, spec: dict[str, Any]) -> None:
    store.create(resource_key(plural, name), new_resource(plural, name, spec))
