"""Catalogue: BIRD itself."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.BGP_ESTABLISHED)

ENTRIES = (
    _entry(
        "BIRD-DOWN",
        "BIRD is not running",
        """\
Nothing answers on BIRD's control socket. Routes stay in the kernel as they were; peers drop the
routes to this host's pods after at most four minutes.

Found by connecting to /var/run/calico/bird.ctl: no socket, or one that nobody listens on.

calico/node restarts BIRD within a second of a crash, so it lasts only when BIRD has no valid
configuration (confd) or calico/node is not up. `docker logs calico-node`.""",
    ),
    _entry(
        "BIRD-HUNG",
        "BIRD does not answer",
        """\
BIRD's process is there but does not serve its control socket. Its sessions run out of hold time,
and its peers drop the routes to this host's pods after some minutes.

Found when no greeting comes within the deadline, or when the socket's queue is full.

`docker exec calico-node sv restart bird`, or restart the container. Look for a stopped (state T)
or blocked process.""",
    ),
    _entry(
        "BIRD-DISABLED",
        "a part of BIRD is switched off",
        """\
One of the protocols by which BIRD knows the links, the networks and the blocks of this host and
writes into the kernel's table is down. They come up by themselves: somebody disabled it by hand.

Found in BIRD's list of protocols.

`birdcl enable NAME` inside the container, or a restart of calico/node.""",
    ),
    _entry(
        "BIRD-LINK",
        "BIRD takes a link for down that is up",
        """\
BIRD does not know any more that this host is on the network of this link, so it finds the next
hops there by another way, mostly the default route: packets for pods go to the router, which may
send them on, send them back, or drop them. That happens when a floating address (keepalived,
kube-vip) was the first of its subnet on the link and went away: the kernel makes the next address
the first one, and BIRD 1.6 does not notice.

Found in BIRD's own list of links: down, though switched on, with carrier and an address. Or in the
kernel's table: all of BIRD's routes to the nodes of a network of this host take the gateway.

Restart BIRD in the container; nothing else does it. Give floating addresses as /32, so that they
never are the first of the subnet.""",
        condition=ConditionType.ROUTES_IN_PLACE,
    ),
    _entry(
        "BIRD-UNREADABLE",
        "BIRD cannot be asked",
        """\
The control socket exists, but it may not be used, what answers is not the BIRD of Calico or ends
the conversation, or this agent itself cannot open a connection (its limit of open files).

Found by asking it for its status. Whether BIRD works is not known then.

Run calico-agent as root; [bird] in the configuration names the sockets.""",
        Severity.WARNING,
    ),
    _entry(
        "BGP-RECOVERING",
        "BIRD was started and waits for its peers before it writes routes",
        """\
calico/node starts BIRD in graceful restart recovery: until every peer has sent its routes, it
writes none into the kernel, not even for this node's own blocks, and advertises nothing. Routes
of before stay. A peer that can never come up holds it for the whole wait, 240 seconds; a host
that has no routes from before is without any for so long.

Found in BIRD's status ("Graceful restart recovery in progress") and in the sessions whose "GR
recovery" is pending, when routes are missing or wrong meanwhile.

It ends by itself. Cure the peers that are named: `calico-agent status` lists them as problems of
their own where more is known; `calicoctl delete node` for those that are gone for good.""",
        condition=ConditionType.ROUTES_IN_PLACE,
    ),
)
