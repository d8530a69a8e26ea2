"""Why it cannot be told who this host is: the refusals of a name or an address."""

from calico_agent.faults.agent import HOST_UNREADABLE, KERNEL_UNREADABLE
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CHANGED, WRONG_ADDRESS
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

NAME_LOCALHOST = Fault(
    code="NAME-LOCALHOST",
    title="the host name is localhost",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN),),
    explanation="""\
A node called localhost is shared by every machine with that host name: each overwrites the record
of the others.

Found when no name is configured and the host name is localhost.

Set the host name (`hostnamectl set-hostname NAME`), or write [identity] name.""",
)

NAME_INVALID = Fault(
    code="NAME-INVALID",
    title="the node name is not valid",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN),),
    explanation="""\
Calico takes lower-case letters, digits, '-' and '.', and refuses to start with anything else;
Calico 2.x takes capitals and '_' as well ([datastore] api = "v2").

Found by the same rule as Calico's before anything is started.

Write a valid name into [identity] name.""",
)

NAME_UNKNOWN = Fault(
    code="NAME-UNKNOWN",
    title="the host name cannot be read",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN, HOST_UNREADABLE),),
    explanation="""\
No name is configured and the host name cannot be read, so there is no node name.

HOST-UNREADABLE says why.

Write [identity] name, or cure the cause.""",
)

IP_AMBIGUOUS = Fault(
    code="IP-AMBIGUOUS",
    title="several addresses could be this host's",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN, IP_CHANGED, *WRONG_ADDRESS),),
    explanation="""\
More than one address is left after all that cannot be right are taken out, and no rule decides
between them; or the ways out of the kernel begin at one address against which something speaks, and
a weaker rule names another. Of two addresses of one network the kernel sends from the one that was
configured first, which says nothing. calico-agent does not guess: in supervise mode it does not
start calico/node.

`calico-agent detect` shows every address with the verdict on it, and what each rule says.

Write the right one into the configuration: [identity] ipv4 = "ADDRESS".""",
)

IP_NONE = Fault(
    code="IP-NONE",
    title="no address of this host can be the node's",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN, IP_CHANGED, IP_BRIDGE),),
    explanation="""\
Every address of every link is rejected, each for the reason that `calico-agent detect` shows. In
supervise mode calico/node is not started.

Found by looking at all links, at Docker's networks and at the cluster's pools.

Bring the host's network up, or write the address into [identity] ipv4 where a rejection is
mistaken.""",
)

IP_REJECTED = Fault(
    code="IP-REJECTED",
    title="the configured address cannot be used",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN),),
    explanation="""\
The configuration names an address that other nodes can never reach: a container bridge's, one of
a pod pool, one that is valid on this host only. In supervise mode calico/node is not started with
it.

Found by applying to it the same tests as to every other address (`calico-agent detect`).

Write the address of the host's own network into [identity] ipv4, or "auto".""",
)

IP_UNKNOWN = Fault(
    code="IP-UNKNOWN",
    title="the addresses of this host cannot be read",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(RT_LINK_DOWN, KERNEL_UNREADABLE),),
    explanation="""\
Without the kernel's list of links nothing can be said about the address.

Found when netlink does not answer; KERNEL-UNREADABLE says why.

It passes with its cause.""",
)

# calico/node is not started while this host has no name or no address for it.
NO_IDENTITY = (IP_AMBIGUOUS, IP_NONE, IP_REJECTED, IP_UNKNOWN, NAME_LOCALHOST, NAME_INVALID, NAME_UNKNOWN)
