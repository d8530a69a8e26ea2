"""The name of this node, and who else has it."""

from calico_agent.model.finding import ConditionType, Fault, Severity

NAME_TWICE = Fault(
    code="NAME-TWICE",
    title="another machine runs calico/node under a node's name",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
The record of a node has the address of another machine: calico/node was started there under a name
that is in use. Packets for the pods of that node go to the wrong machine, and its own BIRD cannot
use the address of its record.

Found by the agents of both machines, each of which says in etcd which address it has. Only agents
that supervise do.

On the machine with the wrong name, start calico/node anew under its own (NODENAME); then restart
calico/node on the other, which registers its address again.""",
)

NAME_SOURCES = Fault(
    code="NAME-SOURCES",
    title="places that name this host differ",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
Pods are registered under the name that the CNI plugin finds, their routes are made by calico/node
under its own, and Kubernetes knows the node by the kubelet's name. Where these differ networking
looks right and does not work, or works until the next restart: /var/lib/calico/nodename wins over
the host name when calico/node is started without NODENAME.

Found by comparing the chosen name with the kubelet's --hostname-override, the CNI configuration in
/etc/cni/net.d and /var/lib/calico/nodename; `calico-agent detect` shows them side by side.

Decide which name is right ([identity] name where it is not the one that is chosen) and correct the
place that is named.""",
)

NAME_MISMATCH = Fault(
    code="NAME-MISMATCH",
    title="calico/node runs under another node's name",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
calico/node took a name that belongs to another host: from NODENAME, or from
/var/lib/calico/nodename, which a cloned disk brings along and which wins over the host name. It
then believes to be that node: it skips the session to it, builds one to itself, deletes the
routes to its own pods, and nobody advertises them.

Found by comparing the name calico/node runs under with the host's own, and the address in that
node's record with the addresses on this host's links. A warning when only the configured name
differs, or when this machine is called otherwise since its node was made: a host name is no
reason to make another node, which would come without blocks and pods, and calico-agent keeps the
name under which the machine is registered.

Remove the container and start it with NODENAME=NAME written out; delete /var/lib/calico/nodename
first. In supervise mode calico-agent hands the name over itself.""",
)

NAME_CLAIMED = Fault(
    code="NAME-CLAIMED",
    title="the node name is another machine's",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
Two machines under one node name overwrite each other's record: the peers connect to the one that
wrote last, and the routes of both go astray. Calico does not notice. So each calico-agent that
supervises claims its name before it starts calico/node: in etcd (/calico-agent/v1/names/NAME), or
by a Lease of the Kubernetes API (namespace calico-agent).

Found by comparing machine-id, boot and network cards of this machine with those of the claim. A
claim whose agent is silent still counts, because that agent may only be cut off, unless the name
has no node record any more or is registered with this machine's own address. In the Kubernetes API
the Node of the name counts, too: its kubelet says on which machine it runs.

Give one of the two a name of its own. If the other machine is gone for good:
`calicoctl delete node NAME` (`kubectl delete node NAME`), and the name is free a minute after its
agent's last sign of life.""",
)

NAME_CLONED = Fault(
    code="NAME-CLONED",
    title="another machine has this one's machine-id and its node name",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
One disk was cloned from the other: both machines have the same machine-id and the same host name,
and would run as one node.

Found in the claim on the name: it carries this machine-id, but another boot and other network
cards. A machine that was rebooted keeps its cards and is not taken for a clone; one that was
rebooted with other cards and another address is, because nothing tells the two apart. Or found in
the Kubernetes Node of the name: it has this machine-id, but another boot and the UUID of another
board.

On the clone: `rm -f /etc/machine-id /var/lib/dbus/machine-id`, `systemd-machine-id-setup`, another
host name, reboot. For new cards in the old machine: `calicoctl delete node NAME`.""",
)

NAME_NO_NODE = Fault(
    code="NAME-NO-NODE",
    title="Kubernetes has no Node of this name",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
Where Calico keeps its data in the Kubernetes API, calico/node writes its address into the Node of
its name, which a kubelet makes. It cannot make one, and ends where there is none.

Found among the Nodes that the API lists.

Start the kubelet of this host, or give calico-agent the name that the kubelet uses ([identity]
name): `kubectl get nodes -L kubernetes.io/hostname` shows both.""",
)

NAME_UNCLAIMED = Fault(
    code="NAME-UNCLAIMED",
    title="the node name cannot be claimed",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
The user of calico-agent may not use the keys of etcd below /calico-agent/, or the Leases of the
namespace calico-agent in the Kubernetes API. calico/node is started all the same, but a second
machine with the same name is not noticed before both run; with Kubernetes it is where the Node says
that its kubelet runs on another machine.

Found when reading or writing the claim is denied.

Give the user the permission: `etcdctl role grant-permission ROLE --prefix=true readwrite
/calico-agent/`, or `kubectl apply -f supervise.yaml` (config/kubernetes).""",
)

# Another host has this one's name, or this host another's: what is said of the record may be about either.
WRONG_NAME = (NAME_MISMATCH, NAME_CLAIMED, NAME_CLONED)
