"""Settings of links: built as the kernel builds them, and whatever bytes come."""

from contextlib import suppress
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.address import Family
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.netconf import decode_forwards
from tests.sources.kernel.netlink_messages import AF_INET, AF_INET6, done, message, number

ALL, DEFAULT = 0xFFFFFFFF, 0xFFFFFFFE


def settings(link: int, *, forwarding: int | None = None, family: int = AF_INET) -> bytes:
    """One message, of type RTM_NEWNETCONF."""
    told = b"" if forwarding is None else number(2, forwarding)
    return message(80, pack("=Bxxx", family) + number(1, link) + told + number(3, 2))


def test_what_is_set_for_each_link_and_for_all() -> None:
    datagram = settings(2, forwarding=1) + settings(3, forwarding=0) + settings(ALL, forwarding=1)
    others = settings(DEFAULT, forwarding=0) + settings(4) + settings(2, forwarding=0, family=AF_INET6)
    found = decode_forwards([datagram, others + done()], Family.IPV4, {2: "eth0"})
    assert found == {"eth0": True, "if3": False, "all": True}


def test_settings_that_are_cut_short() -> None:
    with pytest.raises(Malformed, match="cut short"):
        decode_forwards([message(80, b"\2") + done()], Family.IPV4, {})


@given(st.lists(st.binary(max_size=80).map(lambda body: message(80, body)), max_size=4))
def test_no_input_crashes_it(messages: list[bytes]) -> None:
    with suppress(Malformed, Interrupted, KernelRefusal):
        decode_forwards([b"".join(messages) + done()], Family.IPV4, {})
