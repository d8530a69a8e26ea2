"""What is chosen on hosts that are wired in many ways, on a kernel that has all kinds of links.

`test_links.py` runs this in a guest. A host is a network namespace, so one boot is enough for all of them.
"""

from collections.abc import Mapping

import pytest

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.settings import IdentitySettings
from calico_agent.sources.kernel.reader import read_kernel
from tests.identity.test_recorded_links import HOSTS, VIRTUAL, VRF
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import until
from tests.uml.wirings import ETH0, OTHERS, RECORDED

# What is chosen, by which rule, and the addresses beside it with what speaks against them.
Verdicts = tuple[str, str, Mapping[str, str]]
FLOATING = "floating"
OF_OTHERS: dict[str, Verdicts] = {
    "a default route over GRE with a source": ("10.33.0.5/24 on eth0", "default route", {}),
    "a VLAN of a GRE tunnel, with the default route": (
        "10.33.0.5/24 on eth0",
        "only candidate",
        {"10.34.0.5": VIRTUAL},
    ),
    "a macvlan of a dummy device": ("10.33.0.5/24 on eth0", "only candidate", {"10.34.0.5": VIRTUAL}),
    "a macvlan for the host's way to its containers": (
        "10.33.0.5/24 on eth0",
        "default route",
        {"10.33.0.250": FLOATING},
    ),
    "a default route into a VRF": ("10.33.0.5/24 on eth0", "only candidate", {"10.34.0.5": VRF}),
    "a bridge in a VRF, and an address of the VRF itself": (
        "10.33.0.5/24 on eth0",
        "default route",
        {"10.34.0.5": VRF, "10.34.1.5": VRF},
    ),
    "a macvlan of a VLAN of a bond": ("10.33.0.5/24 on mac0", "default route", {}),
    "a bridge over MACsec": ("10.33.0.5/24 on br0", "default route", {}),
    "a bridge over a mesh": ("10.33.0.5/24 on br0", "default route", {}),
    "a team": ("10.33.0.5/24 on team0", "default route", {}),
}


def read(host: NetworkNamespace) -> Kernel:
    kernel = host.run(read_kernel)
    assert isinstance(kernel, Kernel), kernel
    return kernel


def verdicts(host: NetworkNamespace) -> Verdicts:
    choice = identify_host(Host("host1"), read(host), Docker(), Datastore(), IdentitySettings(), ()).ipv4
    beside = {
        str(one.interface.ip): str(one.reason)
        for one in choice.candidates
        if not one.interface.ip.is_loopback and one.interface != choice.chosen
    }
    return f"{choice.chosen} on {choice.link}", choice.rule, beside


def check(host: NetworkNamespace, wanted: Verdicts) -> None:
    """A bond has its carrier a moment later."""
    until(f"{wanted}", lambda: verdicts(host) == wanted, lambda: str(verdicts(host)), seconds=10)


@pytest.mark.parametrize("name", RECORDED)
def test_a_host_has_the_verdicts_of_its_recording(name: str) -> None:
    with network_namespace() as host:
        host.ip(*RECORDED[name])
        check(host, HOSTS[name])


@pytest.mark.parametrize("name", OTHERS)
def test_each_address_has_its_verdict(name: str) -> None:
    with network_namespace() as host:
        host.ip(*OTHERS[name])
        check(host, OF_OTHERS[name])


def test_a_macvlan_of_another_namespaces_link_is_a_wire() -> None:
    """A host that is a container itself: the index of what it was made on is another link's here."""
    with network_namespace() as machine, network_namespace() as host:
        machine.ip(*ETH0)
        (parent,) = (link.index for link in read(machine).links if link.name == "eth0")
        host.ip(f"link add dummy0 index {parent} type dummy")
        machine.ip("link add link eth0 name mac0 type macvlan", f"link set mac0 netns {host.path} name eth0")
        host.ip("link set eth0 up", "addr add 10.33.0.6/24 dev eth0", "route add default via 10.33.0.254")
        check(host, ("10.33.0.6/24 on eth0", "default route", {}))
