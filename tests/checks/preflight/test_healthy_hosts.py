"""Hosts of many kinds on which nothing is wrong, and nothing is said to be."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.checks.preflight.cluster.other_cni import check_other_cni
from calico_agent.checks.preflight.cluster.pools import check_pools
from calico_agent.checks.preflight.machine.disks import check_disks
from calico_agent.checks.preflight.machine.engine import check_engine
from calico_agent.expected.view import View
from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Block, Datastore, Node, Pool
from calico_agent.model.calico.service_ranges import ServiceRange, ServiceRanges
from calico_agent.model.container.container import Docker
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.engine import Engine
from calico_agent.model.host.disk import Disks, FileSystem
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.identity import Candidate, Identity
from calico_agent.model.network.address import Link, LinkAddress, Vxlan
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.settings import IdentitySettings
from tests.checks.cluster import CONTAINER, DOCKER0, ETH0, HEALTHY, IDENTITY, stored
from tests.checks.preflight.case import prepared, view
from tests.places import DATA
from tests.replay.capture import read_capture

CHECKS: tuple[Callable[[View], Iterator[Check]], ...] = (check_disks, check_engine, check_pools, check_other_cni)
DISK = FileSystem("/", "ext4", ("/var/lib/docker", "/var/lib/calico"), 40 << 30, 9 << 30, 2 << 30, 2_600_000, 900_000)
ENGINE = Engine("20.10.24", "/var/lib/docker", "overlay2", cgroup_version="2", security=frozenset({"seccomp"}))
READ = {"disks": Disks((DISK,)), "engine": ENGINE, "other_cni": OtherCni(), "services": ServiceRanges()}


def amiss(observation: Observation, identity: Identity, **read: object) -> list[str]:
    seen = view(prepared(observation, **{**READ, **read}), identity)
    found = (one for check in CHECKS for one in check(seen))
    return [f"{one.code}: {one.what}" for one in found if one.verdict in {Verdict.WARNING, Verdict.FAILURE}]


@pytest.mark.parametrize("host", ["host1", "host2"])
@pytest.mark.parametrize(
    "capture",
    [
        "calico-v2.3/healthy",
        "calico-v2.3/healthy-no-ipip",
        "calico-v3.31.7/healthy",
        "calico-v3.31.7/dual-stack",
        "calico-v3.31.7/vxlan-always",
        "calico-ipip/ipip-cross-subnet",
    ],
)
def test_recorded(capture: str, host: str) -> None:
    seen = read_capture(DATA / capture, host)
    identity = identify_host(seen.host, seen.kernel, seen.docker, seen.datastore, IdentitySettings(), ())
    assert amiss(seen, identity) == []


def link(name: str, kind: str, *addresses: str, vxlan: Vxlan | None = None) -> Link:
    return Link(9, name, kind=kind, addresses=tuple(LinkAddress(ip_interface(one)) for one in addresses), vxlan=vxlan)


def on_links(*candidates: Candidate) -> Identity:
    return replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, *candidates)))


def test_kubespray_with_ipvs_and_a_local_resolver() -> None:
    """Its pods and services are halves of one /17 (roles/kubespray_defaults, kube_pods_subnet)."""
    pool = Pool("default-pool", ip_network("10.233.64.0/18"), block_size=26)
    ipvs = link("kube-ipvs0", "dummy", "10.233.0.1/32", "10.233.0.3/32")
    resolver = link("nodelocaldns", "dummy", "169.254.25.10/32")
    docker = Docker(networks=(DockerNetwork("bridge", "bridge", "docker0", (ip_network("172.17.0.0/16"),)),))
    seen = replace(
        stored(pools=(pool,), blocks=(Block(ip_network("10.233.64.0/26"), "host1"),)),
        host=Host("host1", kubelet=Kubelet(7)),
        kernel=Kernel(links=(ipvs, resolver)),
        docker=replace(docker, containers=(CONTAINER,)),
    )
    services = ServiceRange(ip_network("10.233.0.0/18"), "--service-cluster-ip-range of kube-apiserver")
    assert amiss(seen, on_links(DOCKER0), services=ServiceRanges((services,))) == []


def test_canal() -> None:
    """flannel has the network of pods, in what is also Calico's pool; Calico has policy."""
    pool = Pool("default", ip_network("10.244.0.0/16"))
    flannel = link("flannel.1", "vxlan", "10.244.0.0/32", vxlan=Vxlan(1, 8472))
    container = replace(CONTAINER, env=(("CALICO_NETWORKING_BACKEND", "none"),))
    seen = replace(
        HEALTHY,
        datastore=Datastore(nodes=(Node("host1"),), pools=(pool,)),
        kernel=Kernel(links=(flannel,)),
        docker=Docker(containers=(container,)),
    )
    assert amiss(seen, on_links(DOCKER0), other_cni=OtherCni(("flanneld",))) == []


def test_a_configuration_of_podmans_behind_calicos() -> None:
    assert amiss(HEALTHY, IDENTITY, other_cni=OtherCni(files=("/etc/cni/net.d/87-podman-bridge.conflist",))) == []
