"""How the kernel would send a packet, asked in a namespace with policy rules and held against `ip route get`."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route_trace import Lookup
from calico_agent.sources.kernel.reader import read_kernel
from calico_agent.sources.kernel.route_lookup import read_lookup
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip(
            "link add eth0 type veth peer name wire0",
            "link set eth0 addrgenmode none up",
            "link set wire0 addrgenmode none up",
            "addr add 10.77.0.11/24 dev eth0",
            "addr add fd00:77::11/64 dev eth0 nodad",
            "route add 192.168.2.0/26 via 10.77.0.12 proto bird",
            "route add blackhole 192.168.1.0/26",
            "route add 192.168.3.0/26 via 10.77.0.99 table 100",
            "rule add to 192.168.3.0/24 priority 100 lookup 100",
            "rule add iif wire0 fwmark 0x10/0xf0 priority 200 lookup 100",
            "route add fd00:192::/122 via fd00:77::12 proto bird",
        )
        yield namespace


def asked(host: NetworkNamespace, text: str) -> Lookup:
    kernel = host.run(read_kernel)
    assert isinstance(kernel, Kernel), kernel
    found = host.run(read_lookup, ip_address(text), kernel)
    assert isinstance(found, Lookup), found
    return found


@pytest.mark.parametrize(
    ("address", "route", "table", "leaves"),
    [
        ("192.168.2.5", "192.168.2.0/26 via 10.77.0.12 dev eth0 proto bird", 254, "via 10.77.0.12 dev eth0"),
        ("192.168.3.5", "192.168.3.0/26 via 10.77.0.99 dev eth0 proto boot", 100, "via 10.77.0.99 dev eth0"),
        ("10.77.0.12", "10.77.0.0/24 dev eth0 proto kernel", 254, "dev eth0"),
        ("10.77.0.11", "local 10.77.0.11/32 dev eth0 proto kernel", 255, "dev lo"),
        ("fd00:192::5", "fd00:192::/122 via fd00:77::12 dev eth0 proto bird", 254, "via fd00:77::12 dev eth0"),
    ],
)
def test_the_entry_and_its_table_are_those_that_the_kernel_follows(
    host: NetworkNamespace, address: str, route: str, table: int, leaves: str
) -> None:
    found = asked(host, address)
    assert found.route is not None
    assert (str(found.route), found.route.table, str(found.hop)) == (route, table, leaves)
    assert str(found.source) in host.output("ip", "route", "get", address)


@pytest.mark.parametrize(("address", "error"), [("192.168.1.5", "blackhole"), ("8.8.8.8", "no route")])
def test_a_packet_that_goes_nowhere_has_a_reason(host: NetworkNamespace, address: str, error: str) -> None:
    found = asked(host, address)
    assert (found.route, found.hop, found.error) == (None, None, error)


def test_the_rules_are_those_of_ip_rule_in_their_order(host: NetworkNamespace) -> None:
    assert [" ".join(str(rule).split()) for rule in asked(host, "10.77.0.12").rules] == [
        "0: from all lookup local",
        "100: from all to 192.168.3.0/24 lookup 100",
        "200: from all fwmark 0x10/0xf0 iif wire0 lookup 100",
        "32766: from all lookup main",
        "32767: from all lookup default",
    ]
