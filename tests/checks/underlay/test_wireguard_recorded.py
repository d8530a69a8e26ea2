"""Where packets go with WireGuard, as a kernel reported it: Felix's rule leads past the main table, save for peers
without a key."""

from ipaddress import ip_address

import pytest

from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from tests.identity.test_recorded_links import by_bytes, by_words

ENCRYPTED, CLEAR = "192.168.183.65", "192.168.55.65"


def way(kernel: Kernel, pod: str) -> str:
    route = kernel.route_to(ip_address(pod))
    assert route is not None
    return f"table {route.table}: {route}"


@pytest.mark.parametrize("read", [by_bytes, by_words], ids=["by netlink", "by ip"])
@pytest.mark.parametrize(
    ("name", "encrypted"),
    [
        ("wireguard", "table 1: 192.168.183.64/26 dev wireguard.cali proto felix"),
        ("wireguard-down", "table 254: 192.168.183.64/26 via 10.77.0.12 dev eth0 proto bird"),
    ],
)
def test_where_packets_go(name: str, encrypted: str, read: object) -> None:
    assert callable(read)
    kernel = read(name)
    assert way(kernel, ENCRYPTED) == encrypted
    assert way(kernel, CLEAR) == "table 254: 192.168.55.64/26 via 10.77.0.12 dev eth0 proto bird"


def test_what_felix_made_is_read() -> None:
    kernel = by_bytes("wireguard")
    device = kernel.link("wireguard.cali")
    assert device is not None
    assert (device.kind, device.up, device.mtu, device.mac) == ("wireguard", True, 1440, "")
    assert "99: not from all fwmark 0x200000/0x200000 lookup 1" in map(str, kernel.rules[Family.IPV4])
    assert {str(route) for route in kernel.tables[1].routes} == {
        "throw 192.168.55.64/26 proto felix",
        "192.168.183.64/32 dev wireguard.cali proto felix",
        "192.168.183.64/26 dev wireguard.cali proto felix",
    }
    assert [str(route) for route in by_bytes("wireguard-down").tables[1].routes] == [
        "throw 192.168.55.64/26 proto felix"
    ]
