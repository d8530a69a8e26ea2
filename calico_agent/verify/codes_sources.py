"""Catalogue: what could not be read, or not understood."""

from calico_agent.model.finding import ConditionType, Severity
from calico_agent.verify.entry import Entry


def _entry(code: str, condition: ConditionType, title: str, explanation: str) -> Entry:
    return Entry(code, Severity.WARNING, condition, title, explanation)


ENTRIES = (
    _entry(
        "DS-UNREADABLE",
        ConditionType.DATASTORE_REACHABLE,
        "the datastore cannot be read",
        """\
Without the node records and blocks it is not known which routes this host needs. calico/node
itself goes on with what it knows, and existing routes stay.

The reason is the first fault met on the way to etcd: name, connection, certificate, permission.

Cure what the reason names. Without configuration the settings come from the running calico/node
container; [datastore] in the configuration overrides them.""",
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
