"""Pools, and whose addresses else they are."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.checks.preflight.cluster.pools import check_pools
from calico_agent.model.calico.node import BgpSettings, Pool
from calico_agent.model.calico.service_ranges import ServiceRange, ServiceRanges
from calico_agent.model.container.container import Docker
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import IPNetwork, Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import CONTAINER, DOCKER0, ETH0, HEALTHY, IDENTITY, POOL, block, contained, stored
from tests.checks.preflight.case import CheckCase, check, prepared

OK, WARNING, FAILURE, NOT_APPLICABLE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE, Verdict.NOT_APPLICABLE
VIRBR0 = Candidate(ip_interface("192.168.122.1/24"), "virbr0", "bridge-without-port", "is a bridge without a port")
ETH1 = Candidate(ip_interface("192.168.77.5/24"), "eth1")


def net(text: str) -> IPNetwork:
    return ip_network(text)


def lines(**other: Verdict) -> dict[str, Verdict]:
    usual = {"networks": OK, "services": NOT_APPLICABLE, "docker": OK, "pools": OK}
    return {f"HOST-POOL {subject}": verdict for subject, verdict in (usual | other).items()}


def with_links(*candidates: Candidate, of: Observation = HEALTHY, **lines: Verdict) -> CheckCase:
    identity = replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, *candidates)))
    return CheckCase(of, dict(lines), identity=identity)


def services(*networks: str) -> ServiceRanges:
    return ServiceRanges(
        tuple(ServiceRange(net(one), "--service-cluster-ip-range of kube-apiserver") for one in networks)
    )


FRESH = stored(blocks=(), affinities=())
POOLS = (POOL, Pool("second", net("10.244.0.0/16")))
KUBELET = replace(HEALTHY, host=Host("host1", kubelet=Kubelet(7)))
IPVS = Link(9, "kube-ipvs0", kind="dummy", addresses=(LinkAddress(ip_interface("192.168.0.10/32")),))
OVERLAY = DockerNetwork("app", "overlay", subnets=(net("192.168.64.0/24"),))
ELSEWHERE = DockerNetwork("ingress", "overlay", subnets=(net("10.0.0.0/24"),))


def docker(*networks: DockerNetwork) -> Observation:
    return replace(HEALTHY, docker=Docker(networks=networks, containers=(CONTAINER,)))


CASES = {
    "a host with a Docker bridge": CheckCase(prepared(), lines()),
    "two pools apart": CheckCase(prepared(stored(pools=POOLS)), lines()),
    "libvirt's bridge in a pool of a cluster with blocks elsewhere: its own affair": replace(
        with_links(DOCKER0, VIRBR0, of=prepared()), lines=lines()
    ),
    "libvirt's bridge in a pool that can still be chosen": replace(
        with_links(DOCKER0, VIRBR0, of=prepared(FRESH)),
        lines={k: v for k, v in lines().items() if "networks" not in k}
        | {"HOST-POOL default 192.168.122.0/24": WARNING},
        says=("192.168.122.0/24 of virbr0",),
    ),
    "a block lies on libvirt's bridge: RT-OVERLAP says it": replace(
        with_links(VIRBR0, of=prepared(stored(blocks=(block("host2", "192.168.122.64/26"),)))),
        lines={k: v for k, v in lines().items() if "networks" not in k} | {"RT-OVERLAP 192.168.122.0/24": WARNING},
    ),
    "a network of this host in the pool: RT-OVERLAP says it, once": replace(
        with_links(ETH1, of=prepared(FRESH)),
        lines={k: v for k, v in lines().items() if "networks" not in k} | {"RT-OVERLAP 192.168.77.0/24": WARNING},
    ),
    "the pool that is to be made has the hosts in it": CheckCase(
        prepared(
            replace(
                stored(FRESH, pools=()),
                docker=Docker(containers=(replace(CONTAINER, env=(("CALICO_IPV4POOL_CIDR", "10.0.0.0/8"),)),)),
            )
        ),
        {k: v for k, v in lines().items() if "networks" not in k}
        | {"HOST-POOL of CALICO_IPV4POOL_CIDR 10.77.0.0/24": FAILURE},
        ("the pool of CALICO_IPV4POOL_CIDR (10.0.0.0/8) and the network 10.77.0.0/24 of eth0 share addresses",),
    ),
    "the pool of the datastore counts, whatever the container says": CheckCase(
        prepared(contained(env=(("CALICO_IPV4POOL_CIDR", "10.0.0.0/8"),))), lines()
    ),
    "services elsewhere": CheckCase(
        prepared(services=services("10.96.0.0/12", "fd00:1::/108")), lines(services=OK), ("kube-apiserver",)
    ),
    "services inside the pool": CheckCase(
        prepared(services=services("192.168.0.0/20")),
        {k: v for k, v in lines().items() if "services" not in k} | {"HOST-POOL default 192.168.0.0/20": WARNING},
        ("(192.168.0.0/20 by --service-cluster-ip-range of kube-apiserver)",),
    ),
    "a service address on kube-ipvs0 inside the pool": CheckCase(
        prepared(replace(HEALTHY, kernel=Kernel(links=(IPVS,)))),
        {k: v for k, v in lines().items() if "services" not in k} | {"HOST-POOL default 192.168.0.10/32": WARNING},
    ),
    "the API's address is in the pool": CheckCase(
        prepared(contained(env=(("KUBERNETES_SERVICE_HOST", "192.168.0.1"),))),
        {k: v for k, v in lines().items() if "services" not in k} | {"HOST-POOL default 192.168.0.1/32": WARNING},
    ),
    "services that BIRD advertises": CheckCase(
        prepared(stored(bgp=BgpSettings(services=(net("10.96.0.0/12"),)))), lines(services=OK), ("BGPConfiguration",)
    ),
    "the API's address in the container's environment": CheckCase(
        prepared(contained(env=(("KUBERNETES_SERVICE_HOST", "10.96.0.1"),))),
        lines(services=Verdict.UNKNOWN),
        ("those that are seen lie in no pool",),
    ),
    "Kubernetes is here, and says nothing of services": CheckCase(
        prepared(KUBELET), lines(services=Verdict.UNKNOWN), ("not known on this host",)
    ),
    "swarm's networks apart, and one in the pool": CheckCase(
        prepared(docker(ELSEWHERE, OVERLAY)),
        {k: v for k, v in lines().items() if "docker" not in k} | {"HOST-POOL default 192.168.64.0/24": WARNING},
        ("app (192.168.64.0/24) of Docker",),
        ("ingress",),
    ),
    "pools that overlap": CheckCase(
        prepared(stored(pools=(POOL, Pool("small", net("192.168.3.0/24"))))),
        {k: v for k, v in lines().items() if "pools" not in k} | {"HOST-POOL default small": WARNING},
    ),
    "a disabled pool around everything exempts it from NAT": CheckCase(
        prepared(stored(pools=(POOL, Pool("no-nat", net("0.0.0.0/0"), disabled=True)))), lines()
    ),
    "no pool, and none to come": CheckCase(prepared(stored(pools=())), {"HOST-POOL": NOT_APPLICABLE}),
    "the datastore cannot be read": CheckCase(
        prepared(replace(HEALTHY, datastore=Unreadable("etcd", "no"))), {"HOST-POOL": Verdict.UNKNOWN}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_pools(case: CheckCase) -> None:
    check(case, check_pools)
