"""The healthy cluster with VXLAN in place of plain routes, seen from host1."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network

from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from tests.checks.cluster import BOOT, DATASTORE, FELIX, POOL, drop, routed, stored, via

VTEPS = tuple(replace(node, vxlan_tunnel_address=ip_address(f"192.168.{node.name[-1]}.1")) for node in DATASTORE.nodes)
VXLAN = stored(
    routed(
        via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT),
        via("192.168.3.0/26", "192.168.3.1", "vxlan.calico", BOOT),
        drop("192.168.1.0/26", protocol=FELIX),
    ),
    pools=(replace(POOL, vxlan=EncapsulationMode.ALWAYS),),
    nodes=VTEPS,
)


def without(prefixes: Iterable[str], observation: Observation = VXLAN) -> Kernel:
    """The kernel of an observation without the routes to these prefixes."""
    kernel, gone = observation.kernel, set(map(ip_network, prefixes))
    assert isinstance(kernel, Kernel)
    return replace(kernel, fib=Fib.of(route for route in kernel.fib.routes if route.prefix not in gone))
