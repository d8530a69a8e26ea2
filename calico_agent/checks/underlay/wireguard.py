"""Whether what is to be encrypted between nodes is.

Felix makes a WireGuard device, writes its public key into the node's record, and encrypts what goes to nodes that have
one (felix/wireguard/wireguard.go of projectcalico/calico@v3.28.5). Where the kernel cannot, it goes on without, and
packets travel in the clear, as do those to nodes without a key: nothing is lost, and nothing else shows it.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import logs_here, restart_here
from calico_agent.checks.felix import where_told
from calico_agent.checks.sentences import in_family
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.faults.routes.underlay import RT_WIREGUARD
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel

_SETTINGS = {Family.IPV4: "wireguardEnabled", Family.IPV6: "wireguardEnabledV6"}


def find_wireguard(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield this host without WireGuard although it is asked for, else the other nodes without."""
    cluster, own = view.cluster, view.local.node
    if cluster is None or own is None or view.starting:
        return
    for family in sorted(view.local.felix.wireguard):
        if own.registered(family) is None:
            continue
        if not own.wireguard_key(family):
            yield _own(view, kernel, family)
            continue
        for node in cluster.datastore.nodes:
            if node.registered(family) is not None and not node.wireguard_key(family) and _asked(cluster, node, family):
                yield _other(node, family)


def _asked(cluster: Cluster, node: Node, family: Family) -> bool:
    """Whether Felix on another node is asked for it, as far as the datastore says."""
    recorded = dict(cluster.datastore.felix_nodes).get(node.name, ())
    return family in cluster.datastore.felix.told(recorded).wireguard


def _own(view: View, kernel: Kernel, family: Family) -> Finding:
    there = any(link.kind == "wireguard" for link in kernel.links)
    restart = restart_here(view)
    return RT_WIREGUARD.finding(
        in_family(view.me, family),
        "WireGuard is asked for, and this host has none: its packets to pods of other nodes are not encrypted",
        why=f"{where_told(view, _SETTINGS[family], 'true')}; the record of {view.me} has no public key for IPv{family}"
        f"{'' if there or not kernel.links else ', and the kernel has no WireGuard device'}",
        effect="packets between the pods here and those of other nodes travel in the clear",
        cure=f"{logs_here(view)}: look for wireguard"
        if there
        else f"modprobe wireguard on this host, then {restart}; Linux before 5.6 needs the module installed",
        node=view.me,
        family=family,
    )


def _other(node: Node, family: Family) -> Finding:
    return RT_WIREGUARD.finding(
        in_family(node.name, family),
        f"node {node.name} has no WireGuard: packets between its pods and those of this host are not encrypted",
        why=f"the record of {node.name} has no public key for IPv{family}, and that of this host has one",
        effect="they travel in the clear",
        cure=f"on {node.name}: modprobe wireguard, then restart calico/node",
        node=node.name,
        family=family,
    )
