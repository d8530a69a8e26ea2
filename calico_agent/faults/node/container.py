"""The container of calico/node, and what bars its start."""

from calico_agent.faults.datastore import DS_UNREADABLE
from calico_agent.faults.node.addresses import IP_CONFLICT
from calico_agent.faults.node.identity import NO_IDENTITY
from calico_agent.faults.node.names import NAME_CLAIMED, NAME_CLONED, NAME_NO_NODE
from calico_agent.faults.node.supervision import SV_CRASHLOOP, SV_IMAGE, SV_STOPPED
from calico_agent.faults.preflight.machine import HOST_DISK
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

SV_RIVAL = Fault(
    code="SV-RIVAL",
    title="another BIRD, Felix or confd runs on this host",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
A program that does calico/node's work runs outside of its container: a BIRD of the distribution,
a Felix from a package, or the pod of a DaemonSet under another container runtime. Two BIRDs delete
each other's routes, two Felix undo each other's rules.

Found among the processes of this host that share its network namespace, may change routes
(CAP_NET_ADMIN) and belong to no calico/node container; the control group says which unit or
container runs them.

Stop it together with what starts it again: `systemctl disable --now UNIT`, or take calico/node out
of the DaemonSet for this host.""",
)

SV_PORT = Fault(
    code="SV-PORT",
    title="the BGP port is taken",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
BIRD listens on TCP port 179 (or the listenPort of the BGPConfiguration). Another program has it,
so the peers of this host could not connect: sessions would come up only where this host is the one
that connects.

Found in the kernel's table of listening sockets while no calico/node runs here.

Stop the program that is named, with what starts it again, or give it another port.""",
)

SV_FOREIGN = Fault(
    code="SV-FOREIGN",
    title="somebody else's calico/node container is in the way",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
calico-agent is to supervise calico/node, but the container that runs was made by somebody else
(by hand, by a unit, by a DaemonSet). It is watched, and not touched.

Found by the label that calico-agent puts on containers it makes. What taking over would change is
told, secrets without their value.

Stop the other manager for good, then remove the container: a unit (systemctl disable --now UNIT)
or a DaemonSet (calico-agent manifest split) would start its own again, and is named where it is
seen. What nothing but Docker starts again is replaced with [supervise] take_over = true, and runs
again if its successor does not get ready.""",
)

SV_TWO = Fault(
    code="SV-TWO",
    title="two calico/node containers run on this host",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
Both write the same routes, rules and BIRD sockets, and each undoes what the other did.

Found by asking Docker for all containers of its image or with its name that share the host's
network and start it. A shell or a single program of the image is none.

Stop one of them together with whatever starts it: a unit, a DaemonSet, a restart policy.""",
)

# Another host or another program would suffer from a start.
START_REFUSED = (NAME_CLAIMED, NAME_CLONED, NAME_NO_NODE, IP_CONFLICT, SV_RIVAL, SV_PORT)

SV_ABSENT = Fault(
    code="SV-ABSENT",
    title="there is no calico/node container",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(*NO_IDENTITY, *START_REFUSED, SV_IMAGE, HOST_DISK),),
    explanation="""\
Nothing programs routes and policies on this host. Routes that BIRD left behind stay until
somebody removes them.

Found by asking Docker for containers of the calico/node image or with its name, and because no
BIRD answers either.

In supervise mode calico-agent makes it. Otherwise start it as this cluster does.""",
)

SV_EXITED = Fault(
    code="SV-EXITED",
    title="calico/node exited",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(*START_REFUSED),),
    explanation="""\
The container stopped by itself. Its routes stay for now; peers drop the routes to this host's
pods after two to four minutes, and nothing changes on this host any more.

The last start in the container's log is searched for the line that explains it.

The cure follows from that line. In supervise mode calico-agent starts it again, slower after each
failure.""",
)

SV_NOT_RUNNING = Fault(
    code="SV-NOT-RUNNING",
    title="the calico/node container is not running",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(*NO_IDENTITY, *START_REFUSED, SV_CRASHLOOP),),
    explanation="""\
The container exists, but it is created, paused, being removed or dead.

Found in Docker's state of the container.

`docker start NAME`, or `docker unpause NAME`. In supervise mode calico-agent starts a created
one.""",
)

SV_STUCK = Fault(
    code="SV-STUCK",
    title="calico/node runs, but its start does not get on",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(SV_CRASHLOOP, DS_UNREADABLE),),
    explanation="""\
The container's process list stays up while its start-up program waits or fails, so `docker ps`
shows it as running. BIRD does not run yet.

Found when no BIRD answers twenty seconds after the start and the log has a line that explains
why, or when after [supervise] start_deadline_seconds none of its programs runs.

The cure follows from that line; most often the datastore does not answer. In supervise mode the
container is restarted after start_deadline_seconds, unless etcd does not answer calico-agent
either: then a restart would change nothing, and calico/node goes on by itself when etcd is back.""",
)

# calico/node does not run here.
NO_CONTAINER = (SV_ABSENT, SV_CRASHLOOP, SV_STOPPED, SV_EXITED, SV_NOT_RUNNING)
