"""Catalogue: the names of nodes, and their records."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.IDENTITY_CONFIRMED)

ENTRIES = (
    _entry(
        "NAME-TWICE",
        "another machine runs calico/node under a node's name",
        """\
The record of a node has the address of another machine: calico/node was started there under a name
that is in use. Packets for the pods of that node go to the wrong machine, and its own BIRD cannot
use the address of its record.

Found by the agents of both machines, each of which says in etcd which address it has. Only agents
that supervise do.

On the machine with the wrong name, start calico/node anew under its own (NODENAME); then restart
calico/node on the other, which registers its address again.""",
    ),
    _entry(
        "NAME-SOURCES",
        "places that name this host differ",
        """\
Pods are registered under the name that the CNI plugin finds, their routes are made by calico/node
under its own, and Kubernetes knows the node by the kubelet's name. Where these differ networking
looks right and does not work, or works until the next restart: /var/lib/calico/nodename wins over
the host name when calico/node is started without NODENAME.

Found by comparing the chosen name with the kubelet's --hostname-override, the CNI configuration in
/etc/cni/net.d and /var/lib/calico/nodename; `calico-agent detect` shows them side by side.

Decide which name is right ([identity] name where it is not the one that is chosen) and correct the
place that is named.""",
        Severity.WARNING,
    ),
    _entry(
        "NAME-MISMATCH",
        "calico/node runs under another node's name",
        """\
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
    ),
    _entry(
        "NAME-LOCALHOST",
        "the host name is localhost",
        """\
A node called localhost is shared by every machine with that host name: each overwrites the record
of the others.

Found when no name is configured and the host name is localhost.

Set the host name (`hostnamectl set-hostname NAME`), or write [identity] name.""",
    ),
    _entry(
        "NAME-INVALID",
        "the node name is not valid",
        """\
Calico takes lower-case letters, digits, '-' and '.', and refuses to start with anything else;
Calico 2.x takes capitals and '_' as well ([datastore] api = "v2").

Found by the same rule as Calico's before anything is started.

Write a valid name into [identity] name.""",
    ),
    _entry(
        "NAME-UNKNOWN",
        "the host name cannot be read",
        """\
No name is configured and the host name cannot be read, so there is no node name.

HOST-UNREADABLE says why.

Write [identity] name, or cure the cause.""",
        Severity.WARNING,
    ),
    _entry(
        "NODE-NO-RECORD",
        "a node has no record in the datastore",
        """\
The other nodes know a node only by its record. Without it they have no BGP session for it and no
route to its pods; its own sessions are closed by the peers. `calicoctl delete node` on a living
node does this, and frees its addresses, which may then be given out a second time.

Found by looking up the name calico/node runs under; for other nodes, when IPAM blocks belong to a
name without record.

For this host: restart calico/node, which registers it again; its pods need new addresses. For a
node that is gone: release its blocks (`calicoctl ipam release`, or `calicoctl ipam check`).""",
    ),
    _entry(
        "NODE-NO-ADDRESS",
        "a node is registered without any address",
        """\
BGP sessions and tunnels lead to registered addresses. A node without any gets none.

Found in the node record: spec.bgp has neither ipv4Address nor ipv6Address.

Start calico/node of that host with IP=ADDRESS/LENGTH.""",
    ),
)
