"""What a bundle has of the datastore is read again as what was there."""

import json
from pathlib import Path
from typing import Any

import pytest

from calico_agent.diags.bundle import BundlePart
from calico_agent.diags.datastore_parts import DATASTORE, shown_value
from tests.places import DATA
from tests.replay.datastore import read_datastore
from tests.reports import NOW

RECORDED = sorted(path.parent for path in DATA.glob("calico-v3*/*/etcd.jsonl"))


def stored(value: Any) -> bytes:
    """The bytes etcd held."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@pytest.mark.parametrize("capture", RECORDED, ids=lambda path: path.name)
def test_recorded_records_are_the_same_datastore_after_they_went_through_a_bundle(
    capture: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in (capture / "etcd.jsonl").read_text().splitlines()]
    newest = max(int(row["mod_revision"]) for row in rows)
    head: dict[str, object] = {"kind": "v3", "pod_cidrs": False, "revision": newest}
    lines = [head, *({"key": row["key"], "value": shown_value(stored(row["value"]))} for row in rows)]
    (tmp_path / DATASTORE).write_text(BundlePart(DATASTORE, lines=lines).scrubbed(()))
    assert read_datastore(tmp_path, NOW) == read_datastore(capture, NOW)


@pytest.mark.parametrize("value", [b"true", b"64512", b"1.0", b'"text"', b"info", b"\xff", b"", b"{}", b"[1]", b"{x"])
def test_a_value_that_is_no_object_stays_what_it_is(value: bytes) -> None:
    assert stored(shown_value(value)) == value.decode(errors="backslashreplace").encode()
