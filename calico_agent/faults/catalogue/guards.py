"""Catalogue: what speaks against starting calico/node here. How a name is claimed: `model.name_lease`."""

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity


def _entry(
    code: str, condition: ConditionType, title: str, explanation: str, severity: Severity = Severity.ERROR
) -> Entry:
    return Entry(code, title, explanation, severity, condition=condition)


ENTRIES = (
    _entry(
        "NAME-CLAIMED",
        ConditionType.IDENTITY_CONFIRMED,
        "the node name is another machine's",
        """\
Two machines under one node name overwrite each other's record: the peers connect to the one that
wrote last, and the routes of both go astray. Calico does not notice. So each calico-agent that
supervises claims its name in etcd (/calico-agent/v1/names/NAME) before it starts calico/node.

Found by comparing machine-id, boot and network cards of this machine with those of the claim. A
claim whose agent is silent still counts, because that agent may only be cut off from etcd, unless
the name has no node record any more or is registered with this machine's own address.

Give one of the two a name of its own. If the other machine is gone for good:
`calicoctl delete node NAME`, and the name is free a minute after its agent's last sign of life.""",
    ),
    _entry(
        "NAME-CLONED",
        ConditionType.IDENTITY_CONFIRMED,
        "another machine has this one's machine-id and its node name",
        """\
One disk was cloned from the other: both machines have the same machine-id and the same host name,
and would run as one node.

Found in the claim on the name in etcd: it carries this machine-id, but another boot and other
network cards. A machine that was rebooted keeps its cards and is not taken for a clone; one that
was rebooted with other cards and another address is, because nothing tells the two apart.

On the clone: `rm -f /etc/machine-id /var/lib/dbus/machine-id`, `systemd-machine-id-setup`, another
host name, reboot. For new cards in the old machine: `calicoctl delete node NAME`.""",
    ),
    _entry(
        "NAME-UNCLAIMED",
        ConditionType.IDENTITY_CONFIRMED,
        "the node name cannot be claimed",
        """\
The etcd user of calico-agent may not use the keys below /calico-agent/. calico/node is started all
the same, but a second machine with the same name is not noticed before both run.

Found when etcd denies reading or writing the claim.

Give the user the permission: `etcdctl role grant-permission ROLE --prefix=true readwrite
/calico-agent/`.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-RIVAL",
        ConditionType.CONTAINER_RUNNING,
        "another BIRD, Felix or confd runs on this host",
        """\
A program that does calico/node's work runs outside of its container: a BIRD of the distribution,
a Felix from a package, or the pod of a DaemonSet under another container runtime. Two BIRDs delete
each other's routes, two Felix undo each other's rules.

Found among the processes of this host that share its network namespace, may change routes
(CAP_NET_ADMIN) and belong to no calico/node container; the control group says which unit or
container runs them.

Stop it together with what starts it again: `systemctl disable --now UNIT`, or take calico/node out
of the DaemonSet for this host.""",
    ),
    _entry(
        "SV-PORT",
        ConditionType.CONTAINER_RUNNING,
        "the BGP port is taken",
        """\
BIRD listens on TCP port 179 (or the listenPort of the BGPConfiguration). Another program has it,
so the peers of this host could not connect: sessions would come up only where this host is the one
that connects.

Found in the kernel's table of listening sockets while no calico/node runs here.

Stop the program that is named, with what starts it again, or give it another port.""",
    ),
)
