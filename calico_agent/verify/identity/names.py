"""Places that name this host otherwise than it is called: `calico-agent detect` shows them all.

Only exact names count: for Calico `host3` and `host3.example` are two nodes (names are keys in etcd).
"""

from collections.abc import Iterator

from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import NameSource
from calico_agent.verify.catalogue import finding
from calico_agent.verify.view import View

# calico/node writes it at each start, so before that it only tells what was.
_NODENAME_FILE = "/var/lib/calico/nodename"


def find_name_sources(view: View) -> Iterator[Finding]:
    """NAME-SOURCES for the kubelet, the CNI configuration, and the name that calico/node left on the disk."""
    name = view.identity.name.name
    # Where calico/node runs under a name of its own, that name is what pods, CNI and kubelet must agree with.
    running = view.local.name if view.local.container is not None and not view.supervised else name
    if name is None or running is None:
        return
    for source in view.identity.name.sources:
        if not source.name or source.name == running:
            continue
        if source.source == "CNI" and (_running_here(view) or not source.where.endswith(_NODENAME_FILE)):
            yield _cni(source, running)
        elif source.source == "kubelet" and source.name.lower() != running and running == name:
            yield _kubelet(source, running)  # else the kubelet's name is the wanted one, and NAME-MISMATCH says so
        elif source.source == "nodename file" and view.supervised and not _running_here(view):
            yield _left_over(source, running)


def _cni(source: NameSource, name: str) -> Finding:
    return finding(
        "NAME-SOURCES",
        source.where.partition(",")[0],
        f"the CNI plugin registers pods under node {source.name}; calico/node here is {name}",
        why=source.where,
        effect=f"calico/node makes no routes for new pods of this host: they belong to {source.name}",
        cure=f"write {name} into {source.where.partition(',')[0]} (nodename), or name the node {source.name}",
        node=name,
        severity=Severity.ERROR,
    )


def _kubelet(source: NameSource, name: str) -> Finding:
    return finding(
        "NAME-SOURCES",
        "kubelet",
        f"the kubelet here is node {source.name}; calico/node is {name}",
        why=source.where,
        effect="Calico's records and those of Kubernetes do not match: a cleaner may take the node for gone",
        cure=f'[identity] name = "{source.name.lower()}", or take the name out of the configuration',
        node=name,
    )


def _left_over(source: NameSource, name: str) -> Finding:
    return finding(
        "NAME-SOURCES",
        "nodename file",
        f"an earlier calico/node left the name {source.name!r} in {source.where}; this node is {name}",
        why="calico/node prefers that file to the host name whenever it is started without NODENAME",
        effect=f"none from here: a start with NODENAME={name}, which calico-agent gives, overwrites it",
        cure=f"rm {source.where}",
        node=name,
        severity=Severity.INFO,
    )


def _running_here(view: View) -> bool:
    return view.local.container is not None and view.local.container.alive
