"""Faults of other hosts that take their time to show: the culprit is named before BIRD or a person would."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.namespaces import Sandbox
from tests.lab.options import Options
from tests.patience import eventually, until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2", "host3")
RECORD = "/calico/resources/v3/projectcalico.org/workloadendpoints/default/host2-cni-web-eth0"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts, each with the agent in supervise mode and one pod."""
    with named_lab("find") as lab:
        lab.up(Options())
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("all hosts are good", lambda: all_good(lab), lambda: texts(lab))


def all_good(lab: Lab) -> bool:
    return all(lab.exec(host, "calico-agent", "status").returncode == 0 for host in HOSTS)


def text(lab: Lab, host: str) -> str:
    """The status as one line, however the terminal wraps it."""
    return " ".join(lab.exec(host, "calico-agent", "status").stdout.split())


def texts(lab: Lab) -> str:
    return "\n".join(lab.exec(host, "calico-agent", "status").stdout for host in HOSTS)


def problems(lab: Lab, host: str) -> dict[str, bool]:
    """Each problem as `CODE subject`, and whether it is confirmed."""
    answer: dict[str, Any] = json.loads(lab.exec(host, "calico-agent", "status", "--json").stdout)
    return {f"{one['code']} {one['subject']}": one["confirmed"] for one in answer["problems"]}


def codes(lab: Lab, host: str) -> set[str]:
    return {one.split()[0] for one in problems(lab, host)}


def confirmed(lab: Lab, host: str, problem: str) -> None:
    until(f"{problem} is confirmed on {host}", lambda: problems(lab, host).get(problem, False), lambda: texts(lab))


def test_a_host_that_is_cut_off_is_named_while_its_sessions_stay_up(lab: Lab) -> None:
    lab.exec("host2", "ip", "link", "set", "eth0", "down", check=True)
    dead = "RT-NEXTHOP-DEAD host2"
    try:
        confirmed(lab, "host1", dead)
        said = text(lab, "host1")
        assert "packets to the pods of host2 are lost, though the routes are there" in said
        assert "10.77.0.12 host2 node-to-node mesh Established" in said, "BIRD does not know yet"
        knows = {"RT-LINK-DOWN eth0"}
        until("and host2 knows where to look", lambda: problems(lab, "host2").keys() == knows, lambda: texts(lab))
    finally:
        lab.exec("host2", "ip", "link", "set", "eth0", "up", check=True)
        lab.exec("host2", "ip", "route", "add", "default", "via", "10.77.0.1", check=True)
    until("all are good again", lambda: all_good(lab), lambda: texts(lab))


def test_routes_that_bird_holds_back_after_its_start_are_the_fault_of_the_peer_it_waits_for(lab: Lab) -> None:
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "172.17.0.1"})
    bridge = "IP-BRIDGE host3"
    until("host2 names host3", lambda: problems(lab, "host2").get(bridge, False), lambda: text(lab, "host2"))
    lab.exec("host2", "docker", "stop", "-t", "2", "calico-node", check=True)
    lab.exec("host2", "ip", "route", "flush", "proto", "bird", check=True)  # as after a boot: no routes of before
    waits = "BIRD here was started and waits for host3 before it writes any route"
    until("host2 says what BIRD waits for", lambda: waits in text(lab, "host2"), lambda: text(lab, "host2"))
    lost = "there is no route to"
    until("all has one cause", lambda: problems(lab, "host2").keys() == {bridge}
          and lost in text(lab, "host2"), lambda: text(lab, "host2"))  # fmt: skip
    lab.agent_start("host3")
    until("all are good again", lambda: all_good(lab), lambda: texts(lab))


def test_a_host_that_has_all_routes_and_does_not_forward(lab: Lab) -> None:
    lab.exec("host2", "sysctl", "-w", "net.ipv4.ip_forward=0", check=True)
    off = {"RT-NO-FORWARDING net.ipv4.ip_forward": True}
    until("host2 says so", lambda: problems(lab, "host2") == off, lambda: text(lab, "host2"))
    assert "all that they send" in text(lab, "host2")
    lab.exec("host2", "docker", "restart", "-t", "2", "calico-node", check=True)
    until("a restart mends it, as it does with Felix", lambda: all_good(lab), lambda: texts(lab))


def test_a_policy_rule_that_takes_the_packets_for_pods_elsewhere(lab: Lab) -> None:
    rule = ("rule", "add", "to", "192.168.0.0/16", "lookup", "100", "priority", "50")
    lab.exec("host1", "ip", "route", "add", "default", "via", "10.77.0.1", "table", "100", check=True)
    lab.exec("host1", "ip", *rule, check=True)
    try:
        named = "rule: 50: from all to 192.168.0.0/16 lookup 100; found: table 100: default via 10.77.0.1 dev eth0"
        until("host1 names the rule", lambda: named in text(lab, "host1"), lambda: text(lab, "host1"))
        until("and nothing else", lambda: codes(lab, "host1") == {"RT-DIVERTED"}, lambda: text(lab, "host1"))
        until("it is nobody else's", lambda: not codes(lab, "host2"), lambda: text(lab, "host2"))
    finally:
        lab.exec("host1", "ip", "rule", "del", "priority", "50", check=True)
        lab.exec("host1", "ip", "route", "flush", "table", "100", check=True)
    until("all are good again", lambda: all_good(lab), lambda: texts(lab))


def test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again(lab: Lab) -> None:
    address = lab.pod("host2", "web")
    link = lab.exec("host2", "ip", "route", "show", address).stdout.split()[2]
    found = json.loads(lab.datastore.get(RECORD))["kvs"][0]["value"]
    lab.datastore.delete(RECORD)
    lab.exec("host2", "ip", "route", "del", address, check=False)  # Felix takes it away as well
    confirmed(lab, "host2", f"RT-WORKLOAD-UNKNOWN {link}")
    assert f"1 pod of this host is unknown to Calico: {link}" in text(lab, "host2")
    lab.datastore.put(RECORD, b64decode(found).decode())
    lab.exec("host2", "ip", "route", "replace", address, "dev", link, "scope", "link", check=True)
    until("all is good again", lambda: all_good(lab), lambda: texts(lab))


def test_a_route_by_hand_that_bird_spreads_is_the_fault_of_the_host_that_has_it(lab: Lab) -> None:
    block = lab.exec("host1", "ip", "route", "show", "via", "10.77.0.12").stdout.split()[0]
    lab.exec("host3", "ip", "route", "replace", block, "via", "10.77.0.1", "proto", "static", check=True)
    foreign = {f"RT-FOREIGN {block}": True}
    try:
        until("host3 names it", lambda: problems(lab, "host3") == foreign, lambda: text(lab, "host3"))
        assert f"ip route del {block}" in text(lab, "host3")
    finally:
        lab.exec("host3", "ip", "route", "del", block, "proto", "static", check=True)
    until("all are good again", lambda: all_good(lab), lambda: texts(lab))


def test_a_route_that_comes_and_goes_is_one_problem_with_a_count(lab: Lab) -> None:
    block = lab.exec("host1", "ip", "route", "show", "via", "10.77.0.12").stdout.split()[0]
    lost, show = f"RT-MISSING {block}", ("ip", "route", "show", block)

    def deleted_once_more() -> bool:
        """BIRD may put it back before anybody has looked: such a time does not count."""
        lab.exec("host1", "ip", "route", "del", block, check=True)
        until("it is back", lambda: bool(lab.exec("host1", *show).stdout), lambda: text(lab, "host1"))
        return problems(lab, "host1").get(lost, False)

    until("it is one confirmed problem", deleted_once_more, lambda: text(lab, "host1"), seconds=120)
    assert problems(lab, "host1") == {lost: True}

    def away(shown: str) -> re.Match[str] | None:
        return re.search(rf"WARNING {lost}, came (\d+) times in [^,]*, away now", shown)

    shown = eventually(lambda: text(lab, "host1"), lambda now: away(now) is not None)  # it may not have seen it back
    said = away(shown)
    assert said is not None, shown
    assert shown.startswith(f"host1: WARNING RT-MISSING came {said[1]} times in ")
    assert int(said[1]) >= 4
    until("a minute of calm ends it", lambda: all_good(lab), lambda: texts(lab), seconds=150)


def test_a_router_that_rewrites_sources_is_named_and_its_cure_cures(lab: Lab) -> None:
    """host3 moves behind the wire, which masquerades between the two networks."""
    router = Sandbox("wire", lab.directory / "wire")
    near, far = "10.77.0.0/24", "10.78.0.0/24"
    lab.exec("host3", "ip", "address", "flush", "dev", "eth0", "scope", "global", check=True)
    lab.exec("host3", "ip", "address", "add", "10.78.0.13/24", "dev", "eth0", check=True)
    lab.exec("host3", "ip", "route", "add", "default", "via", "10.78.0.1", check=True)
    router.run("ip", "address", "add", "10.78.0.1/24", "dev", "br0")
    router.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    for source, destination in ((near, far), (far, near)):
        router.run("iptables", "-t", "nat", "-A", "POSTROUTING", *masquerading(source, destination))
    try:
        translated = {"BGP-NAT host3": True}
        sent_away = {"BGP-DOWN host1": True, "BGP-DOWN host2": True, "RT-ROUTER 10.78.0.1": True}
        seen = {"host1": translated, "host2": translated, "host3": sent_away}  # who dials hears nobody knock
        until(
            "each names the router",
            lambda: all(problems(lab, host) == seen[host] for host in HOSTS),
            lambda: texts(lab),
            seconds=180,
        )
        assert "the router 10.78.0.1 never rewrites it (NAT)" in text(lab, "host3"), text(lab, "host3")
        for host in ("host1", "host2"):
            accept = r"iptables -t nat -I POSTROUTING \S+ \S+ \S+ \S+ -j ACCEPT"
            cure = re.search(rf"on the router 10\.77\.0\.1: .* by ({accept} && {accept})", text(lab, host))
            assert cure is not None, text(lab, host)
            router.run("sh", "-c", cure[1])
        until("all are good", lambda: all_good(lab), lambda: texts(lab))
    finally:
        router.run("iptables", "-t", "nat", "-F")
        lab.exec("host3", "ip", "address", "flush", "dev", "eth0", "scope", "global", check=True)
        lab.exec("host3", "ip", "address", "add", "10.77.0.13/24", "dev", "eth0", check=True)
        lab.exec("host3", "ip", "route", "add", "default", "via", "10.77.0.1", check=True)
        router.run("ip", "address", "del", "10.78.0.1/24", "dev", "br0")
    until("all are good again", lambda: all_good(lab), lambda: texts(lab))


def masquerading(source: str, destination: str) -> tuple[str, ...]:
    return ("-s", source, "-d", destination, "-j", "MASQUERADE")
