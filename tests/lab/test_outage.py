"""etcd away, and etcd emptied, on real hosts: the audit goes on with the last reading, and says so."""

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest

from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.test_main_job import block_of_host2, code, conditions, container, report, text
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2")
SNAPSHOT = "/var/lib/calico-agent/datastore.snapshot"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts, each with the agent in supervise mode and one pod."""
    with named_lab("outage") as lab:
        lab.up(Options(hosts=len(HOSTS)))
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("all hosts are good", lambda: all(code(lab, host) == 0 for host in HOSTS), lambda: text(lab, "host1"))


def says(lab: Lab, words: str) -> bool:
    return words in " ".join(text(lab, "host1").split())


def test_a_wrong_route_is_found_while_etcd_is_down_also_by_an_agent_that_starts_then(lab: Lab) -> None:
    prefix, before = block_of_host2(lab), container(lab, "host1")
    until("the reading is on disk", lambda: lab.exec("host1", "test", "-s", SNAPSHOT).returncode == 0, lambda: "")
    lab.datastore.stop()
    try:
        lab.agent_stop("host1")
        lab.agent_start("host1", {})
        judged = "1 of 1 route right, by the datastore's records of"
        until("the routes are judged", lambda: says(lab, judged), lambda: text(lab, "host1"))
        assert conditions(lab, "host1")["DatastoreReachable"] == "Unknown"
        assert not report(lab, "host1")["datastore"]["current"]
        lab.exec("host1", "ip", "route", "replace", "blackhole", prefix, check=True)
        until("it is found", lambda: "PROBLEM RT-BLACKHOLE" in text(lab, "host1"), lambda: text(lab, "host1"))
    finally:
        lab.exec("host1", "ip", "route", "del", "blackhole", prefix)
        lab.datastore.start()
    until("all is good again", lambda: code(lab, "host1") == 0, lambda: text(lab, "host1"))
    assert container(lab, "host1") == before


def test_an_emptied_datastore_is_shouted_about_and_its_reading_kept(lab: Lab) -> None:
    before = container(lab, "host1")
    kept = json.loads(lab.datastore.get("/calico/", prefix=True))["kvs"]
    lab.datastore.delete("/calico/", prefix=True)
    try:
        until("it is shouted", lambda: says(lab, "PROBLEM DS-SHRUNK"), lambda: text(lab, "host1"))
        now = report(lab, "host1")
        assert conditions(lab, "host1")["DatastoreReachable"] == "False"
        assert (now["datastore"]["nodes"], now["routes"]["stale"]) == (len(HOSTS), 0)
    finally:
        for pair in kept:
            lab.datastore.put(b64decode(pair["key"]).decode(), b64decode(pair.get("value", "")).decode())
    until("all is good again", lambda: code(lab, "host1") == 0, lambda: text(lab, "host1"))
    assert container(lab, "host1") == before
