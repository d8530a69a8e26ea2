"""Neighbour tables and the forwarding database of VXLAN devices."""

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.neighbors import decode_forwarding, decode_neighbours
from tests.sources.kernel.netlink_messages import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    LINKS,
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


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (0x01, "INCOMPLETE"),
        (0x02, "REACHABLE"),
        (0x04, "STALE"),
        (0x08, "DELAY"),
        (0x10, "PROBE"),
        (0x20, "FAILED"),
        (0x40, "NOARP"),
        (0x80, "PERMANENT"),
        (0x00, "NONE"),
        (0x82, "0x82"),
    ],
)
def test_a_neighbour_has_the_kernels_word_for_its_state(state: int, word: str) -> None:
    datagrams = dump([entry(AF_INET, 2, state, destination("10.77.0.12"), attribute(2, MAC))])
    assert decode_neighbours(datagrams, LINKS) == (
        Neighbour(ip_address("10.77.0.12"), "eth0", word, "66:3b:00:aa:01:ff"),
    )


def test_both_families_are_neighbours_and_a_bridges_entries_are_not() -> None:
    datagrams = dump(
        [
            entry(AF_INET6, 2, 0x20, destination("fd00:77::12")),
            entry(AF_BRIDGE, 3, 0x80, destination("10.77.0.12"), attribute(2, MAC)),
            entry(12, 2, 0x80, attribute(1, b"ab")),
        ]
    )
    assert decode_neighbours(datagrams, LINKS) == (Neighbour(ip_address("fd00:77::12"), "eth0", "FAILED", ""),)


def test_entries_of_every_layout_come_in_their_order() -> None:
    """Of equal length and yet with other attributes, or the same in another order."""
    mac = attribute(2, MAC)
    datagrams = dump(
        [
            entry(AF_INET, 2, 0x02, destination("10.77.0.12"), mac),
            entry(AF_INET, 2, 0x04, destination("10.77.0.13"), mac),
            entry(AF_INET, 2, 0x04, mac, destination("10.77.0.14")),
            entry(AF_INET, 2, 0x04, destination("10.77.0.15"), attribute(5, b"vlan5678")),
            entry(AF_INET, 2, 0x04, destination("10.77.0.16"), mac, destination("10.77.0.99")),
            entry(AF_INET, 2, 0x04, attribute(5, b"vlan56"), mac),
            entry(AF_INET6, 2, 0x02, destination("fd00:77::12"), mac),
        ]
    )
    assert [(str(one.address), one.mac) for one in decode_neighbours(datagrams, LINKS)] == [
        ("10.77.0.12", "66:3b:00:aa:01:ff"),
        ("10.77.0.13", "66:3b:00:aa:01:ff"),
        ("10.77.0.14", "66:3b:00:aa:01:ff"),
        ("10.77.0.15", ""),
        ("10.77.0.16", "66:3b:00:aa:01:ff"),
        ("fd00:77::12", "66:3b:00:aa:01:ff"),
    ]


def test_an_audit_gets_the_entries_that_tell_something_and_the_devices_that_it_names() -> None:
    alive = [entry(AF_INET, 2, 0x02, destination(f"10.77.0.{i}"), attribute(2, MAC)) for i in range(1, 200)]
    silent = entry(AF_INET, 2, 0x20, destination("10.77.0.200")), entry(AF_INET, 4, 0x01, destination("10.77.0.201"))
    tunnel = entry(AF_INET, 3, 0x80, destination("192.168.7.1"), attribute(2, MAC))
    on_tunnel = entry(AF_INET, 3, 0x02, destination("192.168.7.2"), attribute(2, MAC))
    datagrams = dump([*alive[:99], silent[0], tunnel, on_tunnel, *alive[99:], silent[1]], per_datagram=60)

    def found(*devices: int) -> list[str]:
        return [str(one.address) for one in decode_neighbours(datagrams, LINKS, frozenset(devices))]

    assert found() == ["10.77.0.200", "192.168.7.1", "10.77.0.201"]
    assert found(3) == ["10.77.0.200", "192.168.7.1", "192.168.7.2", "10.77.0.201"]
    assert len(found(2)) == 199 + 3


def test_an_entry_of_which_only_the_ages_have_changed_is_the_same_object() -> None:
    (first,), (second,), (third,) = (
        decode_neighbours(dump([entry(AF_INET, 2, state, destination("10.77.0.12"), attribute(2, MAC), age)]), LINKS)
        for state, age in ((2, ages(5)), (2, ages(6)), (4, ages(7)))
    )
    assert first is second
    assert third.state == "STALE"


def test_only_entries_that_lead_to_another_host_forward() -> None:
    datagrams = dump(
        [
            entry(AF_BRIDGE, 3, 0x80, attribute(2, MAC), destination("10.77.0.12")),
            entry(AF_BRIDGE, 3, 0x80, attribute(2, MAC), destination("fd00:77::12")),
            entry(AF_BRIDGE, 2, 0x80, attribute(2, MAC)),
            entry(AF_INET, 2, 0x02, destination("10.77.0.13"), attribute(2, MAC)),
        ]
    )
    assert decode_forwarding(datagrams, LINKS) == (
        ForwardingEntry("66:3b:00:aa:01:ff", "vxlan.calico", ip_address("10.77.0.12")),
        ForwardingEntry("66:3b:00:aa:01:ff", "vxlan.calico", ip_address("fd00:77::12")),
    )


@pytest.mark.parametrize(
    "broken", [message(RTM_NEWNEIGH, b"12345678901"), entry(AF_INET, 2, 2, attribute(1, b"123"))], ids=["cut", "size"]
)
def test_an_entry_that_cannot_be_is_malformed(broken: bytes) -> None:
    with pytest.raises(Malformed):
        decode_neighbours(dump([broken]), LINKS)


entries = st.builds(
    lambda family, index, state, parts: (family, index, state, parts),
    st.sampled_from([AF_INET, AF_INET6, AF_BRIDGE]),
    st.sampled_from(sorted(LINKS)),
    st.sampled_from([1, 2, 4, 0x20, 0x80]),
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([b"", b"1234", b"123456", bytes(16)])), max_size=4),
)


@given(table=st.lists(entries, max_size=12), devices=st.none() | st.frozensets(st.sampled_from(sorted(LINKS))))
def test_together_they_are_read_as_each_alone_is(
    table: list[tuple[int, int, int, list[tuple[int, bytes]]]], devices: frozenset[int] | None
) -> None:
    messages = [
        entry(family, index, state, *(attribute(kind, value) for kind, value in parts))
        for family, index, state, parts in table
    ]

    def read(*chosen: bytes) -> tuple[list[Neighbour], list[ForwardingEntry]] | None:
        try:
            whole = dump(chosen)
            return list(decode_neighbours(whole, LINKS, devices)), list(decode_forwarding(whole, LINKS))
        except Malformed:
            return None

    alone = [read(one) for one in messages]
    if None in alone:
        assert read(*messages) is None
    else:
        assert read(*messages) == tuple(
            [row for found in alone if found is not None for row in found[which]] for which in (0, 1)
        )


@given(body=st.binary(max_size=80))
def test_no_bytes_crash_it(body: bytes) -> None:
    for decode in (decode_neighbours, decode_forwarding):
        for messages in (message(RTM_NEWNEIGH, body), message(RTM_NEWNEIGH, body) * 2):
            with suppress(Malformed, Interrupted, KernelRefusal):
                decode([messages, done()], LINKS)
