"""No secret of any kind leaves the host, in whatever a bundle has it; what is none stays as it is."""

import json
from collections.abc import Callable

import pytest

from calico_agent.diags.scrub import hidden_values, scrubbed_environment, scrubbed_json, scrubbed_text
from calico_agent.secret import HIDDEN
from tests.captures import CAPTURES
from tests.diags.secrets_planted import ALL, Planted
from tests.places import DATA

PLACES: dict[str, Callable[[str], str]] = {
    "text": scrubbed_text,
    "a value": lambda text: json.dumps(scrubbed_json({"message": text})),
    "a name": lambda text: json.dumps(scrubbed_json({text: 1})),
    "a list": lambda text: json.dumps(scrubbed_json({"Cmd": ["run", text]})),
    "a label": lambda text: json.dumps(scrubbed_json([{"metadata": {"labels": {"x": text}}}])),
    "a line of a log": lambda text: scrubbed_text(f"2026-11-27T03:12:05Z INFO said {text}\n"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.kind)
def test_what_is_planted_is_not_found(planted: Planted, place: str) -> None:
    assert planted.secret not in PLACES[place](planted.line)


def test_there_are_more_than_twenty_kinds() -> None:
    assert len({planted.kind for planted in ALL}) > 20


@pytest.mark.parametrize(
    "name", ["password", "clientSecret", "api_key", "apiKey", "AUTH", "auth", "token", "key-data", "PGPASSWORD", "psk"]
)
def test_what_has_the_name_of_a_secret_is_hidden_whatever_it_is(name: str) -> None:
    assert scrubbed_json({name: "a", "x": [{name: 12}], "y": {name: ["b"]}}) == {
        name: HIDDEN,
        "x": [{name: HIDDEN}],
        "y": {name: [HIDDEN]},
    }


def test_the_value_of_a_flag_may_be_the_next_word() -> None:
    assert scrubbed_json({"Cmd": ["etcdctl", "--user", "root:hunter2", "get"]}) == {
        "Cmd": ["etcdctl", "--user", HIDDEN, "get"]
    }


def test_whose_machine_it_is_can_be_compared_and_not_known() -> None:
    ours, theirs = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    found = scrubbed_json([{"machine_id": ours}, {"machine_id": ours}, {"machine_id": theirs}])
    assert isinstance(found, list)
    assert found[0] == found[1] != found[2]
    assert ours not in str(found)
    assert len(found[0]["machine_id"]) == 32


def test_of_an_environment_the_values_are_shown_that_calico_documents() -> None:
    given = ["NODENAME=host1", "ETCD_PASSWORD=x", "DB_DSN=y", "IP=10.0.0.1", "EMPTY="]
    assert scrubbed_environment(given) == [
        "NODENAME=host1", f"ETCD_PASSWORD={HIDDEN}", f"DB_DSN={HIDDEN}", "IP=10.0.0.1", "EMPTY=",
    ]  # fmt: skip


def test_what_is_secret_in_an_environment_is_hidden_wherever_it_stands() -> None:
    known = hidden_values(["ETCD_PASSWORD=correct horse", "NODENAME=host1", "API_TOKEN=x"])
    assert known == {"correct horse"}
    assert "horse" not in scrubbed_text("the log says: correct horse, battery", known)


@pytest.mark.parametrize(
    "line",
    [
        "192.168.55.64/26 via 10.77.0.13 dev eth0 proto bird",
        "BGP state:          Established",
        "ETCD_CA_CERT_FILE=/calico-secrets/etcd-ca",
        "ETCD_KEY_FILE=/etc/calico/key.pem",
        "author: somebody",
        "0a:1b:2c:3d:4e:5f dev vxlan.calico dst 10.77.0.12 self permanent",
    ],
)
def test_what_is_none_stays(line: str) -> None:
    assert scrubbed_text(line) == line


@pytest.mark.parametrize("name", ["bird.txt", "ip-addr.json", "ip-route.json", "neigh.txt", "fdb.txt", "container.log"])
def test_recordings_of_real_hosts_lose_nothing_that_is_judged(name: str) -> None:
    for path in sorted(CAPTURES.glob(f"*/host1/{name}")):
        text = path.read_text(errors="replace")
        if name.endswith(".json"):
            assert scrubbed_json(json.loads(text)) == json.loads(text), path
        else:
            assert scrubbed_text(text) == text, path


def test_records_of_a_real_datastore_lose_nothing_that_is_judged() -> None:
    for path in sorted(DATA.glob("calico-v3*/*/etcd.jsonl")):
        for row in map(json.loads, path.read_text().splitlines()):
            if not row["key"].startswith(("/calico/resources/v3/projectcalico.org/clusterinformations",)):
                assert scrubbed_json(row) == row, row["key"]
