"""Catalogue: what could not be read, or not understood."""

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity


def _entry(
    code: str, condition: ConditionType, title: str, explanation: str, severity: Severity = Severity.WARNING
) -> Entry:
    return Entry(code, title, explanation, severity, condition=condition)


ENTRIES = (
    _entry(
        "CFG-REFUSED",
        ConditionType.CONTAINER_RUNNING,
        "the configuration on disk is not the one in use, and cannot be",
        """\
A reload was refused, or somebody changed the file and nobody has tried it. The agent goes on with
what it read before. At its next start, which may be a reboot at night, it would refuse the file,
and end: nobody would keep calico/node up on this host.

Found by reading the file whenever it changes. A good file that waits for its reload is no fault.

`calico-agent config check` names every fault; then `systemctl reload calico-agent`.""",
    ),
    _entry(
        "AGENT-HTTP",
        ConditionType.IDENTITY_CONFIRMED,
        "the agent cannot open its port or its socket",
        """\
Probes, Prometheus or `calico-agent status` get no answer there. Everything else goes on:
calico/node is watched and kept running, and the agent tries again at each pass.

Found when the socket was opened. Another program has the port, or there is something else at the
path of the unix socket.

`ss -ltnp` names who has the port. [http] listen and socket say where the agent serves.""",
    ),
    _entry(
        "AGENT-FILES",
        ConditionType.IDENTITY_CONFIRMED,
        "the agent itself is out of file descriptors",
        """\
A process may have so many files and sockets open and no more (RLIMIT_NOFILE). Then the agent can
read nothing: what it says of Docker, etcd, BIRD and the kernel is not known, and they are not to
blame.

Found by counting what the process has open.

Raise LimitNOFILE= of calico-agent.service (1024 is enough), and restart it.""",
    ),
    _entry(
        "DS-UNREADABLE",
        ConditionType.DATASTORE_REACHABLE,
        "the datastore cannot be read",
        """\
The node records and blocks say which routes this host needs. While they cannot be read, the last
reading counts, and everything that is judged by it says how old it is; without one the routes are
not judged. No container is made. calico/node itself goes on with what it knows.

The reason is the first fault met on the way to etcd: a file that is not there (yet), name,
connection, certificate, permission. It is tried again every few seconds.

Cure what the reason names. Without configuration the settings come from the running calico/node
container; [datastore] in the configuration overrides them.""",
    ),
    _entry(
        "DS-FILE",
        ConditionType.DATASTORE_REACHABLE,
        "a certificate, key or password file of etcd cannot be used",
        """\
The connection to etcd was made with what the files held before, and goes on. The files are missing
now, or half written, or no longer fit each other: the next connection, after a restart of etcd or
of this agent, cannot be made. calico/node uses the same files.

Found when the files are compared with what the connection was made with, every few seconds. While
they are being renewed this is so for a moment, and is only suspected.

`calico-agent config check` looks at each of them. Put them right; nothing has to be restarted.""",
    ),
    _entry(
        "DS-SHRUNK",
        ConditionType.DATASTORE_REACHABLE,
        "much of the datastore vanished at once",
        """\
More than 30 % of the nodes or blocks (at least three, or all) are gone from one reading to the
next: a restored backup, a member that lost its data, or somebody's `etcdctl del --prefix`. The
pods and routes are still there, so the reading before it counts for ten minutes, then the new one.

Found by counting. A cluster that is taken down on purpose looks the same.

Compare the datastore with what there should be, and restore it before calico/node on the hosts is
restarted: at its start it would register anew and take other blocks.""",
        Severity.ERROR,
    ),
    _entry(
        "DS-SNAPSHOT",
        ConditionType.DATASTORE_REACHABLE,
        "the last reading of the datastore is not kept",
        """\
The agent keeps its last reading of the datastore on disk, so that it can go on checking when it is
restarted while etcd is down. It could not be written, or the one that was there is of no use.

Found when the file is read at the start, or written after a change: no directory, no right, no
space, a wrong checksum, or the reading of another cluster.

Cure what the reason names; [agent] state_dir says where the file is, and "" turns it off. A file
that is of no use is replaced as soon as etcd can be read.""",
    ),
    _entry(
        "DS-BAD-KEY",
        ConditionType.DATASTORE_REACHABLE,
        "a value in the datastore cannot be understood",
        """\
One key holds something else than Calico writes there. It is left out of every check; all others
go on.

Found while decoding the keys of nodes, pools, blocks, affinities and BGP settings.

Look at the key (`etcdctl get KEY`), and at who wrote it.""",
    ),
    _entry(
        "DOCKER-UNREADABLE",
        ConditionType.CONTAINER_RUNNING,
        "Docker does not answer",
        """\
Whether the calico/node container runs is not known, nor which networks are Docker's. Nothing is
started or replaced.

Found when the Docker API does not answer in time, or refuses.

`systemctl status docker`; [docker] url names the socket.""",
    ),
    _entry(
        "DOCKER-DOWN",
        ConditionType.CONTAINER_RUNNING,
        "dockerd does not run",
        """\
A dockerd that ends takes its containers with it, unless "live-restore": true is set in
/etc/docker/daemon.json; and until it runs again nothing can be started.

Found where nobody answers on Docker's socket, or where it is not there although calico-agent is to
start calico/node in Docker.

`systemctl start docker`; `journalctl -u docker` says why it does not stay. calico-agent starts
calico/node again as soon as dockerd answers.""",
    ),
    _entry(
        "KERNEL-UNREADABLE",
        ConditionType.ROUTES_IN_PLACE,
        "the kernel's links and routes cannot be read",
        """\
No statement about addresses and routes is possible.

Found when netlink fails, or when its table changed during each of several reads.

The reason names the failure. calico-agent must run in the host's network namespace.""",
    ),
    _entry(
        "HOST-UNREADABLE",
        ConditionType.IDENTITY_CONFIRMED,
        "facts of this machine cannot be read",
        """\
The host name or /var/lib/calico/nodename cannot be read, so the node name is not sure.

The reason names the file.

Give calico-agent the right to read it.""",
    ),
)
