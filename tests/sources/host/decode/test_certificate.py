"""Certificates that a real authority issued, and what is none."""

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.decode.certificate import decode_certificate, decode_certificates

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


def test_whose_it_is_and_what_it_may_be_used_for() -> None:
    by_name = trustme.CA().issue_cert("etcd1.example", common_name="etcd one").cert_chain_pems[0].bytes()
    without = trustme.CA().issue_cert("etcd1.example").cert_chain_pems[0].bytes()
    authority, named, unnamed = (decode_certificates(pem)[0] for pem in (PEM, by_name, without))
    assert authority.for_clients, "it says nothing of its use"
    assert not authority.usages
    assert (named.subject, unnamed.subject) == ("etcd one", "etcd1.example")
    assert named.for_clients
    assert "1.3.6.1.5.5.7.3.1" in named.usages, "servers, RFC 5280, 4.2.1.12"


def test_the_binary_form_in_place_of_text_is_told() -> None:
    der = b64decode("".join(PEM.decode().splitlines()[1:-1]))
    with pytest.raises(Malformed, match="form DER"):
        decode_certificates(der)
    assert decode_certificate(der) == decode_certificates(PEM)[0]


def test_one_that_is_cut_short() -> None:
    with pytest.raises(Malformed, match="has no end"):
        decode_certificates(PEM[:200])
    with pytest.raises(Malformed, match="holds no certificate"):
        decode_certificates(b"")
