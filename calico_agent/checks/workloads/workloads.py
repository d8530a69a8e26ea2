"""The pods of this host: each has a link with a host route into it, and a record, under the name of this node.

The CNI plugin makes link, route and record. Felix keeps the route, and writes one that somebody took away only at its
next full resync, up to 90 s later (RouteRefreshInterval in felix/config/config_params.go@v3.28.5); it takes away routes
to pods that have no record. `calicoctl delete node` deletes the records of the node's pods as well
(libcalico-go/lib/clientv3/node.go@v3.32.1), which run on, and nobody makes these records anew.

A link without a record may be what is left of a pod that failed to go, as long as other pods here have records: that is
a warning. Where records cannot be read, a link without a route alone proves nothing, nor does an address without a
route: such addresses leak. Where there are both, a pod is cut off.

A link that was made anew under its old name is another link: its pod was started again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from calico_agent.checks.commands import restart_where
from calico_agent.checks.identity.own_name import same_host
from calico_agent.checks.records import in_kubernetes
from calico_agent.checks.sentences import as_before, cure_here
from calico_agent.expected.pods import is_lost, lost_addresses, unled_links
from calico_agent.expected.view import View
from calico_agent.faults.routes.pods import (
    RT_WORKLOAD_ELSEWHERE,
    RT_WORKLOAD_GONE,
    RT_WORKLOAD_MISSING,
    RT_WORKLOAD_UNKNOWN,
)
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.finding import Finding, Severity, Writer
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import IPAddress, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.text import counted, listed


def find_workloads(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield pods without a route, pods without a record, records without a pod."""
    if view.starting or not view.local.felix.syncs_routes:
        return
    links, lost = unled_links(kernel), lost_addresses(view, kernel)
    pods = view.observation.pods
    if not isinstance(pods, WorkloadEndpoints):
        known = f"Calico gave {_shown(lost)} to pods of this host"
        yield from (_without_route(view, link, known) for link in links if lost)
        return
    records = {one.link: one for one in pods.records if one.node == view.local.name}
    elsewhere = {one.link: one for one in pods.records if one.node != view.local.name}
    asked = [link for link in links if link.index in pods.about]
    for link in asked:
        if (record := records.get(link.name)) is not None and any(is_lost(kernel, one) for one in record.addresses):
            yield _without_route(view, link, f"{record.pod} is recorded with {_shown(record.addresses)}")
    yield from _half_routed(view, [link for link in kernel.links if link not in links], records, frozenset(lost))
    unknown = [link for link in asked if link.name not in records and link.up and link.running]
    yield from _recorded_elsewhere(view, [link for link in unknown if link.name in elsewhere], elsewhere)
    here = {link.name for link in kernel.links}
    known = "here" if here & records.keys() else "elsewhere" if records else ""
    yield from _unknown(view, [link for link in unknown if link.name not in elsewhere], known)
    yield from _without_link(view, kernel, records.values(), frozenset(lost))


def _half_routed(
    view: View, links: Iterable[Link], records: Mapping[str, WorkloadEndpoint], lost: frozenset[IPAddress]
) -> Iterator[Finding]:
    """Pods of which one address has a route and another, which is theirs by IPAM as well, has none."""
    for link in links:
        record = records.get(link.name)
        gone = tuple(one for one in record.addresses if one in lost) if record is not None else ()
        if record is not None and gone:
            known = f"{record.pod} is recorded with {_shown(record.addresses)}"
            yield _without_route(view, link, known, f"{_shown(gone)} behind {link.name}")


def _without_route(view: View, link: Link, known: str, whereto: str = "") -> Finding:
    """`whereto` are the addresses that no route leads to, where others of the pod have one."""
    state, cure = _state(link)
    return RT_WORKLOAD_MISSING.finding(
        link.name,
        f"no route leads to {whereto or link.name}, the link of a pod of this host{state}",
        why=f"{known}, and no route leads there",
        effect=f"the pod gets no packets{' there' if whereto else ''}, not even from its own host",
        cure=cure,
        node=view.me,
        writer=Writer.FELIX,
        instance=str(link.index),
    )


def _state(link: Link) -> tuple[str, str]:
    """What is wrong with the link itself, as the end of a sentence, and the cure."""
    if not link.up:
        return ", which is switched off", f"ip link set {link.name} up"
    if not link.running:
        return ", whose other end in the pod is down", "look into the pod: its own link must be up"
    named = f"calicoctl get workloadendpoint --all-namespaces -o wide | grep {link.name}"
    return "", f"Felix writes the route again within 90 s; if not: {named}"


_WHY_UNKNOWN = {
    "here": "",
    "elsewhere": " (calico/node runs here as {name}, whose pods are on another host)",
    "": " (their records went with the node's)",
}


def _unknown(view: View, links: list[Link], known: str) -> Iterator[Finding]:
    """The first stands for all, and says how many they are. `known`: where pods are that Calico knows of this node."""
    names = listed(tuple(link.name for link in links))
    gone = _WHY_UNKNOWN[known].format(name=view.local.name)
    called = _called_otherwise(view) if known != "here" else ""
    first = f"if {view.local.name} is another machine: {_under_its_own_name(view, called)}; then " if called else ""
    for link in links:
        one = f"{link.name} is the link of a pod that is unknown to Calico"
        yield RT_WORKLOAD_UNKNOWN.finding(
            link.name,
            f"{_pods(len(links))} of this host {_are(len(links))} unknown to Calico{gone}: {names}"
            if link is links[0]
            else one,
            why=f"no workload endpoint of node {view.local.name} names {names}, and no route leads there",
            effect="these pods get no packets; Calico may give their addresses to others",
            cure=f"{first}start these pods anew; "
            f"ip -d link show {link.name} shows the network namespace of one (link-netns)",
            node=view.me,
            severity=Severity.WARNING if known == "here" else Severity.ERROR,
            instance=str(link.index),
        )


def _recorded_elsewhere(view: View, links: list[Link], records: Mapping[str, WorkloadEndpoint]) -> Iterator[Finding]:
    nodes = listed(tuple(dict.fromkeys(records[link.name].node for link in links)))
    pods = listed(tuple(records[link.name].pod for link in links))
    for link in links:
        record = records[link.name]
        yield RT_WORKLOAD_ELSEWHERE.finding(
            link.name,
            f"{_pods(len(links))} of this host {_are(len(links))} recorded for node {nodes}, and calico/node runs here "
            f"as {view.local.name}: {pods}"
            if link is links[0]
            else f"{record.pod} ({link.name}) is recorded for node {record.node}",
            why=f"the record of {record.pod} says {_shown(record.addresses)} on {link.name}, a link that is here",
            effect="no route leads to these pods, neither here nor from other nodes",
            cure=f"{as_before(view, record.node)}; or start these pods anew",
            node=view.me,
            writer=Writer.FELIX,
            instance=str(link.index),
        )


def _without_link(
    view: View, kernel: Kernel, records: Collection[WorkloadEndpoint], lost: frozenset[IPAddress]
) -> Iterator[Finding]:
    names = {link.name for link in kernel.links}
    gone = [one for one in records if one.link not in names and lost.intersection(one.addresses)]
    if not gone:
        return
    if len(gone) == len(records) and (called := _called_otherwise(view)):
        yield _perhaps_another(view, gone, called)
        return
    pods = listed(tuple(one.pod for one in gone))
    for one in sorted(gone, key=lambda one: one.key):
        yield RT_WORKLOAD_GONE.finding(
            one.link,
            f"{_pods(len(gone))} recorded for this host {'has' if len(gone) == 1 else 'have'} no link: {pods}"
            if one is min(gone, key=lambda one: one.key)
            else f"{one.pod}, recorded for this host, has no link {one.link}",
            why=f"{one.pod} is recorded with {_shown(one.addresses)} on {one.link}, and there is no such link",
            effect="nobody answers under these addresses; nobody else gets them",
            cure=f"if the pod is gone: calicoctl ipam release --ip={one.addresses[0]}, and {_deletion(view, one)}",
            node=view.me,
        )


def _called_otherwise(view: View) -> str:
    """How this machine is called, where that is no form of the name that calico/node runs under; else empty."""
    host, running = view.observation.host, view.local.name
    called = host.hostname if isinstance(host, Host) else ""
    return called if running is not None and not same_host(called, running) else ""


def _under_its_own_name(view: View, called: str) -> str:
    """In this order: calico/node refuses an address that another record has."""
    return (
        f"{_restart_of(view)}, which registers its own address again "
        f"if it is given one (IP=); then here: {cure_here(view, f'NODENAME={called.lower()}')}"
    )


def _restart_of(view: View) -> str:
    name = view.local.name or ""
    return restart_where(view, name, f"the host that is node {name}")


def _perhaps_another(view: View, gone: list[WorkloadEndpoint], called: str) -> Finding:
    """No pod of the node is here: its records may be those of another machine's pods, which live."""
    node, pods = view.local.name, listed(tuple(one.pod for one in gone))
    return RT_WORKLOAD_GONE.finding(
        min(one.link for one in gone),
        f"no pod of node {node} is on this machine, which is called {called}: calico/node here may have taken the name "
        "of another machine",
        why=f"{_pods(len(gone))} recorded for {node}, and no link of this host is one of theirs: {pods}",
        effect=f"if so, the record of {node} has the address of this host, and nobody reaches the pods of {node}",
        cure=f"if {node} is another machine: {_under_its_own_name(view, called)}; else these pods are gone: "
        f"calicoctl ipam release --ip={gone[0].addresses[0]}, and {_deletion(view, gone[0])}",
        node=view.me,
    )


def _deletion(view: View, one: WorkloadEndpoint) -> str:
    """The command that deletes a record: in the Kubernetes API it is the pod itself."""
    if in_kubernetes(view):
        return f"kubectl -n {one.namespace or 'default'} delete pod {one.name}"
    if not one.namespace:
        return f"ETCDCTL_API=2 etcdctl rm {one.key}"
    return f"calicoctl delete workloadendpoint {one.name} --namespace={one.namespace}"


def _pods(number: int) -> str:
    return counted(number, "pod")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _shown(addresses: Iterable[IPAddress]) -> str:
    return listed(tuple(map(str, addresses)))
