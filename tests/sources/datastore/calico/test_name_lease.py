"""Claims in etcd are read as they are written, and nothing that is written there can hurt."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bad_key import BadKey
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ALIVE, CLAIMS, OWNERS, AliveSign, ClaimName, NameOwner
from calico_agent.sources.datastore.calico.name_lease import decode_claim, encode_owner
from calico_agent.sources.datastore.etcd3.decode import decode_key
from calico_agent.sources.decode_error import Malformed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40)


@given(WORDS, WORDS, st.lists(WORDS, max_size=16), WORDS, WORDS)
def test_what_is_written_is_read_back(
    machine_id: str, boot_id: str, macs: list[str], hostname: str, address: str
) -> None:
    machine = Machine(machine_id, boot_id, tuple(macs), hostname, address)
    text = encode_owner(ClaimName("host1", machine, NOW))
    assert decode_claim(f"{OWNERS}host1", text.encode()) == NameOwner("host1", machine, NOW, text)


def test_a_sign_of_life_has_no_date() -> None:
    value = json.dumps({"machine_id": "a" * 32, "macs": ["52:54:00:00:00:01"]}).encode()
    assert decode_claim(f"{ALIVE}host1", value) == AliveSign("host1", Machine("a" * 32, macs=("52:54:00:00:00:01",)))


def test_fields_of_a_later_version_are_passed_over() -> None:
    found = decode_claim(f"{OWNERS}host1", b'{"machine_id": "a", "rack": {"row": 7}, "since": null}')
    assert isinstance(found, NameOwner)
    assert (found.machine, found.since) == (Machine("a"), None)


@pytest.mark.parametrize("key", [f"{CLAIMS}", f"{CLAIMS}other/host1", f"{CLAIMS}names"])
def test_a_key_of_another_kind_is_no_claim(key: str) -> None:
    assert decode_claim(key, b"{}") is None


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"\xff", b'{"machine_id": 7}', b'{"since": "yesterday"}', b'{"macs": "x"}', b"{" + b" " * 9000 + b"}"],
    ids=["empty", "a list", "no text", "a number", "no time", "no list", "too long"],
)
def test_a_value_that_is_no_claim_is_a_bad_key_and_hurts_nobody(value: bytes) -> None:
    with pytest.raises(Malformed):
        decode_claim(f"{OWNERS}host1", value)
    assert isinstance(decode_key(f"{OWNERS}host1", value), BadKey)
