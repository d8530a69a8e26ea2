"""The source of packets between nodes, by a real kernel: what is said of it, and that the printed command mends it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address

import pytest

from calico_agent.checks.underlay.outer_address import find_wrong_source
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.view import view_of
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.settings import Mode
from calico_agent.sources.kernel.reader import read_kernel
from tests.checks.cluster import IDENTITY, stored
from tests.netns import NetworkNamespace, network_namespace

NODES = (
    Node("host1", IPv4Interface("10.77.0.11/24"), IPv6Interface("fd00:77::11/64")),
    Node("host3", IPv4Interface("10.79.0.13/24"), IPv6Interface("fd00:79::13/64")),
    Node("host2", IPv4Interface("10.77.0.12/24"), IPv6Interface("fd00:77::12/64")),
)
SECOND = ("addr add 10.78.0.11/24 dev eth0", "addr add fd00:78::11/64 dev eth0 nodad")
BY_SECOND = (*SECOND, "route add default via 10.78.0.1", "route add ::/0 via fd00:78::1")


@dataclass(frozen=True)
class Host:
    """Host1 of three, as its kernel has it."""

    namespace: NetworkNamespace

    def found(self, to: str) -> Finding | None:
        """What is said of tunnelled packets to the node with this address."""
        destination = ip_address(to)
        kernel = self.namespace.run(read_kernel, (destination,))
        assert isinstance(kernel, Kernel)
        observation = replace(stored(nodes=NODES), kernel=kernel)
        view = view_of(observation, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
        kind = Encapsulation.IPIP if destination.version == 4 else Encapsulation.WIREGUARD
        name = next(node.name for node in NODES for one in (node.ipv4, node.ipv6) if one and one.ip == destination)
        return find_wrong_source(view, kernel, ForwardingPath(name, destination, kind, None, "tunnel"))


@contextmanager
def host1(*lines: str) -> Iterator[Host]:
    with network_namespace() as here, network_namespace() as there:
        for link in ("eth0", "eth1"):
            here.ip(f"link add {link} type veth peer name {link} netns {there.path}", f"link set {link} up")
            there.ip(f"link set {link} up")
        here.ip("addr add 10.77.0.11/24 dev eth0", "addr add fd00:77::11/64 dev eth0 nodad", *lines)
        yield Host(here)


@pytest.mark.real
@pytest.mark.parametrize(
    ("lines", "to"),
    [
        pytest.param(BY_SECOND, "10.79.0.13", id="the default route by the second address"),
        pytest.param(BY_SECOND, "fd00:79::13", id="the same of IPv6"),
        pytest.param(
            (*SECOND, "rule add to 10.79.0.0/16 lookup 100 priority 100", "route add default via 10.78.0.1 table 100"),
            "10.79.0.13",
            id="a table to which a policy rule leads",
        ),
        pytest.param(
            (*SECOND, "route add 10.79.0.0/24 via 10.77.0.1 src 10.78.0.11"), "10.79.0.13", id="a route that says so"
        ),
        pytest.param(
            ("addr del 10.77.0.11/24 dev eth0", "addr add 10.77.0.111/24 dev eth0", "addr add 10.77.0.11/24 dev eth0"),
            "10.77.0.12",
            id="a second address of one network that comes first",
        ),
        pytest.param(
            ("addr add 10.99.0.11/24 dev eth1", "route add default via 10.99.0.1"), "10.79.0.13", id="another link"
        ),
    ],
)
def test_the_printed_command_gives_packets_the_registered_source(lines: tuple[str, ...], to: str) -> None:
    with host1(*lines) as host:
        found = host.found(to)
        assert found is not None
        command = re.match(r"ip .*(?= on this host)", found.cure)
        assert command, found.cure
        host.namespace.output(*command[0].split())
        assert host.found(to) is None


@pytest.mark.real
@pytest.mark.parametrize(
    ("lines", "to"),
    [
        pytest.param(("route add default via 10.77.0.1",), "10.79.0.13", id="the default route by the first address"),
        pytest.param((), "10.77.0.12", id="a node of its network"),
        pytest.param((), "10.79.0.13", id="no way there"),
        pytest.param(
            (*SECOND, "route add default via 10.77.0.1"), "10.79.0.13", id="a second address that is not used"
        ),
    ],
)
def test_the_registered_source_is_right(lines: tuple[str, ...], to: str) -> None:
    with host1(*lines) as host:
        assert host.found(to) is None
