"""Pod CIDRs of nodes that overlap, where IPAM is host-local: each node gives addresses of its own without asking."""

from collections.abc import Iterator

from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.faults.routes.blocks import RT_POD_CIDRS
from calico_agent.model.calico.node import Affinity
from calico_agent.model.finding import Finding
from calico_agent.model.network.prefix import key_of


def host_local(view: View) -> bool:
    """True if a node's blocks are the pod CIDRs that Kubernetes gave it."""
    settings = view.observation.datastore_settings
    return settings is not None and settings.kubernetes is not None and settings.kubernetes.pod_cidrs


def find_pod_cidrs(view: View, cluster: Cluster) -> Iterator[Finding]:
    """Yield each that lies in another node's, or is the same."""
    if not host_local(view):
        return
    around: list[Affinity] = []
    for one in sorted(cluster.datastore.affinities, key=_place):
        last = int(one.cidr.broadcast_address)
        around = [wide for wide in around if wide.cidr.version == one.cidr.version and last <= _end(wide)]
        other = next((wide for wide in around if wide.node != one.node), None)
        if other is not None:
            yield _overlap(view, one, other)
        around.append(one)


def _place(one: Affinity) -> tuple[int, int, int, str]:
    version, length, network = key_of(one.cidr)
    return version, network, length, one.node


def _end(one: Affinity) -> int:
    return int(one.cidr.broadcast_address)


def _overlap(view: View, one: Affinity, other: Affinity) -> Finding:
    same = one.cidr == other.cidr
    what = f"nodes {other.node} and {one.node} have the same pod CIDR, {one.cidr}"
    if not same:
        what = f"the pod CIDR {one.cidr} of node {one.node} lies in {other.cidr}, that of node {other.node}"
    node = other.node if one.node == view.local.name else one.node
    return RT_POD_CIDRS.finding(
        str(one.cidr),
        what,
        why=f"spec.podCIDRs of both Node objects; {one.node} and {other.node} both give addresses of it to their pods",
        effect=f"pods of both may have one address, and packets for it go to {one.node} alone",
        cure=f"kubectl delete node {node}; then on {node}: systemctl restart kubelet, and start its pods anew. What "
        "gives pod CIDRs: --cluster-cidr and --node-cidr-mask-size of kube-controller-manager",
        node=one.node,
        prefix=one.cidr,
    )
