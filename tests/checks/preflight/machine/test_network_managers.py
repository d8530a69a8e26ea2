"""What a network manager does to Calico's links and routes."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.checks.preflight.machine.network_managers import check_network_managers
from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.host.network_managers import LinkState, Networkd, NetworkFile, NetworkManager, NetworkManagers
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from calico_agent.model.unreadable import Unreadable
from tests.checks.cluster import HEALTHY, stored
from tests.checks.preflight.case import CheckCase, check, prepared

NM, LINKS, ROUTES = "HOST-NETWORK-MANAGER", "HOST-NETWORKD links", "HOST-NETWORKD routes"
OK, WARNING, FAILURE, UNKNOWN, IDLE = (
    Verdict.OK,
    Verdict.WARNING,
    Verdict.FAILURE,
    Verdict.UNKNOWN,
    Verdict.NOT_APPLICABLE,
)
ETH0 = Link(2, "eth0", addresses=(LinkAddress(ip_interface("10.77.0.11/24")),))
POD = Link(7, "cali0a1b2c3d4e5", kind="veth")
MANAGED, LEFT = LinkState("configured", "/etc/systemd/network/10-eth0.network"), LinkState("unmanaged")
WIDE = NetworkFile("/etc/systemd/network/99-default.network", (("Type", "ether"),))
NARROW = NetworkFile("/etc/systemd/network/10-eth0.network", (("Name", "eth*"),))
VMWARE = NetworkFile("/etc/systemd/network/10-vmware.network", (("Virtualization", "vmware"),))
OURS = NetworkFile("/etc/systemd/network/00-calico.network", (("Name", "cali* vxlan.calico tunl*"),), unmanaged=True)


def linked(*links: Link, observation: Observation = HEALTHY) -> Observation:
    assert isinstance(observation.kernel, Kernel)
    return replace(observation, kernel=replace(observation.kernel, links=links))


def pooled(pool: Pool) -> Observation:
    return linked(ETH0, POD, observation=stored(pools=(pool,)))


PLAIN = linked(ETH0, POD)
CIDR = ip_network("192.168.0.0/16")
BY_VXLAN = pooled(Pool("default", CIDR, vxlan=EncapsulationMode.ALWAYS, block_size=26))
BY_IPIP = pooled(Pool("default", CIDR, ipip=EncapsulationMode.ALWAYS, block_size=26))
BY_WIREGUARD = linked(ETH0, POD, observation=stored(felix=FelixSettings(wireguard=frozenset({Family.IPV4}))))


def by_nm(manager: NetworkManager | Unreadable | None, observation: Observation = PLAIN) -> Observation:
    return prepared(observation, network_managers=NetworkManagers(network_manager=manager))


def by_networkd(networkd: Networkd | Unreadable, observation: Observation = PLAIN) -> Observation:
    return prepared(observation, network_managers=NetworkManagers(networkd=networkd))


NO_NETWORKD = {"HOST-NETWORKD": IDLE}

CASES = {
    "none of them runs": CheckCase(by_nm(None), {NM: IDLE, **NO_NETWORKD}),
    "NetworkManager is not told anything": CheckCase(
        by_nm(NetworkManager(), BY_IPIP),
        {NM: WARNING, **NO_NETWORKD},
        says=("not told to leave cali* and tunl0 alone", "/etc/NetworkManager/conf.d/99-calico.conf"),
    ),
    "udev has it leave the links of pods, and the host has no tunnel": CheckCase(
        by_nm(NetworkManager(leaves_veth=True)), {NM: OK, **NO_NETWORKD}
    ),
    "udev says nothing of a tunnel": CheckCase(
        by_nm(NetworkManager(leaves_veth=True), BY_VXLAN),
        {NM: WARNING, **NO_NETWORKD},
        says=("leave vxlan.calico alone",),
    ),
    "it is told as Calico's documentation says": CheckCase(
        by_nm(NetworkManager(("interface-name:cali*", "interface-name:tunl*", "interface-name:vxlan.calico")), BY_IPIP),
        {NM: OK, **NO_NETWORKD},
    ),
    "it is told by what cannot be known": CheckCase(
        by_nm(NetworkManager(("driver:veth/1.*",))), {NM: UNKNOWN, **NO_NETWORKD}
    ),
    "its files cannot be read": CheckCase(by_nm(Unreadable("NetworkManager", "denied")), {NM: UNKNOWN, **NO_NETWORKD}),
    "networkd keeps to the host's link and deletes what others route there": CheckCase(
        by_networkd(Networkd(links={2: MANAGED, 7: LEFT}, files=(NARROW,))),
        {NM: IDLE, LINKS: OK, ROUTES: WARNING},
        says=("from eth0 whenever it starts anew", "ManageForeignRoutes=no"),
    ),
    "it is told to keep routes": CheckCase(
        by_networkd(Networkd(keeps_routes=True, links={2: MANAGED, 7: LEFT}, files=(NARROW,))),
        {NM: IDLE, LINKS: OK, ROUTES: OK},
    ),
    "all routes lead into tunnels": CheckCase(
        by_networkd(Networkd(links={2: MANAGED}, files=(NARROW,)), BY_VXLAN), {NM: IDLE, LINKS: OK, ROUTES: OK}
    ),
    "the host's link is another's": CheckCase(
        by_networkd(Networkd(links={2: LEFT}, files=())), {NM: IDLE, LINKS: OK, ROUTES: OK}
    ),
    "it has taken the link of a pod": CheckCase(
        by_networkd(Networkd(keeps_routes=True, links={7: LinkState("configuring", WIDE.path)}, files=(WIDE,))),
        {NM: IDLE, LINKS: FAILURE, ROUTES: OK},
        says=("systemd-networkd manages cali*, by /etc/systemd/network/99-default.network", "Unmanaged=yes"),
    ),
    "it will take a tunnel that is not there yet": CheckCase(
        by_networkd(Networkd(keeps_routes=True, links={7: LEFT}, files=(WIDE,)), BY_VXLAN),
        {NM: IDLE, LINKS: FAILURE, ROUTES: OK},
        says=("manages vxlan.calico",),
    ),
    "a file before it leaves them alone": CheckCase(
        by_networkd(Networkd(keeps_routes=True, files=(OURS, WIDE)), BY_VXLAN), {NM: IDLE, LINKS: OK, ROUTES: OK}
    ),
    "a file asks for what is not known": CheckCase(
        by_networkd(Networkd(keeps_routes=True, files=(VMWARE,)), linked(ETH0)),
        {NM: IDLE, LINKS: UNKNOWN, ROUTES: OK},
    ),
    "the policy rules of WireGuard are deleted": CheckCase(
        by_networkd(Networkd(keeps_routes=True, links={2: MANAGED}, files=(NARROW,)), BY_WIREGUARD),
        {NM: IDLE, LINKS: OK, ROUTES: WARNING},
        says=("the policy rules of WireGuard",),
    ),
    "its files cannot be read either": CheckCase(
        by_networkd(Unreadable("systemd-networkd", "denied")), {NM: IDLE, "HOST-NETWORKD": UNKNOWN}
    ),
    "nothing was read": CheckCase(prepared(), {NM: UNKNOWN, "HOST-NETWORKD": UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_network_managers(case: CheckCase) -> None:
    check(case, check_network_managers)
