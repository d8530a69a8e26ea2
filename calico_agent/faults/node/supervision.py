"""How supervision of calico/node goes."""

from calico_agent.faults.node.addresses import IP_CHANGED
from calico_agent.faults.preflight.machine import HOST_DISK
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

SV_CRASHLOOP = Fault(
    code="SV-CRASHLOOP",
    title="calico/node does not last",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
calico-agent has started the container at least four times in a row, and each time it ended or had
to be restarted before it had run for [supervise] stable_after_seconds. The wait before each start
doubles, up to backoff_max_seconds, and is kept over restarts of the agent.

Found by counting starts. The exit code, the out-of-memory killer and the line of the log that
explains the last end are told.

The cure follows from that line. A correction of the configuration is tried at once. To try at
once without one: `docker start NAME`.""",
)

SV_CERTIFICATE = Fault(
    code="SV-CERTIFICATE",
    title="calico/node still has a certificate of before",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
The certificate, key or authority with which calico/node proves itself to etcd was renewed by
renaming another file into its place. It is mounted into the container as a file, and so stays the
old one there until the container is started again. calico/node works on until the old one expires,
and then loses etcd.

Found by comparing the file of this host with what the container has in its place.

With [supervise] on_drift = "replace" the container is started again a minute later, if the agent
itself can use the new files. By hand: `docker restart NAME`. Certificates that are renewed every
few hours are better mounted with their folder ([node] mounts, and ETCD_*_FILE in [node.env]): then
calico/node sees new ones at once.""",
)

SV_STOPPED = Fault(
    code="SV-STOPPED",
    title="calico/node was stopped by hand",
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
Somebody stopped the container, and [supervise] respect_stop = true leaves it so. Its routes stay
for now; peers drop the routes to this host's pods after two to four minutes.

Found in Docker's events: `docker stop` leaves a request in them, a crash, `docker kill` and a
restart of the Docker daemon do not. The exit code is the same after all of them.

`docker start NAME` when the work is done.""",
)

SV_IMAGE = Fault(
    code="SV-IMAGE",
    title="calico/node's image cannot be had",
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(HOST_DISK),),
    explanation="""\
The image in [node] image is not on this host and its registry does not give it, or [node] pull =
"never" and nobody brought it. The reason is the registry's own sentence.

A container that runs goes on running; only a new one waits. The agent tries again by itself, at
first at once, then less and less often, up to backoff_max_seconds.

"unauthorized" and "denied": `docker login` as root on this host. "not found" and "manifest
unknown": the name or tag is wrong. Else the way to the registry: names, proxy, firewall, its
certificate. `docker pull IMAGE` by hand takes the same way.""",
)

SV_ROLLED_BACK = Fault(
    code="SV-ROLLED-BACK",
    title="a new calico/node did not get ready and was taken back",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explanation="""\
Image or settings were changed, the container was replaced, and its successor did not get ready
within [supervise] start_deadline_seconds: it ended again and again, or BIRD did not answer, or not
one of the sessions of before came back. So the container of before runs again.

Found by the container NAME-refused, which is kept for its log. While it is there and the
configuration stays as it is, the same is not tried again.

Read `docker logs NAME-refused`, correct the configuration and reload. To try the same again:
`docker rm NAME-refused`. A change of name or address is never taken back.""",
)

SV_DRIFT = Fault(
    code="SV-DRIFT",
    title="calico/node's container is not the wanted one",
    severity=Severity.WARNING,
    condition=ConditionType.CONTAINER_RUNNING,
    explained_by=(this_host(SV_IMAGE, SV_ROLLED_BACK, IP_CHANGED),),
    explanation="""\
Configuration, datastore settings or identity have changed since the container was made, or
somebody changed its restart policy.

Found by comparing image, environment, mounts and host settings with what is wanted; each
difference is told, secrets without their value. Variables that the image itself sets do not count.

With [supervise] on_drift = "replace" it is replaced when the difference outlives the hold-down;
with "report" it goes on until it is removed by hand. A difference in name or address comes before
that: such a container is replaced unless its successor could not start, or what runs works under a
name and an address that are this host's. Then the finding says why it stays, and how it is changed
on purpose.""",
)
