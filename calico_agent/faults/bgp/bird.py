"""BIRD itself."""

from calico_agent.faults.agent import AGENT_FILES, DOCKER_DOWN
from calico_agent.faults.node.container import NO_CONTAINER, SV_STUCK
from calico_agent.faults.node.names import NAME_MISMATCH
from calico_agent.faults.node.programs import SV_CONFD, SV_RESTARTING
from calico_agent.faults.node.registration import NODE_NO_ADDRESS, NODE_NO_RECORD
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

_NOT_CONFIGURED = (SV_STUCK, NODE_NO_RECORD, NODE_NO_ADDRESS, SV_CONFD)

BIRD_DOWN = Fault(
    code="BIRD-DOWN",
    title="BIRD is not running",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(this_host(NAME_MISMATCH, SV_RESTARTING, *NO_CONTAINER, DOCKER_DOWN, *_NOT_CONFIGURED),),
    explanation="""\
Nothing answers on BIRD's control socket. Routes stay in the kernel as they were; peers drop the
routes to this host's pods after at most four minutes.

Found by connecting to /var/run/calico/bird.ctl: no socket, or one that nobody listens on.

calico/node restarts BIRD within a second of a crash, so it lasts only when BIRD has no valid
configuration (confd) or calico/node is not up. `docker logs calico-node`.""",
)

BIRD_HUNG = Fault(
    code="BIRD-HUNG",
    title="BIRD does not answer",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(this_host(AGENT_FILES, NAME_MISMATCH, SV_RESTARTING, *NO_CONTAINER, *_NOT_CONFIGURED),),
    explanation="""\
BIRD's process is there but does not serve its control socket. Its sessions run out of hold time,
and its peers drop the routes to this host's pods after some minutes.

Found when no greeting comes within the deadline, or when the socket's queue is full.

`docker exec calico-node sv restart bird`, or restart the container. Look for a stopped (state T)
or blocked process.""",
)

BIRD_DISABLED = Fault(
    code="BIRD-DISABLED",
    title="a part of BIRD is switched off",
    condition=ConditionType.BGP_ESTABLISHED,
    explanation="""\
One of the protocols by which BIRD knows the links, the networks and the blocks of this host and
writes into the kernel's table is down. They come up by themselves: somebody disabled it by hand.

Found in BIRD's list of protocols.

`birdcl enable NAME` inside the container, or a restart of calico/node.""",
)

BIRD_LINK = Fault(
    code="BIRD-LINK",
    title="BIRD takes a link for down that is up",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
BIRD does not know any more that this host is on the network of this link, so it finds the next
hops there by another way, mostly the default route: packets for pods go to the router, which may
send them on, send them back, or drop them. That happens when a floating address (keepalived,
kube-vip) was the first of its subnet on the link and went away: the kernel makes the next address
the first one, and BIRD 1.6 does not notice.

Found in BIRD's own list of links: down, though switched on, with carrier and an address. Or in the
kernel's table: all of BIRD's routes to the nodes of a network of this host take the gateway.

Restart BIRD in the container; nothing else does it. Give floating addresses as /32, so that they
never are the first of the subnet.""",
)

BIRD_UNREADABLE = Fault(
    code="BIRD-UNREADABLE",
    title="BIRD cannot be asked",
    severity=Severity.WARNING,
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(this_host(AGENT_FILES, NAME_MISMATCH, SV_RESTARTING, *NO_CONTAINER, *_NOT_CONFIGURED),),
    explanation="""\
The control socket exists, but it may not be used, what answers is not the BIRD of Calico or ends
the conversation, or this agent itself cannot open a connection (its limit of open files).

Found by asking it for its status. Whether BIRD works is not known then.

Run calico-agent as root; [bird] in the configuration names the sockets.""",
)

# Nothing writes the routes that BIRD should.
NO_BIRD = (BIRD_DOWN, BIRD_HUNG, SV_RESTARTING)
