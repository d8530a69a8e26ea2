"""Certificates that a real authority issued, and what is none."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.decode.certificate import decode_certificates
from calico_agent.decode.errors import Malformed

PEM = trustme.CA().cert_pem.bytes()


@pytest.mark.parametrize(
    "until",
    [
        pytest.param(datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), id="a year of two digits"),
        pytest.param(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), id="the last one of these"),
        pytest.param(datetime(2077, 1, 1, tzinfo=UTC), id="a year of four digits"),
    ],
)
def test_the_end_of_a_certificate(until: datetime) -> None:
    pem = trustme.CA().issue_cert("host1", not_after=until).cert_chain_pems[0].bytes()
    (one,) = decode_certificates(b"subject: some words before it\n" + pem)
    assert one.not_after == until
    assert one.not_before < datetime.now(UTC)


def test_several_in_one_file_in_their_order() -> None:
    authority = trustme.CA()
    ends = [datetime(2030, month, 1, tzinfo=UTC) for month in (5, 3)]
    pems = [authority.issue_cert("host1", not_after=end).cert_chain_pems[0].bytes() for end in ends]
    assert [one.not_after for one in decode_certificates(b"".join(pems))] == ends


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: PEM[:300] + junk + PEM[330:]))
def test_junk_is_malformed_and_nothing_else(junk: bytes) -> None:
    with suppress(Malformed):
        assert len(decode_certificates(junk)) == 1


def test_one_that_is_cut_short() -> None:
    with pytest.raises(Malformed, match="has no end"):
        decode_certificates(PEM[:200])
    with pytest.raises(Malformed, match="holds no certificate"):
        decode_certificates(b"")
