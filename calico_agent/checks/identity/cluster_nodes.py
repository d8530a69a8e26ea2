"""What Kubernetes says of this host and of nodes that something is amiss with, held against what Calico has."""

from collections.abc import Iterator
from datetime import timedelta

from calico_agent.checks.commands import restart_here
from calico_agent.checks.records import delete_node
from calico_agent.expected.view import View, in_words
from calico_agent.faults.node.kubernetes import IP_INTERNAL, NODE_NOT_READY
from calico_agent.model.finding import ConditionType, Finding, Severity
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import host_prefix
from calico_agent.model.recency import age_of
from calico_agent.text import listed


def find_cluster_nodes(view: View) -> Iterator[Finding]:
    """Yield nodes that are not ready, and an address of this host that Kubernetes has otherwise."""
    for node in view.observation.cluster_nodes.values():
        if node is not None and node.ready is not True:
            yield _not_ready(view, node)
    own = view.observation.cluster_nodes.get(view.local.name or "")
    if own is not None:
        yield from _internal(view, own)


def _not_ready(view: View, node: ClusterNode) -> Finding:
    here = node.name == view.local.name
    age = age_of(node.since, view.observation.at) if node.since is not None else None
    silent = node.ready is None
    state = "its kubelet is not heard any more" if silent else "its kubelet says so itself"
    words = f"{node.reason}: {node.message}" if node.message else node.reason
    kept = [*(["cordoned"] if node.cordoned else []), *node.barring()]
    host = "this host" if here else node.name
    look = f"on {host}: systemctl status kubelet; kubectl describe node {node.name} has its last words"
    gone = f"; if that machine is gone for good: {delete_node(view, node.name)}" if silent and not here else ""
    network = f"; if the network is what it lacks: {restart_here(view)}"
    return NODE_NOT_READY.finding(
        node.name,
        f"node {node.name} is not ready in Kubernetes{_for(age)}: {state}",
        why=f"Ready is {'Unknown' if silent else 'False'}{f' ({words})' if words else ''}"
        + (f"; it is {listed(tuple(kept))}" if kept else ""),
        effect="no new pods come to this host, and after five minutes those that are here are moved away"
        if here
        else f"pods of {node.name} are moved away after five minutes; until it is back they cannot be reached",
        cure=f"{look}{network if here and not silent else gone}",
        node=node.name,
        severity=Severity.WARNING if here else Severity.ERROR,
        condition=ConditionType.CONTAINER_RUNNING if here else ConditionType.BGP_ESTABLISHED,
    )


def _for(age: timedelta | None) -> str:
    return f", for {in_words(age).removesuffix(' ago')}" if age is not None else ""


def _internal(view: View, own: ClusterNode) -> Iterator[Finding]:
    for family in Family:
        registered = view.local.node.registered(family) if view.local.node is not None else None
        internal = [address for address in own.internal if address.version == family]
        if registered is None or not internal or registered.ip in internal:
            continue
        there = view.local.candidate(internal[0])
        usable = there is not None and there.accepted and not _in_pool(view, internal[0])
        if there is None:
            cure = "restart the kubelet, which reports the address of today; see its --node-ip"
        elif usable:
            cure = "IP_AUTODETECTION_METHOD=kubernetes-internal-ip, if pods are to go that way, too"
        else:
            cure = f"start the kubelet with --node-ip={registered.ip}"
        yield IP_INTERNAL.finding(
            own.name,
            f"the InternalIP of this host in Kubernetes is {internal[0]}, and Calico registered {registered.ip}",
            why=f"{internal[0]} is on {there.link}" if there is not None else f"no link of this host has {internal[0]}",
            effect="none by itself: nodes are reached at the one, pods of other nodes by the other"
            if usable
            else "logs, exec and pods of the host's network are looked for where this host is not reached",
            cure=cure,
            node=own.name,
            family=family,
            severity=None if usable else Severity.WARNING,
        )


def _in_pool(view: View, address: IPAddress) -> bool:
    """Whether the kubelet took the address of a tunnel, which no other host can reach it by."""
    return view.cluster is not None and view.cluster.pools.covering(key_of(host_prefix(address))) is not None
