"""Catalogue: the addresses of this host, and those that nodes are registered with."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.IDENTITY_CONFIRMED)

ENTRIES = (
    _entry(
        "IP-PREFIX",
        "a node is registered with another prefix length than its link has",
        """\
With CrossSubnet a node reaches others through a tunnel unless they are inside its own registered
network. Registered with /32 (/128), all others count as being in another subnet, and everything is
tunnelled: slower, with a smaller MTU, and one way only where just one node is registered so.
Registered with a shorter prefix than its link has, nodes behind a router are taken for near ones.

Found by comparing the record with the addresses of this host's links, and by full prefix lengths of
nodes whose address is in this host's own network, while a pool has CrossSubnet.

Start calico/node with the prefix length: IP=ADDRESS/LENGTH. A bare IP6 is always taken for a /128.""",
        Severity.WARNING,
    ),
    _entry(
        "IP-ELSEWHERE",
        "a node has another address than it is registered with",
        """\
The record of another node has an address that the node does not have, or from which its
connections do not come: it was made anew or moved, and IP empty keeps what was registered, or it
registered a container bridge that only it has. BIRD there cannot use that address. Or it is one
that no other host can send to: of its own tunnel, of a loopback, of one link, of a network.

Found while no session with the registered address is up: by the agent on that node, by the node's
own record of its links (Calico v3.31 and later), or by who tries to open a session with this host
meanwhile.

On the host of that node, start calico/node anew with its address: IP=ADDRESS (IP6 for IPv6).""",
    ),
    _entry(
        "IP-BRIDGE",
        "a node is registered with the address of a container bridge",
        """\
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
    ),
    _entry(
        "IP-CONFLICT",
        "two nodes are registered with one address",
        """\
Each node builds BGP sessions to all others by their registered addresses and skips its own. Two
nodes with one address skip each other and share the sessions of the rest: the routes of one of
them, or of both, are wrong everywhere.

Found in the node records, and by comparing them with the addresses on this host's links. Often
one of the two is an old name of the same machine (renamed, or registered by its full name once),
or a cloned disk.

If one record is a leftover: `calicoctl delete node NAME`, which also frees its blocks. If both
hosts live: give the wrong one its own address (IP=).""",
    ),
    _entry(
        "IP-NOT-LOCAL",
        "an address of this node is on no link of this host",
        """\
BIRD binds its sessions to the registered address. When no link has it ("bind: Cannot assign
requested address"), every session of this node stays down. The address was changed under
calico/node, written wrongly, or is another host's.

Found by looking for the registered (or configured) address among all addresses of all links.

Register the address that the host has: restart calico/node with IP=ADDRESS/LENGTH, or correct
[identity] ipv4 in the configuration of calico-agent.""",
    ),
    _entry(
        "IP-MISMATCH",
        "the registered address is another than the one this host should have",
        """\
The node is registered with an address of this host, but the configuration, or the way the kernel
takes to the other nodes, calls for another one. Traffic may take the wrong network card, or be
refused.

Found by comparing the node record with `calico-agent detect`. An error when something speaks
against the registered address itself (a tunnel, a floating address, a link that is down), else a
warning.

Decide which is right. Restart calico/node with IP=, or write the address into [identity]
ipv4.""",
        Severity.WARNING,
    ),
    _entry(
        "IP-CHANGED",
        "the address of this host changed under calico/node",
        """\
The address that calico-agent had chosen for this node is gone from this host, or something new
says that nobody reaches it: its link is a tunnel now, Docker took its bridge, another machine has
it. calico/node goes on with the old one, at which the other nodes can no longer reach it.

Found by holding the last choice (identity.json in the state directory) against the links of this
host. An added link, a pulled cable, another address that was configured first or another opinion of
a rule change nothing.

With [identity] on_change = "replace" calico-agent replaces the container when the change outlives
the hold-down. With "report": put the old address back, or remove the container, and calico-agent
makes it anew with the new one.""",
    ),
    _entry(
        "IP-AMBIGUOUS",
        "several addresses could be this host's",
        """\
More than one address is left after all that cannot be right are taken out, and no rule decides
between them; or the ways out of the kernel begin at one address against which something speaks, and
a weaker rule names another. Of two addresses of one network the kernel sends from the one that was
configured first, which says nothing. calico-agent does not guess: in supervise mode it does not
start calico/node.

`calico-agent detect` shows every address with the verdict on it, and what each rule says.

Write the right one into the configuration: [identity] ipv4 = "ADDRESS".""",
    ),
    _entry(
        "IP-NONE",
        "no address of this host can be the node's",
        """\
Every address of every link is rejected, each for the reason that `calico-agent detect` shows. In
supervise mode calico/node is not started.

Found by looking at all links, at Docker's networks and at the cluster's pools.

Bring the host's network up, or write the address into [identity] ipv4 where a rejection is
mistaken.""",
    ),
    _entry(
        "IP-REJECTED",
        "the configured address cannot be used",
        """\
The configuration names an address that other nodes can never reach: a container bridge's, one of
a pod pool, one that is valid on this host only. In supervise mode calico/node is not started with
it.

Found by applying to it the same tests as to every other address (`calico-agent detect`).

Write the address of the host's own network into [identity] ipv4, or "auto".""",
    ),
    _entry(
        "IP-UNKNOWN",
        "the addresses of this host cannot be read",
        """\
Without the kernel's list of links nothing can be said about the address.

Found when netlink does not answer; KERNEL-UNREADABLE says why.

It passes with its cause.""",
        Severity.WARNING,
    ),
)
