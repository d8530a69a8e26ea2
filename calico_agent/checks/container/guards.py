"""What speaks against starting calico/node here, whoever would start it: its name is another machine's, or something
else already does its work on this host.

calico/node itself takes a name that another host uses without a word
(node/pkg/lifecycle/startup/startup.go:1142@v3.32.1). Each finding here bars a start (`Finding.bars_start`), and so does
an address that another node record has (`checks.identity.peers`); what already runs is left alone.
"""

from collections.abc import Iterator

from calico_agent.checks.records import delete_node, in_kubernetes
from calico_agent.checks.sentences import since_when
from calico_agent.expected.view import View
from calico_agent.faults.node.container import SV_PORT, SV_RIVAL
from calico_agent.faults.node.names import NAME_CLAIMED, NAME_CLONED, NAME_NO_NODE, NAME_UNCLAIMED
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.host.claimant import Machine, this_machine
from calico_agent.model.host.conflicting_process import ConflictingProcess, in_the_way
from calico_agent.model.host.machine import Host
from calico_agent.model.name_lease import LeaseStatus, NameLease, claim_on
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.text import listed

_HOSTNAME = "kubernetes.io/hostname"
_NOT_STARTED = "calico-agent does not start calico/node"


def find_guards(view: View) -> Iterator[Finding]:
    """Yield everything that bars a start."""
    yield from _name(view)
    yield from _rivals(view)


def _name(view: View) -> Iterator[Finding]:
    host, kernel = view.observation.host, view.kernel
    name = view.identity.name.name if view.supervised else view.local.name
    if view.cluster is None or kernel is None or isinstance(host, Unreadable) or name is None:
        return
    if view.observation.datastore_trouble is not None:
        return  # a claim of some time ago may have lapsed since
    datastore = view.cluster.datastore
    machine = this_machine(host, kernel.links, view.identity)
    claim = claim_on(name, datastore.claims)
    standing = claim.standing(machine, datastore.registered(name), view.identity.addresses, long_up=host.long_up)
    if standing in {LeaseStatus.HELD, LeaseStatus.CLONED}:
        yield _claimed(view, name, claim, machine, cloned=standing is LeaseStatus.CLONED)
    kubernetes = in_kubernetes(view)
    if view.supervised and kubernetes and datastore.node(name) is None:
        yield _no_node(view, name, host)
    trouble = view.observation.claim_trouble
    reason = datastore.claims_trouble or (trouble.reason if trouble and trouble.code == "denied" else "")
    if view.supervised and reason:
        yield NAME_UNCLAIMED.finding(
            name,
            f"the node name {name} cannot be claimed in {'the Kubernetes API' if kubernetes else 'etcd'}: {reason}",
            effect="another machine that is given this name is not noticed before both run under it",
            cure="kubectl apply -f supervise.yaml (config/kubernetes)"
            if kubernetes
            else "let the etcd user of calico-agent read and write the keys below /calico-agent/",
            node=name,
        )


def _claimed(view: View, name: str, claim: NameLease, machine: Machine, *, cloned: bool) -> Finding:
    """The finding of HELD and CLONED."""
    holder = claim.against(machine)
    assert holder is not None
    node = view.cluster.nodes.get(name) if view.cluster else None
    signs = "its agent gives signs of life" if claim.alive else "its agent gave no sign of life for the last minute"
    if claim.alive is None and node is not None:
        registered = [str(address.ip) for address in (node.ipv4, node.ipv6) if address is not None]
        signs = f"{signs}, but node {name} is registered with {listed(tuple(registered))}, which is not this host's"
    by_kubelet = claim.kubelet is not None and holder is claim.kubelet.machine
    if by_kubelet:
        signs = f"the Kubernetes Node {name} says that its kubelet runs there (status.nodeInfo)"
    runs = view.local.container is not None and view.local.container.alive and view.local.name == name
    gone = f"if {holder.hostname or 'that machine'} is gone for good: {delete_node(view, name)}"
    if cloned:
        what = f"another machine with the machine-id of this one, {holder}, has the node name {name}"
        cure = (
            "one disk was cloned from the other; on the clone: rm -f /etc/machine-id /var/lib/dbus/machine-id && "
            "systemd-machine-id-setup, give it a host name of its own and reboot; if this is that machine with another "
            f"{'board' if by_kubelet else 'network card'}: {delete_node(view, name)}"
        )
    else:
        whose = f"another machine's, {holder}" if by_kubelet else f"claimed by another machine, {holder}"
        what = f"the node name {name} is {whose}"
        cure = f"give this host a name of its own ([identity] name, or hostnamectl set-hostname NAME); {gone}"
    return (NAME_CLONED if cloned else NAME_CLAIMED).finding(
        name,
        what,
        why=signs if by_kubelet else f"claimed {since_when(claim)}; {signs}",
        effect="two machines overwrite one node record, and the routes of both go astray" if runs else _effect(view),
        cure=cure,
        node=name,
        severity=None if runs or view.supervised else Severity.WARNING,
        bars_start=True,
    )


def _no_node(view: View, name: str, host: Host) -> Finding:
    assert view.cluster is not None
    alike = [
        one.name for one in view.cluster.datastore.nodes if dict(one.labels).get(_HOSTNAME) == host.hostname.lower()
    ]
    if alike:
        why = f"the kubelet of this host is Node {alike[0]} (label {_HOSTNAME}={host.hostname.lower()})"
        cure = f'[identity] name = "{alike[0]}"'
    elif host.kubelet is not None:
        why = f"a kubelet runs here (process {host.kubelet.pid}), and has registered none of that name"
        cure = 'journalctl -u kubelet tells what keeps it; where it uses another name: [identity] name = "THAT NAME"'
    else:
        why = "no kubelet runs here, which would make one"
        cure = "systemctl start kubelet, after the host has joined the cluster (kubeadm join)"
    effect = "calico/node would end at its start: it writes its address into that Node, and cannot make one"
    what = f"Kubernetes has no Node {name}"
    return NAME_NO_NODE.finding(name, what, why=why, effect=effect, cure=cure, node=name, bars_start=True)


def _effect(view: View) -> str:
    return _NOT_STARTED if view.supervised else "calico/node must not be started here under that name"


def _rivals(view: View) -> Iterator[Finding]:
    """Second managers that are not containers of calico/node."""
    container = view.local.container
    runs = container is not None and container.alive
    if not (runs or view.supervised):
        return  # another container runtime may run calico/node here: then these are its own programs
    name = (view.identity.name.name if view.supervised else view.local.name) or ""
    registered = [view.local.registered(family) for family in Family]
    addresses = view.identity.addresses | {address.ip for address in registered if address is not None}
    bgp = view.cluster.bgp if view.cluster is not None else BgpSettings()
    for rival in in_the_way(view.observation.rivals, bgp, name, addresses):
        if rival.program:
            yield _second_manager(view, rival)
        elif not runs:
            yield _port(view, rival)


def _second_manager(view: View, rival: ConflictingProcess) -> Finding:
    also = f" and has the BGP port {rival.port}" if rival.port else ""
    harm = {
        "BIRD": "two BIRDs delete each other's routes: each takes every route of protocol bird for its own",
        "Felix": "two Felix undo each other's routes and rules",
    }.get(rival.program, "two who write BIRD's configuration undo each other's work")
    return SV_RIVAL.finding(
        f"{rival.program} {_place(rival)}",
        f"{rival.program} runs on this host outside of calico/node{also}: {rival.command} (pid {rival.pid})",
        why=_where(rival),
        effect=harm,
        cure=_stop(rival),
        node=view.me,
        bars_start=True,
    )


def _port(view: View, rival: ConflictingProcess) -> Finding:
    who = f"{rival.command} (pid {rival.pid})" if rival.pid else "a process that calico-agent cannot see"
    return SV_PORT.finding(
        _place(rival),
        f"TCP port {rival.port}, on which BIRD waits for its peers, is taken by {who}",
        why=_where(rival),
        effect="calico/node's BIRD could not listen: only sessions that it opens itself would come up",
        cure=_stop(rival),
        node=view.me,
        bars_start=True,
    )


def _place(rival: ConflictingProcess) -> str:
    """What stays the same when the process is started again."""
    return rival.unit or rival.container[:12] or rival.command.partition(" ")[0] or f"port {rival.port}"


def _where(rival: ConflictingProcess) -> str:
    if rival.container:
        return f"it belongs to container {rival.container[:12]}"
    return f"it belongs to {rival.unit}" if rival.unit else ""


def _stop(rival: ConflictingProcess) -> str:
    if rival.container:
        return f"docker stop {rival.container[:12]}, or remove the pod whose container it is, and what starts it again"
    if rival.unit.endswith(".service"):
        return f"systemctl disable --now {rival.unit}"
    if not rival.pid:
        return f"ss -ltnp 'sport = :{rival.port}' names it; stop it and what starts it"
    return f"kill {rival.pid}, and stop what starts it"
