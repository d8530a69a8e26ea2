"""The JSON document: its shape is an interface."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.image import Pull
from calico_agent.model.host.claimant import Machine
from calico_agent.model.maintenance import Deed, Maintenance, Order, Pause
from calico_agent.model.name_lease import AliveSign, NameLease, NameOwner
from calico_agent.model.report import Report, Supervision
from calico_agent.report.as_json import json_text, render_json
from calico_agent.report.as_text import render_status
from tests.reports import NOW, blind_report, broken_report, healthy_report


def document(report: Report) -> dict[str, Any]:
    """The document after a trip through text, so that only plain JSON types pass."""
    rendered = render_json(report)
    parsed: dict[str, Any] = json.loads(json.dumps(rendered, allow_nan=False))
    assert parsed == rendered
    return parsed


TOP = [
    "schema", "at", "healthy", "verdict", "ready", "not_ready", "stuck", "host", "identity", "conditions", "problems",
    "unreadable", "container", "container_known", "stage", "supervision", "paused", "datastore", "name_claim_known",
    "name_claim", "sessions", "sessions_known", "routes", "preflight", "agent",
]  # fmt: skip


@pytest.mark.parametrize("report", [healthy_report(), broken_report()], ids=["healthy", "broken"])
def test_the_fields_are_those_of_schema_1(report: Report) -> None:
    shape = document(report)
    assert shape["schema"] == 1
    assert list(shape) == TOP


def test_a_healthy_host() -> None:
    healthy = document(healthy_report())
    assert (healthy["healthy"], healthy["ready"], healthy["problems"]) == (True, True, [])
    assert healthy["at"] == "2026-11-23T02:59:57+00:00"
    assert healthy["identity"]["name"] == {
        "name": "host1", "source": "host name", "refusal": "", "refusal_code": "", "sources": []
    }  # fmt: skip
    assert healthy["identity"]["ipv4"]["chosen"] == "10.77.0.11/24"
    assert healthy["routes"] == {
        "expected": 2, "present": 2, "missing": 0, "wrong": 0, "stale": 0, "left_out": 0, "nodes_without_route": 0
    }  # fmt: skip
    assert healthy["sessions"][0] == {
        "name": "Mesh_10_77_0_12", "peer": "10.77.0.12", "node": "host2", "type": "node-to-node mesh",
        "established": True, "protocol_state": "up", "bgp_state": "Established",
        "since": "2026-11-23T02:41:10+00:00", "since_text": "02:41:10",
        "last_error": "", "imported": 1, "exported": 1,
        "flaps": 0,
        "last_failure": None,
        "last_failure_at": None,
    }  # fmt: skip


def test_the_claim_on_the_name_says_whose_it_is() -> None:
    machine = Machine("a" * 32, hostname="host9", address="10.77.0.19")
    owner = NameOwner("host1", machine, datetime(2026, 11, 20, tzinfo=UTC), "{}")
    claimed = replace(healthy_report(), claim=NameLease(owner, AliveSign("host1", machine)))
    assert document(claimed)["name_claim"] == {
        "hostname": "host9", "address": "10.77.0.19", "machine_id": "a" * 32, "since": "2026-11-20T00:00:00+00:00",
        "alive": True,
    }  # fmt: skip
    assert document(healthy_report())["name_claim"] is None
    for called in ("etcd", "the Kubernetes API"):
        said = " ".join(render_status(replace(claimed, datastore_called=called), claimed.at).split())
        assert f"host1 (host name; claimed in {called} by host9 (10.77.0.19) since 2026-11-20 00:00 UTC)" in said


def test_a_pause_and_an_order_say_who_when_and_why() -> None:
    pause = Pause("alice (uid 1000)", "disk", NOW - timedelta(hours=1), NOW, "0bf1")
    order = Order("0af1", Deed.RESTART, "root", "new certificate")
    asked = replace(healthy_report(), maintenance=Maintenance(pause, order), supervision=Supervision(obeyed="0af0"))
    assert document(asked)["paused"] == {
        "id": "0bf1", "by": "alice (uid 1000)", "why": "disk", "since": "2026-11-23T02:00:00+00:00",
        "until": "2026-11-23T03:00:00+00:00",
    }  # fmt: skip
    told = {"id": "0af1", "deed": "restart-node", "by": "root", "why": "new certificate", "obeyed": False}
    assert document(asked)["supervision"]["order"] == told
    obeyed = replace(asked, supervision=Supervision(obeyed="0af1"))
    assert document(obeyed)["supervision"]["order"] == {**told, "obeyed": True}


def test_the_fetching_of_an_image_is_told_in_numbers() -> None:
    healthy = healthy_report()
    pull = Pull("calico/node:v3.31.7", healthy.at, None, "manifest unknown", 1, 7, 3, 41, 120)
    told = document(replace(healthy, supervision=Supervision(pull=pull)))["supervision"]["pull"]
    assert told == {
        "image": "calico/node:v3.31.7", "started_at": healthy.at.isoformat(), "ended_at": None,
        "error": "manifest unknown", "failures": 1, "layers": 7, "layers_done": 3, "bytes_fetched": 41, "bytes": 120,
    }  # fmt: skip
    assert document(healthy)["supervision"]["pull"] is None


def test_a_problem_carries_its_consequences_and_its_times() -> None:
    (problem,) = document(broken_report())["problems"]
    assert (problem["code"], problem["subject"], problem["severity"]) == ("IP-BRIDGE", "host3", "error")
    assert (problem["since"], problem["confirmed_at"]) == ("2026-11-23T02:56:57+00:00", "2026-11-23T02:57:07+00:00")
    assert problem["confirmed"] is True
    assert [finding["code"] for finding in problem["consequences"]] == ["BGP-DOWN"] + ["RT-MISSING"] * 13
    assert problem["consequences"][1]["prefix"] == "10.244.0.0/26"


def test_what_is_not_known_is_null() -> None:
    bare = document(replace(healthy_report(), container=None, datastore_read_at=None))
    assert bare["container"] is None
    assert bare["datastore"]["read_at"] is None
    assert document(healthy_report())["datastore"]["current"] is True
    assert bare["supervision"]["next_attempt"] is None


def test_what_could_not_be_read_is_null_and_no_number() -> None:
    blind = document(blind_report())
    assert (blind["container"], blind["container_known"], blind["stage"]) == (None, False, None)
    assert (blind["routes"], blind["sessions_known"], blind["host"]) == (None, False, None)
    assert (blind["name_claim"], blind["name_claim_known"]) == (None, False)
    assert blind["datastore"] == {"origin": None, "revision": None, "read_at": None, "current": False, "nodes": None}
    absent = document(replace(healthy_report(), container=None))
    assert (absent["container"], absent["container_known"]) == (None, True)


def test_a_container_that_runs_has_no_exit_code() -> None:
    healthy = healthy_report()
    assert document(healthy)["container"]["exit_code"] is None
    assert healthy.container is not None
    ended = replace(healthy.container, state=ContainerState.EXITED, exit_code=0, finished_at=NOW)
    assert document(replace(healthy, container=ended))["container"]["exit_code"] == 0


def test_a_part_that_stands_still_makes_the_host_neither_well_nor_ready() -> None:
    old = render_json(healthy_report(), stuck=["its loop stands still"])
    assert (old["healthy"], old["ready"], old["not_ready"]) == (False, False, ["its loop stands still"])
    assert old["verdict"] == "AGENT STUCK: its loop stands still"


def test_the_machine_id_of_another_machine_is_not_for_everybody() -> None:
    owner = NameOwner("host1", Machine("a" * 32, hostname="host9"), datetime(2026, 11, 20, tzinfo=UTC), "{}")
    said = json.dumps(render_json(replace(healthy_report(), claim=NameLease(owner)), machine_ids=False))
    assert "host9" in said
    assert "a" * 32 not in said


def test_the_environment_of_the_container_is_not_told() -> None:
    assert "do-not-tell" not in json.dumps(render_json(healthy_report()))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": [], "b": {}, "c": [[], [1, [2]], {}]},
        {"text": "\u00fc\n\x1b\u2028\U0001f600", "half": "\ud800", "number": 1.5e-9, "large": 10**30, "none": None},
        render_json(broken_report()),
    ],
)
def test_a_document_is_printed_as_json_itself_would(document: dict[str, object]) -> None:
    assert json_text(document) == json.dumps(document, indent=2) + "\n"
