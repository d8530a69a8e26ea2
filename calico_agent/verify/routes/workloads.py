"""The pods of this host: into each one's link a host route must lead.

The CNI plugin makes link and route together. Felix keeps the route, and writes one that somebody took away only at its
next full resync, up to 90 s later (RouteRefreshInterval in felix/config/config_params.go@v3.28.5).

The list of all pods changes with every pod of the cluster and is not read. A link without a route alone proves nothing:
it may be what a pod has left behind that Calico knows no more. Nor does an address that was given to this host and has
no route: such addresses leak. Where there are both, a pod is cut off.
"""

from collections.abc import Iterator
from itertools import chain

from calico_agent.model.address import IPAddress, Link
from calico_agent.model.finding import Finding, Writer
from calico_agent.model.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.model.prefix import FULL_LENGTH
from calico_agent.model.route import Fib, host_prefix
from calico_agent.verify.catalogue import finding
from calico_agent.verify.view import View
from calico_agent.verify.words import listed

# Felix takes every link of such a name for a pod's (interfacePrefix; in Kubernetes eleven digits follow). Bridges,
# dummies and links with an address of their own are none, whatever their names.
_PREFIX = "cali"


def unled_links(kernel: Kernel | Unreadable) -> tuple[Link, ...]:
    """The links of pods into which no host route leads."""
    if isinstance(kernel, Unreadable):
        return ()
    pods = [link for link in kernel.links if link.kind == "veth" and link.name.startswith(_PREFIX)]
    led_into = _devices(kernel.fib) if pods else frozenset()
    return tuple(link for link in pods if link.name not in led_into and not _has_address(link))


def find_workloads(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Each pod's link without a route, while there is an address of a pod of this host without one."""
    if not view.observation.held or view.starting or not (links := unled_links(kernel)):
        return
    lost = sorted(filter(lambda address: _is_lost(kernel, address), view.observation.held), key=int)
    if not lost:
        return
    addresses = listed(tuple(map(str, lost)))
    for link in links:
        state, cure = _state(link)
        yield finding(
            "RT-WORKLOAD-MISSING",
            link.name,
            f"no route leads to {link.name}, the link of a pod of this host{state}",
            why=f"Calico gave {addresses} to pods of this host, and no route leads there",
            effect="the pod gets no packets, not even from its own host",
            cure=cure,
            node=view.me,
            writer=Writer.FELIX,
        )


def _state(link: Link) -> tuple[str, str]:
    """What is wrong with the link itself, as the end of a sentence, and the cure."""
    if not link.up:
        return ", which is switched off", f"ip link set {link.name} up"
    if not link.running:
        return ", whose other end in the pod is down", "look into the pod: its own link must be up"
    named = f"calicoctl get workloadendpoint --all-namespaces -o wide | grep {link.name}"
    return "", f"Felix writes the route again within 90 s; if not: {named}"


def _is_lost(kernel: Kernel, address: IPAddress) -> bool:
    """Whether this host neither has an address itself nor a route to a pod with it."""
    hops = (hop for path in kernel.fib.paths(host_prefix(address)) for hop in path.next_hops)
    return kernel.holder(address) is None and not any(hop.device.startswith(_PREFIX) for hop in hops)


def _has_address(link: Link) -> bool:
    return any(held.scope == "global" for held in link.addresses)


def _devices(fib: Fib) -> frozenset[str]:
    """The links into which host routes lead."""
    buckets = (fib.index.get(version, {}).get(length, {}) for version, length in FULL_LENGTH.items())
    paths = chain.from_iterable(found for bucket in buckets for found in bucket.values())
    return frozenset(hop.device for path in paths for hop in path.next_hops)
