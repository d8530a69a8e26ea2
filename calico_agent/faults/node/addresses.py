"""The addresses with which nodes are registered."""

from calico_agent.faults.node.names import NAME_TWICE, WRONG_NAME
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.scopes import same_node, this_host
from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping, Scope

IP_ELSEWHERE = Fault(
    code="IP-ELSEWHERE",
    title="a node has another address than it is registered with",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
The record of another node has an address that the node does not have, or from which its
connections do not come: it was made anew or moved, and IP empty keeps what was registered, or it
registered a container bridge that only it has. BIRD there cannot use that address. Or it is one
that no other host can send to: of its own tunnel, of a loopback, of one link, of a network.

Found while no session with the registered address is up: by the agent on that node, by the node's
own record of its links (Calico v3.31 and later), or by who tries to open a session with this host
meanwhile.

On the host of that node, start calico/node anew with its address: IP=ADDRESS (IP6 for IPv6).""",
)

IP_CONFLICT = Fault(
    code="IP-CONFLICT",
    title="two nodes are registered with one address",
    condition=ConditionType.IDENTITY_CONFIRMED,
    one_for_each=Scope.PREFIX,
    explanation="""\
Each node builds BGP sessions to all others by their registered addresses and skips its own. Two
nodes with one address skip each other and share the sessions of the rest: the routes of one of
them, or of both, are wrong everywhere.

Found in the node records, and by comparing them with the addresses on this host's links. Often
one of the two is an old name of the same machine (renamed, or registered by its full name once),
or a cloned disk.

If one record is a leftover: `calicoctl delete node NAME`, which also frees its blocks. If both
hosts live: give the wrong one its own address (IP=).""",
)

IP_BRIDGE = Fault(
    code="IP-BRIDGE",
    title="a node is registered with the address of a container bridge",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(same_node(*WRONG_NAME),),
    explanation="""\
calico/node was left to find the address itself and took the one of a bridge for containers,
172.17.0.1 on docker0 as a rule. Every host with Docker has that address. The other nodes expect
the node's BGP sessions from there, refuse them from its true address ("Unexpected connect from
unknown address"), and get no route to its pods; with VXLAN their routes look right, but the
tunnelled packets go to their own docker0.

Found by comparing the registered address with the networks that Docker lists and with bridges
that have no physical port, on this host. For another node's record that is enough: such an
address cannot be reached from here.

On the host of that node, give calico/node the address: IP=ADDRESS/LENGTH and NODENAME=NAME
in the container's environment (a new container: `docker restart` keeps the old environment),
or run calico-agent there in supervise mode. An empty IP is not enough: it keeps what the
record says.""",
)

IP_NOT_LOCAL = Fault(
    code="IP-NOT-LOCAL",
    title="an address of this node is on no link of this host",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN), same_node(*WRONG_NAME)),
    explanation="""\
BIRD binds its sessions to the registered address. When no link has it ("bind: Cannot assign
requested address"), every session of this node stays down. The address was changed under
calico/node, written wrongly, or is another host's.

Found by looking for the registered (or configured) address among all addresses of all links.

Register the address that the host has: restart calico/node with IP=ADDRESS/LENGTH, or correct
[identity] ipv4 in the configuration of calico-agent.""",
)

IP_MISMATCH = Fault(
    code="IP-MISMATCH",
    title="the registered address is another than the one this host should have",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(same_node(*WRONG_NAME),),
    explanation="""\
The node is registered with an address of this host, but the configuration, or the way the kernel
takes to the other nodes, calls for another one. Traffic may take the wrong network card, or be
refused.

Found by comparing the node record with `calico-agent detect`. An error when something speaks
against the registered address itself (a tunnel, a floating address, a link that is down), else a
warning.

Decide which is right. Restart calico/node with IP=, or write the address into [identity]
ipv4.""",
)

IP_CHANGED = Fault(
    code="IP-CHANGED",
    title="the address of this host changed under calico/node",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN),),
    explanation="""\
The address that calico-agent had chosen for this node is gone from this host, or something new
says that nobody reaches it: its link is a tunnel now, Docker took its bridge, another machine has
it. calico/node goes on with the old one, at which the other nodes can no longer reach it.

Found by holding the last choice (identity.json in the state directory) against the links of this
host. An added link, a pulled cable, another address that was configured first or another opinion of
a rule change nothing.

With [identity] on_change = "replace" calico-agent replaces the container when the change outlives
the hold-down. With "report": put the old address back, or remove the container, and calico-agent
makes it anew with the new one.""",
)

IP_PREFIX = Fault(
    code="IP-PREFIX",
    title="a node is registered with another prefix length than its link has",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(same_node(IP_BRIDGE, IP_CONFLICT, IP_ELSEWHERE, IP_NOT_LOCAL),),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
With CrossSubnet a node reaches others through a tunnel unless they are inside its own registered
network. Registered with /32 (/128), all others count as being in another subnet, and everything is
tunnelled: slower, with a smaller MTU, and one way only where just one node is registered so.
Registered with a shorter prefix than its link has, nodes behind a router are taken for near ones.

Found by comparing the record with the addresses of this host's links, and by full prefix lengths of
nodes whose address is in this host's own network, while a pool has CrossSubnet.

Start calico/node with the prefix length: IP=ADDRESS/LENGTH. A bare IP6 is always taken for a /128.""",
)

# What is sent to the address of the node comes to another host, or to none.
WRONG_HOST = (IP_BRIDGE, IP_CONFLICT, NAME_TWICE, IP_ELSEWHERE)

# The registered address is not the one that this host should have: whoever chooses the right one cures that.
WRONG_ADDRESS = (IP_BRIDGE, IP_NOT_LOCAL, IP_MISMATCH)
