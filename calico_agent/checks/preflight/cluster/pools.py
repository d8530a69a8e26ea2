"""Whether the pools share addresses with something else that this host can see.

Networks of this host's links are judged by RT-OVERLAP, which leaves container bridges alone until a block lies in them.
While a cluster has no block at all, its pool can still be chosen: then these are told, too. A disabled pool gives no
addresses, and exempts destinations from NAT; it may cover what it likes.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import combinations

from calico_agent.checks.underlay.overlaps import find_overlaps
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.local_node import is_bridge
from calico_agent.expected.view import View
from calico_agent.faults.preflight.machine import HOST_POOL
from calico_agent.model.calico.node import Pool
from calico_agent.model.calico.service_ranges import ServiceRange, ServiceRanges
from calico_agent.model.finding import Severity
from calico_agent.model.network.address import IPNetwork, address_in
from calico_agent.model.network.tunnel import TUNNEL_DEVICES
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

_OTHER_POOL = "a new pool that overlaps nothing, and this one disabled (calicoctl); then make the pods anew"
_TO_COME = (("CALICO_IPV4POOL_CIDR", 4), ("CALICO_IPV6POOL_CIDR", 6))
_IPVS = "kube-ipvs0"
_UNSEEN = "the range of service addresses is not known on this host"
_API_SERVER = "KUBERNETES_SERVICE_HOST"


def check_pools(view: View) -> Iterator[Check]:
    """Yield one line for each overlap, and one for each kind of things with which there is none."""
    cluster = view.cluster
    if cluster is None:
        yield Check(HOST_POOL, Verdict.UNKNOWN, "pools: the datastore was not read")
        return
    pools = (*(pool for pool in cluster.datastore.pools if pool.gives_addresses), *_to_come(view, cluster))
    if not pools:
        yield Check(HOST_POOL, Verdict.NOT_APPLICABLE, "pools: there is none that gives addresses to pods")
        return
    yield from _or_ok(
        _networks(view, cluster, pools), "no pool shares addresses with a network of this host", "networks"
    )
    yield from _services(view, cluster, pools)
    yield from _or_ok(_docker(view, pools), "no pool shares addresses with a network of Docker's", "docker")
    yield from _or_ok(_each_other(pools), "no two pools share addresses", "pools")


def _to_come(view: View, cluster: Cluster) -> Iterator[Pool]:
    """The pool that calico/node makes when it starts: as it is told, where there is none of that family."""
    supervising, container = view.supervising, view.local.container
    spec = supervising.spec if supervising is not None else None
    given = dict(spec.env if spec is not None else container.env if container is not None else ())
    for variable, version in _TO_COME:
        if any(pool.cidr.version == version for pool in cluster.datastore.pools):
            continue
        try:
            yield Pool(f"of {variable}", ip_network(given.get(variable, ""), strict=False))
        except ValueError:
            continue


def _or_ok(found: Iterator[Check], otherwise: str, subject: str) -> Iterator[Check]:
    checks = tuple(found)
    yield from checks or (Check(HOST_POOL, Verdict.OK, otherwise, subject=subject),)


def _networks(view: View, cluster: Cluster, pools: tuple[Pool, ...]) -> Iterator[Check]:
    told = {found.subject: found for found in find_overlaps(view)}
    for found in told.values():
        verdict = Verdict.FAILURE if found.severity is Severity.ERROR else Verdict.WARNING
        yield Check(found.fault, verdict, found.what, found.effect, found.cure, found.subject)
    for candidate in view.local.candidates:
        network, bridge = candidate.interface.network, is_bridge(candidate)
        if network.num_addresses == 1 or candidate.link in TUNNEL_DEVICES or str(network) in told:
            continue
        for pool in _sharing(pools, network) if not cluster.blocks else ():
            yield _shared(
                f"{pool.name} {network}",
                f"the pool {pool.name} ({pool.cidr}) and the network {network} of {candidate.link} share addresses",
                f"once pods have addresses there, {'containers and machines' if bridge else 'hosts'} of {network} "
                "and these pods are taken for each other",
                Verdict.WARNING if bridge else Verdict.FAILURE,
            )


def _services(view: View, cluster: Cluster, pools: tuple[Pool, ...]) -> Iterator[Check]:
    ranges, subject = tuple(_service_ranges(view, cluster)), "services"
    if not ranges:
        kubelet = None if isinstance(view.observation.host, Unreadable) else view.observation.host.kubelet
        verdict, what = (
            (Verdict.NOT_APPLICABLE, "pools and services: no Kubernetes is seen here")
            if kubelet is None
            else (Verdict.UNKNOWN, f"pools and services: {_UNSEEN}")
        )
        yield Check(HOST_POOL, verdict, what, subject=subject)
        return
    overlaps = [(pool, one) for one in ranges for pool in _sharing(pools, one.network)]
    for pool, one in {(pool.name, one.source): (pool, one) for pool, one in overlaps}.values():
        yield _shared(
            f"{pool.name} {one.network}",
            f"the pool {pool.name} ({pool.cidr}) shares addresses with services ({one.network} by {one.source})",
            "packets for a pod that has the address of a service go to the service",
        )
    if not overlaps:
        sources = ", ".join(dict.fromkeys(one.source for one in ranges))
        whole = any(one.network.num_addresses > 1 for one in ranges)
        verdict, what = (
            (Verdict.OK, f"no pool shares addresses with services ({sources})")
            if whole
            else (Verdict.UNKNOWN, f"{_UNSEEN}; those that are seen lie in no pool ({sources})")
        )
        yield Check(HOST_POOL, verdict, what, subject=subject)


def _service_ranges(view: View, cluster: Cluster) -> Iterator[ServiceRange]:
    """From whoever knows some: kube-proxy in its mode ipvs has all service addresses on a link of its own."""
    ranges = view.preparation.services
    if isinstance(ranges, ServiceRanges):
        yield from ranges.found
    for network in cluster.bgp.services:
        yield ServiceRange(network, "BGPConfiguration")
    container = view.local.container
    if container is not None and (server := address_in(container.env_value(_API_SERVER))) is not None:
        yield ServiceRange(ip_network(server), f"{_API_SERVER} of container {container.name}")
    link = view.kernel.link(_IPVS) if view.kernel is not None else None
    for held in link.addresses if link is not None else ():
        if held.scope == "global":
            yield ServiceRange(ip_network(held.address), _IPVS)


def _docker(view: View, pools: tuple[Pool, ...]) -> Iterator[Check]:
    """Networks of Docker's that no link of this host shows: those of swarm mode live in namespaces of their own."""
    docker = view.observation.docker
    shown = {found.interface.network for found in view.local.candidates}
    for network in () if isinstance(docker, Unreadable) else docker.networks:
        for subnet in network.subnets:
            if any(subnet.version == one.version and subnet.overlaps(one) for one in shown):
                continue
            for pool in _sharing(pools, subnet):
                yield _shared(
                    f"{pool.name} {subnet}",
                    f"the pool {pool.name} ({pool.cidr}) shares addresses with {network.name} ({subnet}) of Docker",
                    f"containers of {network.name} do not reach pods that have such addresses",
                )


def _each_other(pools: tuple[Pool, ...]) -> Iterator[Check]:
    for one, other in combinations(pools, 2):
        if one.cidr.version == other.cidr.version and one.cidr.overlaps(other.cidr):
            yield _shared(
                f"{one.name} {other.name}",
                f"the pools {one.name} ({one.cidr}) and {other.name} ({other.cidr}) share addresses",
                "Calico takes a block for one of the longer prefix, whichever pool it was given from: encapsulation "
                "and NAT may be those of the other pool",
            )


def _sharing(pools: tuple[Pool, ...], network: IPNetwork) -> tuple[Pool, ...]:
    return tuple(pool for pool in pools if pool.cidr.version == network.version and pool.cidr.overlaps(network))


def _shared(subject: str, what: str, why: str, verdict: Verdict = Verdict.WARNING) -> Check:
    return Check(HOST_POOL, verdict, what, why, _OTHER_POOL, subject)
