"""The six conditions, explained for people (`calico-agent explain RoutesInPlace`).

They have no severity: a problem has. A file of its own, beside the declarations of faults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from calico_agent.model.finding import ConditionType


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a condition asks; then when it is False and when Unknown, and what to do."""

    title: str
    explanation: str


_STATUSES = """\
Unknown while it cannot be told: a source cannot be read, calico/node was started just now, or a
fault is only suspected (it has not lasted for [agent] hold_down_seconds) and the condition was not
True before."""

_TEXTS = {
    ConditionType.IDENTITY_CONFIRMED: (
        "whether this host is registered as the node that it is",
        f"""\
True when the node record in the datastore carries this host's name and address, and nobody else
claims them. False when name or address are wrong, missing, or another host's: the codes IP-...,
NAME-... and NODE-... say which, and how to put it right.

{_STATUSES}

`calico-agent detect` prints every address and name with the verdict on it.""",
    ),
    ConditionType.DATASTORE_REACHABLE: (
        "whether etcd can be read, and what it says is believed",
        f"""\
True while the records of nodes, pools and blocks are current. Without it routes are held against
the last reading, whose age is told, and nothing new is started: DS-UNREADABLE, DS-SHRUNK.

{_STATUSES}

Look at the endpoints, certificates and the user in [datastore], or in the environment of the
calico/node container that the settings were taken from.""",
    ),
    ConditionType.CONTAINER_RUNNING: (
        "whether the calico/node container runs and does its work",
        f"""\
True while Docker says that it runs, and its programs do. False when it ended, is paused, crashes
again and again, or one of its programs hangs: the codes SV-... say which, with the line of its log.

{_STATUSES}
So it is, too, while Docker cannot be asked, or BIRD answers and Docker has no calico/node.

`docker logs calico-node`; in mode supervise the agent starts it again by itself.""",
    ),
    ConditionType.BGP_ESTABLISHED: (
        "whether BIRD has its sessions with the other nodes",
        f"""\
True when all sessions are established that Calico's configuration asks for, when there are none,
and where BIRD is not used. False when one is down: the codes BGP-... and BIRD-... say whose fault.

{_STATUSES}
So it is, too, while BIRD recovers from a restart.

The table at the end of `calico-agent status` shows each session with BIRD's own words.""",
    ),
    ConditionType.ROUTES_IN_PLACE: (
        "whether the kernel has the right route to the pods of every node",
        f"""\
True when every block of addresses that another node owns has a route here, which leads to that
node and is used. False when one is missing, leads elsewhere, or drops its packets: the codes RT-...
say which; the cause is often another condition's, and then that problem explains it.

{_STATUSES}

`calico-agent routes` lists each expected route beside what the kernel has, `calico-agent trace IP`
says where a packet goes.""",
    ),
    ConditionType.HOST_PREPARED: (
        "whether this host and its cluster fulfil what Calico needs",
        f"""\
True when no check of the preflight fails: kernel settings and modules, firewall, network managers,
CNI, kube-proxy, certificates, disks. A warning leaves it True, and so does what cannot be told.
False when one fails: the codes HOST-... say which. It bars no start of calico/node. It is missing
until the checks were made for the first time.

{_STATUSES}

`calico-agent preflight` prints every check, with the reason for it and the cure; it needs no
running agent, no configuration and no calico/node.""",
    ),
}

CONDITIONS: Mapping[str, Explanation] = MappingProxyType(
    {kind.value: Explanation(title, text) for kind, (title, text) in _TEXTS.items()}
)
