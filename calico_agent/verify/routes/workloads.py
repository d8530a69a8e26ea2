"""The pods of this host: into each one's link a host route must lead.

The CNI plugin makes link and route together. Felix keeps the route, and writes one that somebody took away only at its
next full resync, up to 90 s later (RouteRefreshInterval in felix/config/config_params.go@v3.28.5). The links tell which
pods there are: the datastore's list of them changes with every pod of the cluster, and is not read for that reason.
"""

from collections.abc import Iterator
from itertools import chain

from calico_agent.model.finding import Finding, Writer
from calico_agent.model.kernel import Kernel
from calico_agent.model.route import Fib
from calico_agent.verify.catalogue import finding
from calico_agent.verify.view import View

# Felix takes every link of such a name for a pod's (interfacePrefix; in Kubernetes eleven digits follow). Bridges,
# dummies and links with an address of their own are none, whatever their names.
_PREFIX = "cali"
_FULL_LENGTHS = ((4, 32), (6, 128))


def find_workloads(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Each pod's link that works and that no host route leads into."""
    links = [
        link
        for link in kernel.links
        if link.name.startswith(_PREFIX) and link.kind == "veth" and link.up and link.running
    ]
    if not links or view.starting:
        return
    led_into = _devices(kernel.fib)
    for link in links:
        if link.name in led_into or any(held.scope == "global" for held in link.addresses):
            continue
        yield finding(
            "RT-WORKLOAD-MISSING",
            link.name,
            f"no route leads to {link.name}, the link of a pod of this host",
            why=f"{link.name} is up, and no host route of the main table has it as its device",
            effect="the pod gets no packets, not even from its own host",
            cure="Felix writes the route again within 90 s; if not: calicoctl get workloadendpoint --all-namespaces "
            f"-o wide | grep {link.name}",
            node=view.me,
            writer=Writer.FELIX,
        )


def _devices(fib: Fib) -> frozenset[str]:
    """The links into which host routes lead."""
    buckets = (fib.index.get(version, {}).get(length, {}) for version, length in _FULL_LENGTHS)
    paths = chain.from_iterable(found for bucket in buckets for found in bucket.values())
    return frozenset(hop.device for path in paths for hop in path.next_hops)
