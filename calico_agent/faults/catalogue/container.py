"""Catalogue: the calico/node container."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.CONTAINER_RUNNING)

ENTRIES = (
    _entry(
        "SV-ABSENT",
        "there is no calico/node container",
        """\
Nothing programs routes and policies on this host. Routes that BIRD left behind stay until
somebody removes them.

Found by asking Docker for containers of the calico/node image or with its name, and because no
BIRD answers either.

In supervise mode calico-agent makes it. Otherwise start it as this cluster does.""",
    ),
    _entry(
        "SV-EXITED",
        "calico/node exited",
        """\
The container stopped by itself. Its routes stay for now; peers drop the routes to this host's
pods after two to four minutes, and nothing changes on this host any more.

The last start in the container's log is searched for the line that explains it.

The cure follows from that line. In supervise mode calico-agent starts it again, slower after each
failure.""",
    ),
    _entry(
        "SV-NOT-RUNNING",
        "the calico/node container is not running",
        """\
The container exists, but it is created, paused, being removed or dead.

Found in Docker's state of the container.

`docker start NAME`, or `docker unpause NAME`. In supervise mode calico-agent starts a created
one.""",
    ),
    _entry(
        "SV-STUCK",
        "calico/node runs, but its start does not get on",
        """\
The container's process list stays up while its start-up program waits or fails, so `docker ps`
shows it as running. BIRD does not run yet.

Found when no BIRD answers twenty seconds after the start and the log has a line that explains
why, or when after [supervise] start_deadline_seconds none of its programs runs.

The cure follows from that line; most often the datastore does not answer. In supervise mode the
container is restarted after start_deadline_seconds, unless etcd does not answer calico-agent
either: then a restart would change nothing, and calico/node goes on by itself when etcd is back.""",
    ),
    _entry(
        "SV-FOREIGN",
        "somebody else's calico/node container is in the way",
        """\
calico-agent is to supervise calico/node, but the container that runs was made by somebody else
(by hand, by a unit, by a DaemonSet). It is watched, and not touched.

Found by the label that calico-agent puts on containers it makes. What taking over would change is
told, secrets without their value.

Stop the other manager for good, then remove the container: a unit (systemctl disable --now UNIT)
or a DaemonSet (calico-agent manifest split) would start its own again, and is named where it is
seen. What nothing but Docker starts again is replaced with [supervise] take_over = true, and runs
again if its successor does not get ready.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-TWO",
        "two calico/node containers run on this host",
        """\
Both write the same routes, rules and BIRD sockets, and each undoes what the other did.

Found by asking Docker for all containers of its image or with its name that share the host's
network and start it. A shell or a single program of the image is none.

Stop one of them together with whatever starts it: a unit, a DaemonSet, a restart policy.""",
    ),
)
