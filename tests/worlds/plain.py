"""The smallest world that works, for cases that are written down: equal hosts on one wire, one pool, a pod on each."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from tests.worlds.model import history
from tests.worlds.model.values import (
    V3_31,
    DockerNetwork,
    Host,
    KernelRoute,
    Link,
    Pool,
    Release,
    Segment,
    World,
)

POOL = Pool("pool", ip_network("192.168.0.0/16"))
DOCKER0 = DockerNetwork("bridge", "docker0", ip_network("172.17.0.0/16"))


def plain(*pools: Pool, release: Release = V3_31, hosts: int = 3) -> World:
    """host1, host2, ... with 10.77.0.11, .12, ..., started, each with a pod web-0."""
    segment = Segment("wire", (ip_network("10.77.0.0/24"),))
    machines = tuple(map(host, range(1, hosts + 1)))
    world = World(release, (segment,), machines, pools=pools or (POOL,))
    for one in machines:
        world = history.restart(world, one.hostname)
    for one in machines:
        world = history.add_pod(world, one.hostname, "web-0", (4,))
    return world


def host(number: int) -> Host:
    """One of them, not started."""
    address = f"10.77.0.{10 + number}/24"
    default = KernelRoute(ip_network("0.0.0.0/0"), ip_address("10.77.0.1"), "eth0")
    return Host(
        f"host{number}",
        (Link("eth0", "", "wire", (ip_interface(address),)),),
        (DOCKER0,),
        (("NODENAME", f"host{number}"), ("IP", address)),
        routes=(default,),
        machine=number,
    )


def of_size(length: int) -> Pool:
    """The pool with blocks of another size."""
    return replace(POOL, block_size=length)
