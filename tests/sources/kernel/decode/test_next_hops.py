"""Next hop objects: what routes share when they name one instead of repeating it."""

from contextlib import suppress
from ipaddress import ip_address
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.route import NextHop
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.next_hops import decode_next_hops
from tests.sources.kernel.netlink_messages import (
    AF_INET,
    AF_INET6,
    ENCAPSULATIONS,
    LINKS,
    RTM_NEWNEXTHOP,
    attribute,
    done,
    dump,
    encapsulation,
    message,
    number,
)


def next_hop_object(identifier: int, *parts: bytes, family: int = AF_INET, flags: int = 0) -> bytes:
    body = pack("=BBBBI", family, 0, 12, 0, flags) + number(1, identifier) + b"".join(parts)
    return message(RTM_NEWNEXTHOP, body)


def group(identifier: int, *members: tuple[int, int]) -> bytes:
    packed = b"".join(pack("=IBBH", member, weight & 255, weight >> 8, 0) for member, weight in members)
    return next_hop_object(identifier, attribute(2, packed), family=0)


ETH0, VXLAN = number(5, 2), number(5, 3)
FIRST = next_hop_object(1, ETH0, attribute(6, ip_address("10.77.0.12").packed))
SECOND = next_hop_object(2, VXLAN, attribute(6, ip_address("192.168.7.1").packed), flags=4)
SIXTH = next_hop_object(6, ETH0, attribute(6, ip_address("fe80::1").packed), family=AF_INET6, flags=1)


def test_an_object_is_a_next_hop() -> None:
    assert decode_next_hops(dump([FIRST, SECOND, SIXTH, next_hop_object(9, VXLAN)]), LINKS) == {
        1: (NextHop(ip_address("10.77.0.12"), "eth0"),),
        2: (NextHop(ip_address("192.168.7.1"), "vxlan.calico", onlink=True),),
        6: (NextHop(ip_address("fe80::1"), "eth0", dead=True),),
        9: (NextHop(None, "vxlan.calico"),),
    }


@pytest.mark.parametrize("word", [*ENCAPSULATIONS, "of type 11"])
def test_an_object_with_an_encapsulation_says_which(word: str) -> None:
    one = next_hop_object(1, ETH0, attribute(6, ip_address("10.77.0.12").packed), encapsulation(word, 8))
    found = decode_next_hops(dump([one, SECOND, group(10, (1, 0), (2, 0))]), LINKS)
    assert found[1] == (NextHop(ip_address("10.77.0.12"), "eth0", encapsulation=word),)
    assert [hop.encapsulation for hop in found[10]] == [word, ""]


def test_a_blackhole_object_has_no_next_hop() -> None:
    assert decode_next_hops(dump([next_hop_object(3, attribute(4, b""))]), LINKS) == {3: ()}


def test_a_group_is_its_members_with_their_weights() -> None:
    found = decode_next_hops(dump([group(10, (1, 0), (2, 299)), FIRST, SECOND]), LINKS)
    assert found[10] == (
        NextHop(ip_address("10.77.0.12"), "eth0"),
        NextHop(ip_address("192.168.7.1"), "vxlan.calico", onlink=True, weight=300),
    )


def test_a_group_with_a_member_that_is_not_there_was_read_while_it_changed() -> None:
    with pytest.raises(Interrupted):
        decode_next_hops(dump([group(10, (1, 0))]), LINKS)


@pytest.mark.parametrize(
    "broken",
    [
        message(RTM_NEWNEXTHOP, b"1234"),
        next_hop_object(1, attribute(2, b"12345")),
        next_hop_object(1, ETH0, attribute(6, b"123")),
        next_hop_object(1, attribute(5, b"1")),
    ],
    ids=["half a header", "half a member", "a gateway of a wrong size", "a link of a wrong size"],
)
def test_an_object_that_cannot_be_is_malformed(broken: bytes) -> None:
    with pytest.raises(Malformed):
        decode_next_hops(dump([broken]), LINKS)


@given(body=st.binary(max_size=80))
def test_no_bytes_crash_it(body: bytes) -> None:
    with suppress(Malformed, Interrupted, KernelRefusal):
        decode_next_hops([message(RTM_NEWNEXTHOP, body), done()], LINKS)
