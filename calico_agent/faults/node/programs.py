"""The programs inside calico/node, other than BIRD."""

from calico_agent.faults.preflight.kernel import HOST_MODULE, HOST_RPFILTER
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault

SV_FELIX = Fault(
    code="SV-FELIX",
    title="Felix does not stay up, hangs, or is stopped",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(HOST_RPFILTER, HOST_MODULE),),
    explanation="""\
Felix programs policies, and the routes to this host's own pods. Its supervisor inside the
container starts it again each second, so the container looks well. It does one thing after the
other: while an iptables-restore or an ipset does not end, nothing else is done.

Found in the container's process tree, as the host sees it: Felix is missing, or a few seconds old
although its supervisor is not. One restart, as after some changes of Felix's configuration, is
only a suspicion for a moment. A process that a signal (SIGSTOP) holds is there and does nothing.
One that hangs says so on its health port (FELIX_HEALTHENABLED, /liveness); without that port it is
one that waits for the same process for 90 seconds. That Felix is not ready, as while it waits for
the datastore, is no such fault.

`docker logs NAME` says why it ends; `kill -CONT PID` lets one go on that is held; what a hung one
waits for is told with its process number.""",
)

SV_CONFD = Fault(
    code="SV-CONFD",
    title="confd does not stay up, hangs, or is stopped",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
confd writes BIRD's configuration: new nodes get no session, and those that left keep theirs.

Found in the container's process tree, as the host sees it: confd is missing, a few seconds old
although its supervisor is not, held by a signal (SIGSTOP), or it waits for the same process for 90
seconds.

`docker logs NAME` says why it ends; `kill -CONT PID` lets one go on that is held.""",
)

SV_RESTARTING = Fault(
    code="SV-RESTARTING",
    title="a program inside calico/node does not stay up",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
BIRD ends and is started again by its supervisor each second. Services other than Felix, confd and
BIRD are not judged: outside Kubernetes one of them fails for ever, which means nothing.

Found in the container's process tree, as the host sees it: the program is missing, or a few
seconds old although its supervisor is not.

`docker logs NAME` says why it ends.""",
)
