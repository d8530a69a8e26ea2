"""Candidates on real links of a real kernel, and on the bridges that a real Docker makes while we look."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.autodetection import parse_method
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity, KeptIdentity
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.kernel.reader import read_kernel
from tests.docker_engine import IMAGE, docker_engine, kill_dockerd
from tests.identity.machine import kept
from tests.lab.engine import Engine
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real

# One wire with the default route, and everything this kernel can make beside it. The newest link is the one that Calico
# looks at first.
LINES = (
    "link add eth0 type veth peer name wire0",
    "link set eth0 up",
    "link set wire0 up",
    "addr add 10.77.0.11/24 dev eth0",
    "addr add 10.77.0.12/24 dev eth0",  # of the same subnet
    "addr add 10.77.0.100/32 dev eth0",
    "addr add 2001:db8:77::11/64 dev eth0 nodad",
    "route add default via 10.77.0.1",
    "link add virbr0 type bridge",
    "addr add 192.168.122.1/24 dev virbr0",
    "link add lan0 type veth peer name pod0",
    "link set lan0 master virbr0 up",
    "link set virbr0 up",
    "link add tunnel0 type vxlan id 7 dstport 4789 remote 10.77.0.12 dev eth0",
    "addr add 10.7.0.1/24 dev tunnel0",
    "link set tunnel0 up",
    "link add shape0 type ifb",
    "addr add 10.8.0.1/24 dev shape0",
    "link set shape0 up",
    "tuntap add dev vm0 mode tap",
    "addr add 10.9.0.1/24 dev vm0",
    "tuntap add dev vpn0 mode tun",
    "addr add 10.10.0.1/24 dev vpn0",
    "addr add 169.254.7.7/16 dev eth0 scope link",
)
REASONS = {
    "127.0.0.1": "loopback",
    "10.77.0.11": "",
    "10.77.0.12": "",
    "10.77.0.100": "floating",
    "169.254.7.7": "link-local",
    "192.168.122.1": "bridge-without-port",
    "10.7.0.1": "virtual-link",
    "10.8.0.1": "virtual-link",
    "10.9.0.1": "virtual-link",
    "10.10.0.1": "virtual-link",
}


@dataclass(frozen=True)
class Eyes:
    """What is seen of one host, as often as asked."""

    namespace: NetworkNamespace
    docker: Callable[[], Docker | Unreadable] = Docker

    def identify(self, settings: IdentitySettings | None = None, kept: KeptIdentity | None = None) -> Identity:
        kernel = self.namespace.run(read_kernel)
        assert isinstance(kernel, Kernel), kernel
        host = Host("host1")
        used = settings or IdentitySettings()
        return identify_host(host, kernel, self.docker(), Datastore(), used, (), kept=kept or KeptIdentity())


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    with network_namespace() as namespace:
        namespace.ip(*LINES)
        namespace.wait_for("state UP", "ip", "link", "show", "eth0")
        yield Eyes(namespace)


def test_each_real_address_has_its_verdict(eyes: Eyes) -> None:
    identity = eyes.identify(IdentitySettings(ipv6=AddressSettings("auto")))
    assert {str(one.interface.ip): str(one.reason) for one in identity.ipv4.candidates} == REASONS
    assert str(identity.ipv6.chosen) == "2001:db8:77::11/64"


def test_of_two_addresses_of_one_network_the_first_is_no_better(eyes: Eyes) -> None:
    """The kernel sends from whichever was configured first, and may change that when one is added again."""
    choice = eyes.identify().ipv4
    assert (choice.chosen, choice.refusal_code) == (None, "IP-AMBIGUOUS")
    for address in ("10.77.0.11", "10.77.0.12"):
        assert str(eyes.identify(kept=kept(f"{address}/24")).ipv4.chosen) == f"{address}/24"
    eyes.namespace.ip("addr del 10.77.0.11/24 dev eth0")
    eyes.namespace.ip("addr add 10.77.0.12/24 dev eth0", "addr add 10.77.0.11/24 dev eth0")
    assert str(eyes.identify(kept=kept("10.77.0.11/24")).ipv4.chosen) == "10.77.0.11/24"
    eyes.namespace.ip("addr del 10.77.0.12/24 dev eth0")


def test_calico_itself_would_have_taken_the_newest_link(eyes: Eyes) -> None:
    """Proof that the order here is the kernel's, reversed: first-found takes the tun device, made last."""
    (itself, *_) = eyes.identify().ipv4.calico
    assert itself.detail.startswith("first-found would take 10.10.0.1 (vpn0), which is on a tun/tap device")


def test_the_hosts_bridge_over_its_wire_is_right(eyes: Eyes) -> None:
    """The same veth as port of a bridge that holds the default route: a container host's br0."""
    eyes.namespace.ip(
        "addr flush dev eth0",
        "link add br0 type bridge",
        "link set eth0 master br0",
        "link set br0 up",
        "addr add 10.77.0.11/24 dev br0",
        "route add default via 10.77.0.1",
    )
    eyes.namespace.wait_for("state UP", "ip", "link", "show", "br0")
    choice = eyes.identify().ipv4
    assert (str(choice.chosen), choice.link) == ("10.77.0.11/24", "br0")


@pytest.mark.parametrize(
    ("line", "address"),
    [("addr add 10.77.0.11/31 dev eth0", "10.77.0.11/31"), ("addr add 10.77.0.11/32 dev eth0", "10.77.0.11/32")],
    ids=["a point-to-point wire", "a single address, as clouds give"],
)
def test_an_address_without_a_subnet_is_accepted(line: str, address: str) -> None:
    with network_namespace() as namespace:
        namespace.ip("link add eth0 type veth peer name wire0", "link set eth0 up", "link set wire0 up", line)
        namespace.ip("route add default dev eth0")
        namespace.wait_for("state UP", "ip", "link", "show", "eth0")
        assert str(Eyes(namespace).identify().ipv4.chosen) == address


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@pytest.fixture
def docker_host(engine: Engine) -> Iterator[Eyes]:
    """A host with a wire and a real dockerd, in the namespaces of that."""
    engine.host.ip(
        "link add eth0 type veth peer name wire0",
        "link set eth0 up",
        "link set wire0 up",
        "addr add 10.77.0.11/24 dev eth0",
        "route add default via 10.77.0.1",
    )
    descriptor = os.open(f"/proc/{engine.host.init}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with closing(DockerReader(engine.socket)) as reader:
            yield Eyes(NetworkNamespace(descriptor), lambda: reader.read("calico-node"))
    finally:
        os.close(descriptor)
        engine.host.ip("link del eth0")


def test_networks_that_docker_makes_meanwhile_change_nothing(engine: Engine, docker_host: Eyes) -> None:
    """Making one moved Calico's node (projectcalico/calico#3194); whatever the bridge is called, it is Docker's.

    Then dockerd is killed: its bridges are left, and no list says whose they are.
    """
    first_found = IdentitySettings(ipv4=AddressSettings("calico", calico=parse_method("first-found", 4)))
    everything = replace(first_found.ipv4, calico=parse_method("interface=.*", 4))
    networks = {
        "plain": (),
        "compose": ("--subnet", "10.99.0.0/24"),
        "like-a-wire": ("--opt", "com.docker.network.bridge.name=eth7", "--subnet", "10.98.0.0/24"),
        "with-a-container": ("--opt", "com.docker.network.bridge.name=ens3"),
    }
    chosen: set[str] = set()
    for name, options in networks.items():
        engine.docker("network", "create", *options, name)
        if name == "with-a-container":
            engine.docker("run", "--detach", f"--network={name}", "--env", "SCRIPT=:", IMAGE)
        ways = (IdentitySettings(), first_found, IdentitySettings(ipv4=everything))
        chosen |= {str(docker_host.identify(settings).ipv4.chosen) for settings in ways}
    assert chosen == {"10.77.0.11/24"}
    bridges = [one for one in docker_host.identify().ipv4.candidates if one.reason == "docker-network"]
    assert len(bridges) == 5
    itself = docker_host.identify().ipv4.calico[0]
    assert "(ens3), which belongs to Docker's network 'with-a-container'" in itself.detail

    kill_dockerd(engine)
    left = docker_host.identify()
    assert str(left.ipv4.chosen) == "10.77.0.11/24"
    evidence = {one.link: one.evidence for one in left.ipv4.candidates if one.link not in {"lo", "eth0"}}
    assert len(evidence) == 5
    assert all(
        text.startswith("is Docker's by its name or MAC address (Docker itself cannot") for text in evidence.values()
    )
