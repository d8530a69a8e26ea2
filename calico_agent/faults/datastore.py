"""The datastore: whether it can be read, and what of it is not understood."""

from calico_agent.faults.agent import AGENT_FILES
from calico_agent.faults.preflight.machine import HOST_CERTIFICATE, HOST_DISK, HOST_ETCD
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

DS_UNREADABLE = Fault(
    code="DS-UNREADABLE",
    title="the datastore cannot be read",
    severity=Severity.WARNING,
    condition=ConditionType.DATASTORE_REACHABLE,
    explained_by=(this_host(AGENT_FILES, RT_LINK_DOWN, HOST_CERTIFICATE, HOST_ETCD),),
    blind=True,
    explanation="""\
The node records and blocks say which routes this host needs. While they cannot be read, the last
reading counts, and everything that is judged by it says how old it is; without one the routes are
not judged. No container is made. calico/node itself goes on with what it knows.

The reason is the first fault met on the way to etcd: a file that is not there (yet), name,
connection, certificate, permission. It is tried again every few seconds.

Cure what the reason names. Without configuration the settings come from the running calico/node
container; [datastore] in the configuration overrides them.""",
)

DS_SHRUNK = Fault(
    code="DS-SHRUNK",
    title="much of the datastore vanished at once",
    condition=ConditionType.DATASTORE_REACHABLE,
    explanation="""\
More than 30 % of the nodes or blocks (at least three, or all) are gone from one reading to the
next: a restored backup, a member that lost its data, or somebody's `etcdctl del --prefix`. The
pods and routes are still there, so the reading before it counts for ten minutes, then the new one.

Found by counting. A cluster that is taken down on purpose looks the same.

Compare the datastore with what there should be, and restore it before calico/node on the hosts is
restarted: at its start it would register anew and take other blocks.""",
)

DS_FILE = Fault(
    code="DS-FILE",
    title="a certificate, key or password file of etcd cannot be used",
    severity=Severity.WARNING,
    condition=ConditionType.DATASTORE_REACHABLE,
    explained_by=(this_host(HOST_CERTIFICATE),),
    explanation="""\
The connection to etcd was made with what the files held before, and goes on. The files are missing
now, or half written, or no longer fit each other: the next connection, after a restart of etcd or
of this agent, cannot be made. calico/node uses the same files.

Found when the files are compared with what the connection was made with, every few seconds. While
they are being renewed this is so for a moment, and is only suspected.

`calico-agent config check` looks at each of them. Put them right; nothing has to be restarted.""",
)

DS_SNAPSHOT = Fault(
    code="DS-SNAPSHOT",
    title="the last reading of the datastore is not kept",
    severity=Severity.WARNING,
    condition=ConditionType.DATASTORE_REACHABLE,
    explained_by=(this_host(HOST_DISK),),
    explanation="""\
The agent keeps its last reading of the datastore on disk, so that it can go on checking when it is
restarted while etcd is down. It could not be written, or the one that was there is of no use.

Found when the file is read at the start, or written after a change: no directory, no right, no
space, a wrong checksum, or the reading of another cluster.

Cure what the reason names; [agent] state_dir says where the file is, and "" turns it off. A file
that is of no use is replaced as soon as etcd can be read.""",
)

DS_BAD_KEY = Fault(
    code="DS-BAD-KEY",
    title="a value in the datastore cannot be understood",
    severity=Severity.WARNING,
    condition=ConditionType.DATASTORE_REACHABLE,
    grouping=Grouping.BY_NODE,
    counted_as="key",
    explanation="""\
One key holds something else than Calico writes there. It is left out of every check; all others
go on.

Found while decoding the keys of nodes, pools, blocks, affinities and BGP settings.

Look at the key (`etcdctl get KEY`), and at who wrote it.""",
)
