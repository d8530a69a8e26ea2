"""Who of the other nodes has just proved to be there, and who has not."""

from contextlib import suppress
from ipaddress import ip_address
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.decode_error import KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.neighbor_liveness import decode_lives
from tests.sources.kernel.netlink_messages import (
    AF_INET,
    AF_INET6,
    MAC,
    RTM_NEWNEIGH,
    ages,
    attribute,
    destination,
    done,
    dump,
    entry,
    message,
)

TWELVE = (2, ip_address("10.77.0.12").packed)


@pytest.mark.parametrize(
    ("state", "flags", "expected"),
    [
        pytest.param(0x02, 0, "silent", id="reachable"),
        pytest.param(0x04, 0x80, "silent", id="a router"),
        pytest.param(0x08, 0, "silent", id="sent to a moment ago"),
        pytest.param(0x10, 0, "awaited sent_to learned", id="being asked"),
        pytest.param(0x01, 0, "awaited learned", id="being looked for"),
        pytest.param(0x20, 0, "failed learned", id="without an answer"),
        pytest.param(0x80, 0, "", id="written in"),
        pytest.param(0x40, 0, "", id="one that is never asked"),
        pytest.param(0x02, 0x10, "sent_to", id="kept by another program"),
    ],
)
def test_the_life_of_a_neighbour(state: int, flags: int, expected: str) -> None:
    body = pack("=BxxxiHBB", AF_INET, 2, state, flags, 1) + destination("10.77.0.12") + ages(1250)
    absent, silent, others = decode_lives(dump([message(RTM_NEWNEIGH, body)]), {TWELVE}, 5.0)
    assert not absent
    if expected == "silent":
        assert (silent, others) == ([(1250, TWELVE)], {})
    else:
        assert not silent
        assert [
            word for word in ("failed", "awaited", "sent_to", "learned") if getattr(others[TWELVE], word)
        ] == expected.split()


def test_of_those_that_are_wanted_some_are_absent_and_some_silent() -> None:
    datagrams = dump(
        [
            entry(AF_INET, 2, 0x02, destination("10.77.0.12"), attribute(2, MAC), ages(499)),
            entry(AF_INET, 2, 0x02, destination("10.77.0.13"), attribute(2, MAC), ages(500)),
            entry(AF_INET, 2, 0x20, destination("10.77.0.14"), ages(40_000)),
            entry(AF_INET, 3, 0x02, destination("10.77.0.15"), attribute(2, MAC), ages(1)),
            entry(AF_INET, 2, 0x02, destination("10.77.0.16"), attribute(2, MAC), ages(40_000)),
            entry(AF_INET6, 4, 0x02, destination("fd00:77::12"), attribute(2, MAC), ages(0)),
        ]
    )

    def keys(*wanted: tuple[int, str]) -> set[tuple[int, bytes]]:
        return {(link, ip_address(address).packed) for link, address in wanted}

    on_eth0 = ((2, f"10.77.0.{number}") for number in (12, 13, 14, 15))
    wanted = keys(*on_eth0, (4, "fd00:77::12"), (4, "fd00:77::13"))
    absent, silent, others = decode_lives(datagrams, wanted, 5.0)
    assert absent == keys((2, "10.77.0.15"), (4, "fd00:77::13"))
    assert silent == [(500, *keys((2, "10.77.0.13")))]
    assert others.keys() == keys((2, "10.77.0.14"))


def test_an_entry_without_its_ages_is_malformed() -> None:
    for ages_of in (b"", attribute(3, bytes(12))):
        with pytest.raises(Malformed):
            decode_lives(dump([entry(AF_INET, 2, 0x02, destination("10.77.0.12"), ages_of)]), set(), 5.0)


@given(body=st.binary(max_size=80))
def test_no_bytes_crash_the_look_at_their_lives(body: bytes) -> None:
    with suppress(Malformed, KernelRefusal):
        decode_lives([message(RTM_NEWNEIGH, body) * 2, done()], set(), 5.0)
