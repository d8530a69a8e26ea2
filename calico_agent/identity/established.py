"""The name under which this machine is in the cluster already.

A host name is only a statement: an administrator, DHCP or reverse DNS may give another one at any time. The node stays
what it is, with its blocks and pods: another name would be another node, and calico/node refuses to start as one while
this node is registered with the address (node/pkg/lifecycle/startup/startup.go@v3.32.1).

A disk that was cloned brings all files of its original along, its machine-id and containers included, but not the
address in the original's record, nor its claim. And a container that somebody started by hand may have anybody's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.identity import links
from calico_agent.identity.name_sources import CALICO_NODE, CLAIM, LAST_CHOICE, NODE_RECORD
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.claimant import machine_of
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.name_lease import LeaseStatus, NameOwner, claim_on
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable

_OURS = frozenset({LeaseStatus.KEPT, LeaseStatus.LAPSED})
_ANOTHERS = frozenset({LeaseStatus.HELD, LeaseStatus.CLONED})


@dataclass(frozen=True, slots=True)
class Established:
    """The name, what says that it is this machine's, and what in the world bears that out."""

    name: str
    source: str
    evidence: str


def established_name(
    host: Host | Unreadable,
    kernel: Kernel | Unreadable,
    docker: Docker | Unreadable,
    datastore: Datastore | Unreadable,
    kept: KeptIdentity,
) -> Established | None:
    """Return the name of before, of this machine's claim, or of the container that this agent made, if it is still in
    use.
    """
    if isinstance(host, Unreadable) or isinstance(kernel, Unreadable):
        return None
    made = tuple(_made_here(docker))
    for name, source in _names(host, kept, datastore, made):
        standing = _standing(name, host, kernel, datastore)
        if standing in _ANOTHERS or (source == CLAIM and standing not in _OURS):
            continue
        if evidence := _in_use(name, made, kernel, datastore, kept):
            return Established(name, source, evidence)
    return None


def recorded_name(
    host: Host | Unreadable, kernel: Kernel | Unreadable, datastore: Datastore | Unreadable
) -> Established | None:
    """Return the one node that has this host's name in its short or its full form, and is registered with its address.

    A host that calls itself by the other form after a restart is still the same node: calico/node refuses to start
    under the new name, as the address is in use (projectcalico/calicoctl#967).
    """
    if isinstance(host, Unreadable) or isinstance(kernel, Unreadable) or isinstance(datastore, Unreadable):
        return None
    own, here = host.hostname.strip().lower(), links.own_addresses(kernel)
    alike = [
        one.name for one in datastore.nodes if same_host(one.name, own) and datastore.registered(one.name) & here.keys()
    ]
    if len(alike) != 1 or alike[0] == own or datastore.node(own) is not None:
        return None
    if _standing(alike[0], host, kernel, datastore) in _ANOTHERS:
        return None
    return Established(alike[0], NODE_RECORD, _in_use(alike[0], (), kernel, datastore, KeptIdentity()))


def same_host(one: str, other: str) -> bool:
    """True if two names are one in its short and its full form: one of them has no domain."""
    short, full = sorted((one, other), key=len)
    return short == full or ("." not in short and full.startswith(f"{short}."))


def _standing(name: str, host: Host, kernel: Kernel, datastore: Datastore | Unreadable) -> LeaseStatus:
    """How a name stands to this machine, by the claims in etcd."""
    if isinstance(datastore, Unreadable):
        return LeaseStatus.FREE
    machine, here = machine_of(host, kernel.links), frozenset(links.own_addresses(kernel))
    claim = claim_on(name, datastore.claims)
    return claim.standing(machine, datastore.registered(name), here, long_up=host.long_up)


def _names(
    host: Host, kept: KeptIdentity, datastore: Datastore | Unreadable, made: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """The names that may be this machine's, and what says so."""
    if kept.name and host.machine_id and kept.machine_id == host.machine_id:
        yield kept.name, LAST_CHOICE
    for claim in () if isinstance(datastore, Unreadable) else datastore.claims:
        if isinstance(claim, NameOwner) and host.machine_id and claim.machine.machine_id == host.machine_id:
            yield claim.name, CLAIM
    yield from ((name, CALICO_NODE) for name in made)


def _made_here(docker: Docker | Unreadable) -> Iterator[str]:
    """The names under which containers of ours run."""
    for container in () if isinstance(docker, Unreadable) else docker.containers:
        if container.alive and container.managed and (name := container.env_value("NODENAME")):
            yield name


def _in_use(
    name: str, made: tuple[str, ...], kernel: Kernel, datastore: Datastore | Unreadable, kept: KeptIdentity
) -> str:
    """What in the world is this node's and here; empty where there is nothing."""
    here = links.own_addresses(kernel)
    if isinstance(datastore, Unreadable):
        chosen = next((one.interface.ip for one in (kept.ipv4, kept.ipv6) if one and one.interface.ip in here), None)
        return f"it was chosen with {chosen}, an address of this host" if chosen and name == kept.name else ""
    registered = datastore.registered(name)
    if ours := sorted(registered & here.keys(), key=str):
        return f"node {name} is registered with {ours[0]} ({here[ours[0]]}), an address of this host"
    if name in made and not registered:
        return f"calico/node runs here as node {name}"
    return ""
