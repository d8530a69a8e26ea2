"""Whose a pod is, on real hosts: one that runs on without its record."""

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest

from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.test_findings import problems, text
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2")
RECORD = "/calico/resources/v3/projectcalico.org/workloadendpoints/default/host2-cni-web-eth0"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts, each with the agent in supervise mode and one pod."""
    with named_lab("holders") as lab:
        lab.up(Options(hosts=2))
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("both hosts are good", lambda: all_good(lab), lambda: texts(lab))


def all_good(lab: Lab) -> bool:
    return all(lab.exec(host, "calico-agent", "status").returncode == 0 for host in HOSTS)


def texts(lab: Lab) -> str:
    return "\n".join(lab.exec(host, "calico-agent", "status").stdout for host in HOSTS)


def confirmed(lab: Lab, host: str, problem: str) -> None:
    until(f"{problem} is confirmed on {host}", lambda: problems(lab, host).get(problem, False), lambda: texts(lab))


def test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again(lab: Lab) -> None:
    address = lab.pod("host2", "web")
    found = json.loads(lab.datastore.get(RECORD))["kvs"][0]["value"]
    lab.datastore.delete(RECORD)
    lab.exec("host2", "ip", "route", "del", address, check=False)  # Felix takes it away as well
    confirmed(lab, "host2", "RT-WORKLOAD-UNKNOWN caliweb")
    assert "1 pod of this host is unknown to Calico: caliweb" in text(lab, "host2")
    lab.datastore.put(RECORD, b64decode(found).decode())
    lab.exec("host2", "ip", "route", "replace", address, "dev", "caliweb", "scope", "link", check=True)
    until("all is good again", lambda: all_good(lab), lambda: texts(lab))
