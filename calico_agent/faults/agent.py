"""What the agent itself cannot do: read this machine, keep its memory, be configured, be asked."""

from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

CFG_REFUSED = Fault(
    code="CFG-REFUSED",
    title="the configuration on disk is not the one in use, and cannot be",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
A reload was refused, or somebody changed the file and nobody has tried it. The agent goes on with
what it read before. At its next start, which may be a reboot at night, it would refuse the file,
and end: nobody would keep calico/node up on this host.

Found by reading the file whenever it changes. A good file that waits for its reload is no fault.

`calico-agent config check` names every fault; then `systemctl reload calico-agent`.""",
)

AGENT_HTTP = Fault(
    code="AGENT-HTTP",
    title="the agent cannot open its port or its socket",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
Probes, Prometheus or `calico-agent status` get no answer there. Everything else goes on:
calico/node is watched and kept running, and the agent tries again at each pass.

Found when the socket was opened. Another program has the port, or there is something else at the
path of the unix socket.

`ss -ltnp` names who has the port. [http] listen and socket say where the agent serves.""",
)

AGENT_TLS = Fault(
    code="AGENT-TLS",
    title="the certificate or the token of the agent's port is of no use, or soon will be",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
Whoever scrapes the agent over TLS will not believe it, or is not believed. Everything else goes on,
and `calico-agent status` goes by the unix socket.

Found when the files of [http] change: then they are read again, and what is half written, or a
certificate with the key of another one, is passed over; what was read before stays in force. And
found by the dates in the certificate that is in use, from 30 days before its end on, or a third of
its life.

Put the right files in their place; no restart is needed. `calico-agent config check` looks into
them.""",
)

AGENT_FILES = Fault(
    code="AGENT-FILES",
    title="the agent itself is out of file descriptors",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
A process may have so many files and sockets open and no more (RLIMIT_NOFILE). Then the agent can
read nothing: what it says of Docker, etcd, BIRD and the kernel is not known, and they are not to
blame.

Found by counting what the process has open.

Raise LimitNOFILE= of calico-agent.service (1024 is enough), and restart it.""",
)

SV_STATE = Fault(
    code="SV-STATE",
    title="what calico-agent remembers cannot be kept",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
The agent keeps on disk which name and address this node has (identity.json), how often calico/node
was started and did not last (attempts.json), a pause (pause.json), and what happened
(history.jsonl). One of these cannot be read or written. Nothing is amiss now; an agent that is
started again, or a host, begins without that memory, and nobody can look up what happened
meanwhile.

Found when the file is read or written. The reason is the system's own.

Make room, or make [agent] state_dir writable for root.""",
)

KERNEL_UNREADABLE = Fault(
    code="KERNEL-UNREADABLE",
    title="the kernel's links and routes cannot be read",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(AGENT_FILES),),
    blind=True,
    explanation="""\
No statement about addresses and routes is possible.

Found when netlink fails, or when its table changed during each of several reads.

The reason names the failure. calico-agent must run in the host's network namespace.""",
)

HOST_UNREADABLE = Fault(
    code="HOST-UNREADABLE",
    title="facts of this machine cannot be read",
    severity=Severity.WARNING,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(this_host(AGENT_FILES),),
    blind=True,
    explanation="""\
The host name or /var/lib/calico/nodename cannot be read, so the node name is not sure.

The reason names the file.

Give calico-agent the right to read it.""",
)

DOCKER_UNREADABLE = Fault(
    code="DOCKER-UNREADABLE",
    title="Docker does not answer",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(AGENT_FILES),),
    explanation="""\
Whether the calico/node container runs is not known, nor which networks are Docker's. Nothing is
started or replaced.

Found when the Docker API does not answer in time, or refuses.

`systemctl status docker`; [docker] url names the socket.""",
)

DOCKER_DOWN = Fault(
    code="DOCKER-DOWN",
    title="dockerd does not run",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
A dockerd that ends takes its containers with it, unless "live-restore": true is set in
/etc/docker/daemon.json; and until it runs again nothing can be started.

Found where nobody answers on Docker's socket, or where it is not there although calico-agent is to
start calico/node in Docker.

`systemctl start docker`; `journalctl -u docker` says why it does not stay. calico-agent starts
calico/node again as soon as dockerd answers.""",
)
