"""The name that calico/node runs under here, against the one that this host should have.

The nodename file outlives the host name, and a NODENAME that somebody wrote may be another host's.
"""

from collections.abc import Iterator

from calico_agent.checks.sentences import cure_here
from calico_agent.expected.view import View
from calico_agent.faults.node.names import NAME_MISMATCH
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding, Severity
from calico_agent.text import listed

# Names that somebody wrote down for this host, where a host name only happens to be one.
_STATED_NAMES = frozenset({"configuration", "kubelet"})


def find_name(view: View) -> Iterator[Finding]:
    """Yield a name that this host should not run under."""
    running, wanted = view.local.name, view.identity.name
    if running is None or wanted.name is None or running == wanted.name:
        return
    cure = cure_of_name(view, wanted.name)
    if runs_as_another(view):
        yield NAME_MISMATCH.finding(
            wanted.name,
            f"calico/node on {wanted.name} runs as node {running}, which is another host",
            why=_name_evidence(view, running),
            effect=f"nobody advertises the pods of {wanted.name}, and their routes here are deleted",
            cure=cure,
            node=running,
        )
    elif wanted.source in _STATED_NAMES:
        yield NAME_MISMATCH.finding(
            wanted.name,
            f"calico/node here runs as node {running}; the {wanted.source} names it {wanted.name}",
            why=f"the name comes from {view.local.name_source}",
            effect="the node goes on under its old name, with its old blocks",
            cure=cure,
            node=running,
            severity=Severity.WARNING,
        )


def _name_evidence(view: View, running: str) -> str:
    node = view.local.node
    registered = [address.ip for address in (node.ipv4, node.ipv6) if address] if node else []
    words = [
        f"the name comes from {view.local.name_source}",
        f"node {running} is registered with {listed(tuple(map(str, registered)))}, which no link of this host has",
    ]
    for _, bird in view.daemons():
        own = next((peer for peer in getattr(bird, "sessions", ()) if view.local.candidate(peer.peer)), None)
        if own is not None:
            words.append(f"BIRD has a session ({own.name}) to {own.peer}, an address of this host")
    return "; ".join(words)


def runs_as_another(view: View) -> bool:
    """True if calico/node here runs under a name whose record is another host's."""
    node = view.local.node
    if node is None or view.kernel is None or not other_name(view):
        return False
    addresses = [address for address in (node.ipv4, node.ipv6) if address is not None]
    here = any(view.local.candidate(address.ip) for address in addresses)
    return bool(addresses) and not here and not _written_here(view, node)


def other_name(view: View) -> str:
    """Return the name that this host should have, where calico/node runs here under quite another one; else empty."""
    name, running = view.identity.name.name or "", view.local.name or ""
    return "" if same_host(name, running) or not running else name


def cure_of_name(view: View, name: str, *more: str) -> str:
    """Return how calico/node here is given a name, and other settings."""
    cure = cure_here(view, f"NODENAME={name}", *more)
    return f"rm /var/lib/calico/nodename; {cure}" if view.local.name_source == "/var/lib/calico/nodename" else cure


def _written_here(view: View, node: Node) -> bool:
    """Whether the record lists a link's address of this host.

    calico/node writes the list of its links and its address together, so that the address was written here, too.
    """
    listed = (address for _, addresses in node.interfaces for address in addresses)
    return any(held is not None and held.accepted for held in map(view.local.candidate, listed))


def same_host(one: str, other: str) -> bool:
    """True if these are a host's short and full name: which of them is the node name is the administrator's choice."""
    return one.partition(".")[0].lower() == other.partition(".")[0].lower()
