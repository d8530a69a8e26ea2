"""Who a host is while the world around it changes: Docker networks come, addresses go, the agent is restarted."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

OFTEN = {"CALICO_AGENT_AGENT_INTERVAL_SECONDS": "1"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts with the agent in supervise mode, which confirms a fault after two seconds."""
    with named_lab("identity") as lab:
        lab.up(Options(hosts=2))
        restart(lab)
        yield lab


def restart(lab: Lab, **settings: str) -> None:
    """Host1's agent again, with these settings."""
    lab.agent_stop("host1")
    lab.agent_start("host1", {"CALICO_AGENT_AGENT_HOLD_DOWN_SECONDS": "2", **settings})
    until("the first pass is made", lambda: "identity" in report(lab), partial(text, lab))


def report(lab: Lab) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.exec("host1", "calico-agent", "status", "--json").stdout)
    return answer


def chosen(lab: Lab) -> tuple[str, str]:
    """Address and rule."""
    ipv4 = report(lab)["identity"]["ipv4"]
    return ipv4["chosen"], ipv4["rule"]


def text(lab: Lab) -> str:
    return lab.exec("host1", "calico-agent", "status").stdout


def codes(lab: Lab) -> list[str]:
    return [problem["code"] for problem in report(lab)["problems"]]


def given(lab: Lab) -> tuple[str, str, str]:
    """Id, start and IP of calico-node."""
    form = "{{.Id}} {{.State.StartedAt}} {{range .Config.Env}}{{println .}}{{end}}"
    words = lab.engine("host1").inspect(form).split()
    return words[0], words[1], next(word for word in words if word.startswith("IP="))


def renumber(lab: Lab) -> None:
    """Host1 gets another address; its routes stay, because the second address takes the place of the first."""
    promote = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"
    lab.exec("host1", "sh", "-c", f"echo 1 >{promote}", check=True)
    lab.host("host1").ip("addr add 10.77.0.21/24 dev eth0", "addr del 10.77.0.11/24 dev eth0")


def passes(lab: Lab, number: int) -> None:
    """Wait until the agent has looked so often again."""
    seen = {report(lab)["at"]}

    def looked() -> bool:
        seen.add(report(lab)["at"])
        return len(seen) > number

    until(f"{number} passes are made", looked, partial(text, lab))


def test_networks_and_links_that_come_change_nothing(lab: Lab) -> None:
    """User-defined networks moved Calico's own node (projectcalico/calico#3194); a new wire is no reason either."""
    before, container = chosen(lab)[0], given(lab)
    for number in range(3):
        lab.exec("host1", "docker", "network", "create", f"later{number}", check=True)
        lab.host("host1").ip(
            f"link add late{number} type veth peer name wire{number}",
            f"addr add 10.9{number}.0.1/24 dev late{number}",
            f"link set late{number} up",
            f"link set wire{number} up",
        )
    until("the agent has seen them", lambda: "late2" in json.dumps(report(lab)["identity"]), partial(text, lab))
    assert chosen(lab)[0] == before == "10.77.0.11/24"
    assert given(lab) == container
    itself = report(lab)["identity"]["ipv4"]["calico"][0]
    assert itself["stand"] == "disagrees", "left alone, Calico would have moved"


def test_the_choice_outlives_the_agent_and_is_known_to_detect(lab: Lab) -> None:
    container = given(lab)
    restart(lab)
    assert chosen(lab) == ("10.77.0.11/24", "last choice")
    assert given(lab) == container
    mode = lab.exec("host1", "stat", "-c", "%a", "/var/lib/calico-agent/identity.json", check=True).stdout
    assert mode.strip() == "600"


def test_the_kubelet_of_the_host_is_heard(lab: Lab) -> None:
    """A process of that name, which is a shell; host2 on the same machine has none and hears none."""
    lab.exec("host1", "sh", "-c", "cp /bin/sh /run/kubelet", check=True)
    flags = ("--node-ip=10.77.0.11", "--hostname-override=HOST1")
    container = given(lab)
    lab.host("host1").spawn("/run/kubelet", "-c", "sleep 300; exit", *flags, log=lab.directory / "kubelet.log")
    try:
        restart(lab)
        until("it decides", lambda: chosen(lab) == ("10.77.0.11/24", "kubelet"), partial(text, lab))
        sources = {one["source"]: one for one in report(lab)["identity"]["name"]["sources"]}
        assert (sources["kubelet"]["name"], sources["kubelet"]["stand"]) == ("HOST1", "decides")
        assert given(lab) == container
        host2 = json.loads(lab.exec("host2", "calico-agent", "status", "--json").stdout)
        kubelet = next(one for one in host2["identity"]["ipv4"]["opinions"] if one["rule"] == "kubelet")
        assert kubelet["detail"] == "no kubelet runs here"
    finally:
        lab.exec("host1", "sh", "-c", "for p in /proc/[0-9]*; do grep -qx kubelet $p/comm && kill ${p#/proc/}; done")


def test_a_host_name_that_changes_makes_no_other_node_even_where_nothing_is_remembered(lab: Lab) -> None:
    """The machine keeps its name and says so; the claim in etcd and the record say it where the state is lost."""
    restart(lab, **OFTEN)
    container = given(lab)
    lab.exec("host1", "hostname", "edge-9", check=True)
    try:
        until("it is told", lambda: codes(lab) == ["NAME-MISMATCH"], partial(text, lab))
        (problem,) = report(lab)["problems"]
        assert problem["what"] == "this machine is called edge-9 now, and its node is host1 as before"
        lab.exec("host1", "rm", "/var/lib/calico-agent/identity.json", check=True)
        restart(lab, **OFTEN)
        passes(lab, 8)
        assert (report(lab)["identity"]["name"]["name"], given(lab)) == ("host1", container)
    finally:
        lab.exec("host1", "hostname", "host1", check=True)


def test_a_process_of_another_user_is_no_kubelet(lab: Lab) -> None:
    restart(lab, **OFTEN)
    container = given(lab)
    lab.exec("host1", "sh", "-c", "mkdir -p /run/users && cp /bin/sh /run/users/kubelet", check=True)
    evil = ("/run/users/kubelet", "-c", "sleep 300; exit", "--node-ip=10.77.0.21", "--hostname-override=evil")
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    lab.host("host1").spawn(*as_nobody, *evil, log=lab.directory / "evil.log")
    try:
        restart(lab, **OFTEN)
        passes(lab, 8)
        assert "evil" not in json.dumps(report(lab))
        assert given(lab) == container
    finally:
        lab.exec("host1", "sh", "-c", "for p in /proc/[0-9]*; do grep -qx kubelet $p/comm && kill ${p#/proc/}; done")


def test_a_lost_address_is_reported_with_old_and_new_and_people_decide(lab: Lab) -> None:
    restart(lab, CALICO_AGENT_IDENTITY_ON_CHANGE="report", CALICO_AGENT_IDENTITY_IPV4="auto")
    container = given(lab)
    renumber(lab)
    until("it is reported", lambda: "IP-CHANGED" in codes(lab), partial(text, lab))
    (problem,) = [one for one in report(lab)["problems"] if one["code"] == "IP-CHANGED"]
    assert "10.77.0.11 (eth0), the address of node host1 since" in problem["what"]
    assert "is on no link of this host any more" in problem["what"]
    assert "now 10.77.0.21 (eth0)" in problem["why"]
    time.sleep(6)
    assert given(lab) == container, "with on_change = report it is not touched"


def test_with_replace_the_container_gets_the_new_address(lab: Lab) -> None:
    """It stands on the state that the test before has left: the address is lost, and the file knows the old one."""
    if chosen(lab)[0] != "10.77.0.21/24":
        renumber(lab)
    old = given(lab)
    restart(lab)
    until("it has the new address", lambda: given(lab)[2] == "IP=10.77.0.21/24", partial(text, lab))
    assert given(lab)[0] != old[0]
    until("nothing is lost any more", lambda: "IP-CHANGED" not in codes(lab), partial(text, lab))
    until("the new one is kept", lambda: chosen(lab) == ("10.77.0.21/24", "last choice"), partial(text, lab))
