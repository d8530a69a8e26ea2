"""Places that name this host otherwise than it is called: `calico-agent detect` shows them all.

Only exact names count: for Calico `host3` and `host3.example` are two nodes (names are keys in etcd).
"""

from collections.abc import Iterator

from calico_agent.checks.commands import by_kubelet, started_anew
from calico_agent.expected.view import View
from calico_agent.faults.node.names import NAME_MISMATCH, NAME_SOURCES
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import NameSource, renaming

# calico/node writes it at each start, so before that it only tells what was.
_NODENAME_FILE = "/var/lib/calico/nodename"


def find_name_sources(view: View) -> Iterator[Finding]:
    """Yield NAME-SOURCES for the kubelet, the CNI configuration, and the name that calico/node left on the disk, and
    NAME-MISMATCH for a host name that is another now."""
    name = view.identity.name.name
    if name is not None and view.identity.name.renamed:
        yield _renamed(view, name)
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
            yield _kubelet(
                view, source, running
            )  # else the kubelet's name is the wanted one, and NAME-MISMATCH says so
        elif source.source == "nodename file" and view.supervised and not _running_here(view):
            yield _left_over(source, running)


def _renamed(view: View, name: str) -> Finding:
    now = view.identity.name.renamed
    return NAME_MISMATCH.finding(
        name,
        f"this machine is called {now} now, and its node is {name} as before",
        why=f"a host name is no reason to make another node; {view.identity.name.evidence}",
        effect=f"none from here: calico-agent starts calico/node with NODENAME={name}. What asks for the host name, "
        f"such as a kubelet without --hostname-override, takes this machine for {now}",
        cure=f'hostnamectl set-hostname {name}, or [identity] name = "{name}" if both names are meant; '
        f"{renaming(name, now)}",
        node=name,
        severity=Severity.WARNING,
    )


def _cni(source: NameSource, name: str) -> Finding:
    file = source.where.partition(",")[0]
    if source.behind:
        return NAME_SOURCES.finding(
            file,
            f"{file}, which is not in use, names node {source.name}; calico/node here is {name}",
            why=f"the runtime takes {source.behind}, whose name comes first",
            effect=f"none while {source.behind} is there",
            cure=f"rm {file}",
            node=name,
            severity=Severity.INFO,
        )
    return NAME_SOURCES.finding(
        file,
        f"the CNI plugin registers pods under node {source.name}; calico/node here is {name}",
        why=source.where,
        effect=f"calico/node makes no routes for new pods of this host: they belong to {source.name}",
        cure=f'set "nodename": "{name}" in {file}',
        node=name,
        severity=Severity.ERROR,
    )


def _kubelet(view: View, source: NameSource, name: str) -> Finding:
    wanted = source.name.lower()
    agree = f'[identity] name = "{wanted}", or take the name out of the configuration'
    if by_kubelet(view):
        agree = started_anew(view, f"NODENAME={wanted}")
    elif view.identity.name.evidence:
        agree = f"start the kubelet with --hostname-override={name}; {renaming(name, wanted)}"
    return NAME_SOURCES.finding(
        "kubelet",
        f"the kubelet here is node {source.name}; calico/node is {name}",
        why=source.where,
        effect="Calico's records and those of Kubernetes do not match: a cleaner may take the node for gone",
        cure=agree,
        node=name,
    )


def _left_over(source: NameSource, name: str) -> Finding:
    return NAME_SOURCES.finding(
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
