"""Catalogue: how supervision of calico/node goes, and the programs inside it."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.CONTAINER_RUNNING)

ENTRIES = (
    _entry(
        "SV-CRASHLOOP",
        "calico/node does not last",
        """\
calico-agent has started the container at least four times in a row, and each time it ended or had
to be restarted before it had run for [supervise] stable_after_seconds. The wait before each start
doubles, up to backoff_max_seconds, and is kept over restarts of the agent.

Found by counting starts. The exit code, the out-of-memory killer and the line of the log that
explains the last end are told.

The cure follows from that line. A correction of the configuration is tried at once. To try at
once without one: `docker start NAME`.""",
    ),
    _entry(
        "SV-CERTIFICATE",
        "calico/node still has a certificate of before",
        """\
The certificate, key or authority with which calico/node proves itself to etcd was renewed by
renaming another file into its place. It is mounted into the container as a file, and so stays the
old one there until the container is started again. calico/node works on until the old one expires,
and then loses etcd.

Found by comparing the file of this host with what the container has in its place.

With [supervise] on_drift = "replace" the container is started again a minute later, if the agent
itself can use the new files. By hand: `docker restart NAME`. Certificates that are renewed every
few hours are better mounted with their folder ([node] mounts, and ETCD_*_FILE in [node.env]): then
calico/node sees new ones at once.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-STATE",
        "what calico-agent remembers cannot be kept",
        """\
The agent keeps on disk which name and address this node has (identity.json), and how often
calico/node was started and did not last (attempts.json). One of the two cannot be read or written.
Nothing is amiss now; an agent that is started again, or a host, begins without that memory.

Found when the file is read or written. The reason is the system's own.

Make room, or make [agent] state_dir writable for root.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-STOPPED",
        "calico/node was stopped by hand",
        """\
Somebody stopped the container, and [supervise] respect_stop = true leaves it so. Its routes stay
for now; peers drop the routes to this host's pods after two to four minutes.

Found in Docker's events: `docker stop` leaves a request in them, a crash, `docker kill` and a
restart of the Docker daemon do not. The exit code is the same after all of them.

`docker start NAME` when the work is done.""",
    ),
    _entry(
        "SV-DRIFT",
        "calico/node's container is not the wanted one",
        """\
Configuration, datastore settings or identity have changed since the container was made, or
somebody changed its restart policy.

Found by comparing image, environment, mounts and host settings with what is wanted; each
difference is told, secrets without their value. Variables that the image itself sets do not count.

With [supervise] on_drift = "replace" it is replaced when the difference outlives the hold-down;
with "report" it goes on until it is removed by hand. A difference in name or address comes before
that: such a container is replaced unless its successor could not start, or what runs works under a
name and an address that are this host's. Then the finding says why it stays, and how it is changed
on purpose.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-IMAGE",
        "calico/node's image cannot be had",
        """\
The image in [node] image is not on this host and its registry does not give it, or [node] pull =
"never" and nobody brought it. The reason is the registry's own sentence.

A container that runs goes on running; only a new one waits. The agent tries again by itself, at
first at once, then less and less often, up to backoff_max_seconds.

"unauthorized" and "denied": `docker login` as root on this host. "not found" and "manifest
unknown": the name or tag is wrong. Else the way to the registry: names, proxy, firewall, its
certificate. `docker pull IMAGE` by hand takes the same way.""",
    ),
    _entry(
        "SV-ROLLED-BACK",
        "a new calico/node did not get ready and was taken back",
        """\
Image or settings were changed, the container was replaced, and its successor did not get ready
within [supervise] start_deadline_seconds: it ended again and again, or BIRD did not answer, or not
one of the sessions of before came back. So the container of before runs again.

Found by the container NAME-refused, which is kept for its log. While it is there and the
configuration stays as it is, the same is not tried again.

Read `docker logs NAME-refused`, correct the configuration and reload. To try the same again:
`docker rm NAME-refused`. A change of name or address is never taken back.""",
        Severity.WARNING,
    ),
    _entry(
        "SV-FELIX",
        "Felix does not stay up, hangs, or is stopped",
        """\
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
    ),
    _entry(
        "SV-CONFD",
        "confd does not stay up, hangs, or is stopped",
        """\
confd writes BIRD's configuration: new nodes get no session, and those that left keep theirs.

Found in the container's process tree, as the host sees it: confd is missing, a few seconds old
although its supervisor is not, held by a signal (SIGSTOP), or it waits for the same process for 90
seconds.

`docker logs NAME` says why it ends; `kill -CONT PID` lets one go on that is held.""",
    ),
    _entry(
        "SV-RESTARTING",
        "a program inside calico/node does not stay up",
        """\
BIRD ends and is started again by its supervisor each second. Services other than Felix, confd and
BIRD are not judged: outside Kubernetes one of them fails for ever, which means nothing.

Found in the container's process tree, as the host sees it: the program is missing, or a few
seconds old although its supervisor is not.

`docker logs NAME` says why it ends.""",
    ),
)
