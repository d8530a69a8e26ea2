"""Addresses as Calico writes them, and as somebody else may."""

from ipaddress import ip_address

import pytest

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import interface, parse_address


def test_the_scope_of_a_link_local_address_is_left_out() -> None:
    """It names a link of the host that wrote it."""
    assert parse_address("fe80::1%eth0", "address") == ip_address("fe80::1")


@pytest.mark.parametrize("written", ["fd00::2%\x1b[31m", "10.0.0.1%eth0", "%eth0", 7, None])
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(Malformed) as refused:
        parse_address(written, "address")
    assert "\x1b" not in str(refused.value)


def test_an_address_with_its_prefix_length_has_no_scope() -> None:
    with pytest.raises(Malformed):
        interface({"ipv6Address": "fe80::1%eth0/64"}, "ipv6Address", 6)
