"""Addresses with two users, and pods of this host in blocks of a node that it is no more.

Local routes into pods' links are made by the CNI plugin and Felix from the pod's own record, whatever the blocks say.
So the blocks, the tunnel addresses and the links of this host are asked whose the address is. An address that Calico
gave to nobody is none of these: pods may have addresses of their own choice (ipAddrsNoIpam).
"""

from collections.abc import Iterator

from calico_agent.checks.commands import restart_here
from calico_agent.checks.sentences import as_before
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.pods import HostRoute, contested, former_names, host_routes
from calico_agent.expected.view import View
from calico_agent.faults.routes.pods import RT_ADDRESS_TWICE, RT_WORKLOAD_ELSEWHERE
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import host_prefix
from calico_agent.text import counted, listed


def find_users(view: View, cluster: Cluster, kernel: Kernel) -> Iterator[Finding]:
    """Yield each address that two have, as far as it is seen from here, and pods here that another node's blocks are
    for.
    """
    if view.local.name is None or view.starting:
        return
    node = cluster.nodes.get(view.local.name)
    for kind, address in node.tunnel_addresses() if node is not None else ():
        if (holder := view.observation.given.get(address)) is not None:
            yield _given_to_pod(view, kind, address, holder)
    yield from _own_addresses(view, cluster, kernel)
    stranded = stranded_pods(view, cluster, kernel)
    for owner, pods in stranded.items():
        yield _stranded(view, cluster, owner, pods)
    for route, _ in contested(view, cluster, kernel):
        holder = view.observation.given.get(route.address)
        if holder is not None and not (route.gateway is None and holder in stranded):
            yield _two_pods(view, cluster, route, holder)


def stranded_pods(view: View, cluster: Cluster, kernel: Kernel) -> dict[str, list[HostRoute]]:
    """Return pods here by the node whose blocks they are in, where this host was that node: no other host has these.

    None that is recorded for the node that this host is now: it has borrowed its address. 2.x writes that down nowhere.
    """
    former, pods = former_names(view, cluster), view.observation.pods
    records = pods.records if isinstance(pods, WorkloadEndpoints) else ()
    ours = {one.link for one in records if one.node == view.local.name}
    found: dict[str, list[HostRoute]] = {}
    for route, cidr in contested(view, cluster, kernel) if former else ():
        owner = cluster.blocks[key_of(cidr)].owner
        if route.gateway is None and owner is not None and owner in former and route.device not in ours:
            found.setdefault(owner, []).append(route)
    return found


def _own_addresses(view: View, cluster: Cluster, kernel: Kernel) -> Iterator[Finding]:
    """Pods here that have an address of this host's own links, or the tunnel address of another node."""
    carried = {held.address: link.name for link in kernel.links for held in link.addresses}
    for route in host_routes(kernel):
        if route.gateway is not None:
            continue
        ends = [end for end in cluster.tunnels.get(route.address, ()) if end.node != view.local.name]
        if (link := carried.get(route.address)) is not None:
            yield _twice(
                route.address,
                f"{route.address} has two users on this host: {link} of the host itself, and the pod on {route.device}",
                why=f"ip addr show {link} has {route.address}, and found: {route.address} dev {route.device}",
                effect="the host keeps the pod's packets: the pod gets none",
                cure=f"start the pod on {route.device} anew, so that it gets another address"
                f"{_released(view, cluster, route.address)}",
                node=view.me,
            )
        elif ends:
            yield _twice(
                route.address,
                f"{route.address} has two users: the {ends[0].kind} device of node {ends[0].node}, and the pod on "
                f"{route.device} of this host",
                why=f"the record of {ends[0].node} says {route.address}, and found: {route.address} dev {route.device}",
                effect=f"what {ends[0].node} itself sends to this host and its pods is answered to that pod",
                cure=f"start the pod on {route.device} anew, so that it gets another address",
                node=view.me,
            )


def _released(view: View, cluster: Cluster, address: IPAddress) -> str:
    """What is to be done before, where Calico has the host's own address for a pod's."""
    given = view.observation.held or ()
    ours = any(end.node == view.local.name for end in cluster.tunnels.get(address, ()))
    restart = f"; {restart_here(view)} gives the host another tunnel address"
    return restart if ours and address in given else ""


def _given_to_pod(view: View, kind: str, address: IPAddress, holder: str) -> Finding:
    return _twice(
        address,
        f"{address} has two users: the {kind} device of this host, and a pod of node {holder}",
        why=f"the record of {view.me} has it as its tunnel address, and Calico gave it to a pod of {holder}",
        effect="the host keeps that pod's packets"
        if holder == view.local.name
        else f"what this host itself sends through the tunnel is answered to {holder}",
        cure=f"{restart_here(view)} on this host; it then takes another tunnel address",
        node=view.me,
    )


def _two_pods(view: View, cluster: Cluster, route: HostRoute, holder: str) -> Finding:
    whom = "this host" if holder == view.local.name else f"node {holder}"
    if route.gateway is None:
        users = f"a pod of node {holder}, to which Calico gave it, and the pod on {route.device} of this host"
        cure = f"start the pod on {route.device} anew, so that it gets an address of its own"
        effect = f"this host and those that hear of it from here send packets for the pod of {holder} to the pod here"
    else:
        other = next(iter(cluster.holders.get(route.gateway, ())), str(route.gateway))
        users = f"a pod of {whom}, to which Calico gave it, and one of node {other}"
        cure = f"on {other}: ip route show {route.address}; start the pod on that link anew"
        effect = f"packets of this host for the pod of {holder} go to {other}"
    found = f"via {route.gateway} dev {route.device}" if route.gateway is not None else f"dev {route.device}"
    return _twice(
        route.address,
        f"{route.address} has two users: {users}",
        why=f"Calico's block has it for {holder}; found: {route.address} {found}",
        effect=effect,
        cure=cure,
        node=view.me,
    )


def _twice(address: IPAddress, what: str, *, why: str, effect: str, cure: str, node: str) -> Finding:
    prefix = host_prefix(address)
    return RT_ADDRESS_TWICE.finding(str(address), what, why=why, effect=effect, cure=cure, node=node, prefix=prefix)


def _stranded(view: View, cluster: Cluster, owner: str, pods: list[HostRoute]) -> Finding:
    addresses = listed(tuple(str(pod.address) for pod in pods))
    devices = listed(tuple(pod.device for pod in pods))
    record = "is registered with an address of this host" if owner in cluster.nodes else "has no record"
    return RT_WORKLOAD_ELSEWHERE.finding(
        owner,
        f"{counted(len(pods), 'pod')} of this host {'has an address' if len(pods) == 1 else 'have addresses'} of node "
        f"{owner}, and calico/node runs here as {view.local.name}: {addresses}",
        why=f"their blocks are {owner}'s, a node that {record}, and {devices} are links of this host",
        effect=f"nobody advertises the blocks of {owner}: these pods cannot be reached from other nodes",
        cure=f"{as_before(view, owner)}; or start these pods anew",
        node=view.me,
    )
