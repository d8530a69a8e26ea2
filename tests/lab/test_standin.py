"""The stand-in against the recordings of a real Calico v3.31.7: what a lab shows has the same shape."""

import time
from collections.abc import Iterator

import pytest

from tests.captures import CAPTURES, bird_replies
from tests.lab.cli import dump_lines
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.shapes import Datastore, messages, protocols, read_datastore, routes
from tests.patience import eventually

pytestmark = pytest.mark.lab


def recorded(scenario: str) -> Datastore:
    return read_datastore((CAPTURES / scenario / "etcd.jsonl").read_text())


def recorded_routes(scenario: str, host: str, file: str = "ip-route.txt") -> set[str]:
    return routes((CAPTURES / scenario / host / file).read_text(), recorded(scenario))


def recorded_protocols(scenario: str, host: str) -> dict[str, tuple[str, ...]]:
    return protocols(bird_replies((CAPTURES / scenario / host / "bird.txt").read_text())["show protocols"])


def datastore_of(lab: Lab) -> Datastore:
    return read_datastore("\n".join(dump_lines(lab)))


def routes_of(lab: Lab, host: str) -> set[str]:
    return routes(lab.exec(host, "ip", "route", check=True).stdout, datastore_of(lab))


def protocols_of(lab: Lab, host: str) -> dict[str, tuple[str, ...]]:
    return protocols(lab.exec(host, "birdc", "-s", "/run/calico/bird.ctl", "show", "protocols").stdout)


def log_of(lab: Lab, host: str) -> list[str]:
    """Standard output and error of a container, each in order; BIRD writes to the second one."""
    shown = lab.engine(host).docker("logs", "calico-node", check=False)
    return messages(shown.stdout + shown.stderr)


@pytest.fixture
def story(cluster: Lab) -> Iterator[Lab]:
    """host3 has registered the address of its docker0."""
    cluster.node_start("host3", {"IP": "172.17.0.1"})
    yield cluster
    cluster.node_start("host2")
    cluster.node_start("host3", {"IP": "autodetect"})
    eventually(lambda: protocols_of(cluster, "host1"), lambda now: now == recorded_protocols("healthy", "host1"))


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_routes_of_a_healthy_host_are_as_recorded(cluster: Lab, host: str) -> None:
    expected = recorded_routes("healthy", host)
    assert eventually(lambda: routes_of(cluster, host), lambda now: now == expected) == expected


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_sessions_of_a_healthy_host_are_as_recorded(cluster: Lab, host: str) -> None:
    expected = recorded_protocols("healthy", host)
    assert eventually(lambda: protocols_of(cluster, host), lambda now: now == expected) == expected


def test_the_datastore_of_a_healthy_cluster_is_as_recorded_key_by_key(cluster: Lab) -> None:
    assert datastore_of(cluster).shape() == recorded("healthy").shape()


def test_the_node_name_is_left_in_its_file_without_a_newline(cluster: Lab) -> None:
    left = (cluster.host("host1").root / "var/lib/calico/nodename").read_bytes()
    assert left == (CAPTURES / "healthy" / "host1" / "nodename").read_bytes()


def test_pods_of_different_hosts_reach_each_other(cluster: Lab) -> None:
    address = cluster.exec("host3", "ip", "-netns", "pod3-a", "-brief", "-4", "address", "show", "dev", "eth0").stdout
    target = address.split()[2].partition("/")[0]
    assert (
        cluster.exec("host1", "ip", "netns", "exec", "pod1-a", "busybox", "ping", "-c1", "-W3", target).returncode == 0
    )


def test_a_deleted_block_route_comes_back_by_itself(cluster: Lab) -> None:
    expected = recorded_routes("healthy", "host1")
    destination = next(
        block for block in cluster.exec("host1", "ip", "route").stdout.split("\n") if "10.77.0.13" in block
    )
    cluster.exec("host1", "ip", "route", "del", *destination.split()[:1], check=True)
    assert eventually(lambda: routes_of(cluster, "host1"), lambda now: now == expected) == expected


def test_bird_is_started_again_when_it_dies(cluster: Lab) -> None:
    before = cluster.exec("host2", "pidof", "bird", check=True).stdout
    cluster.exec("host2", "kill", "-9", before.strip(), check=True)
    expected = recorded_protocols("healthy", "host2")
    assert eventually(lambda: protocols_of(cluster, "host2"), lambda now: now == expected) == expected
    assert cluster.exec("host2", "pidof", "bird").stdout != before


def test_a_restart_of_the_container_loses_no_route_anywhere(cluster: Lab) -> None:
    expected = {host: recorded_routes("healthy", host) for host in ("host1", "host3")}
    cluster.engine("host2").docker("restart", "calico-node")
    end = time.monotonic() + 6.0
    while time.monotonic() < end:
        assert {host: routes_of(cluster, host) for host in expected} == expected
    sessions = recorded_protocols("healthy", "host2")
    assert eventually(lambda: protocols_of(cluster, "host2"), lambda now: now == sessions) == sessions


def test_a_host_that_registers_dockers_address_is_refused_as_recorded(story: Lab) -> None:
    healthy_host = recorded_protocols("docker-bridge-address", "host1")
    assert eventually(lambda: protocols_of(story, "host1"), lambda now: now == healthy_host) == healthy_host
    expected = recorded_routes("docker-bridge-address", "host1")
    assert eventually(lambda: routes_of(story, "host1"), lambda now: now == expected) == expected
    culprit = "bird: BGP: Unexpected connect from unknown address 10.77.0.13 (port)"
    assert culprit in messages((CAPTURES / "docker-bridge-address" / "host1" / "container.log").read_text())
    assert culprit in eventually(lambda: log_of(story, "host1"), lambda now: culprit in now)
    spec = datastore_of(story).items["/calico/resources/v3/projectcalico.org/nodes/host3"]["spec"]
    key = "/calico/resources/v3/projectcalico.org/nodes/host3"
    assert spec == recorded("docker-bridge-address").items[key]["spec"]
    closed = [("BGP", "master", "start", "Active", "Socket:", "Connection", word) for word in ("reset", "closed")]
    seen = eventually(
        lambda: protocols_of(story, "host3")["Mesh_10_77_0_11"], lambda now: now[:7] in closed, seconds=40.0
    )
    assert seen[:7] in closed


def test_a_second_host_with_that_address_does_not_start_as_recorded(story: Lab) -> None:
    story.node_start("host2", {"IP": "172.17.0.1"})
    last = "Calico node failed to start"
    seen = eventually(lambda: log_of(story, "host2"), lambda now: last in now)
    assert seen == messages((CAPTURES / "address-already-in-use" / "host2" / "container.log").read_text())
    assert story.engine("host2").docker("wait", "calico-node").stdout.strip() == "1"


def test_a_host_with_another_hosts_name_comes_up_without_complaint_as_recorded(cluster: Lab) -> None:
    cluster.node_start("host2", {"NODENAME": "host1"})
    try:
        believed = {"Mesh_10_77_0_12": True, "Mesh_10_77_0_11": False}  # a session to itself, none to host1
        recorded_names = recorded_protocols("name-of-another-host", "host2")
        assert {name: name in recorded_names for name in believed} == believed
        seen = eventually(lambda: protocols_of(cluster, "host2"), lambda now: "Mesh_10_77_0_12" in now)
        assert {name: name in seen for name in believed} == believed
        pod = {line for line in recorded_routes("healthy", "host2") if "calipod" in line}
        left = eventually(lambda: routes_of(cluster, "host2") & pod, lambda now: not now, seconds=60)
        assert left == set(), "Felix removes it, after its ten seconds of grace"
        cluster.node_start("host2")
        stored = "[INFO] Using stored node name host1 from /var/lib/calico/nodename"
        assert stored in eventually(lambda: log_of(cluster, "host2"), lambda now: stored in now)
    finally:
        cluster.node_start("host2", {"NODENAME": "host2"})
        healthy = recorded_routes("healthy", "host2")
        assert eventually(lambda: routes_of(cluster, "host2"), lambda now: now == healthy) == healthy


# Name of the recording -> what calico/node was given.
_REFUSED = {
    "bad-datastore-type": {"DATASTORE_TYPE": "etcd"},
    "etcd-certificate-missing": {
        "ETCD_CA_CERT_FILE": "/calico-secrets/etcd-ca",
        "ETCD_CERT_FILE": "",
        "ETCD_KEY_FILE": "",
    },
    "invalid-address": {"IP": "10.77.0.300"},
    "invalid-autodetection-method": {"IP": "autodetect", "IP_AUTODETECTION_METHOD": "eth1"},
}


@pytest.fixture
def host3_is_put_back(cluster: Lab) -> Iterator[None]:
    yield
    cluster.node_start("host3", {"IP": "autodetect", "NODENAME": "host3"})
    expected = recorded_protocols("healthy", "host3")
    assert eventually(lambda: protocols_of(cluster, "host3"), lambda now: now == expected) == expected


@pytest.mark.usefixtures("host3_is_put_back")
@pytest.mark.parametrize("recording", _REFUSED)
def test_a_start_that_fails_says_what_was_recorded_and_exits_1(cluster: Lab, recording: str) -> None:
    cluster.node_start("host3", _REFUSED[recording])
    assert cluster.engine("host3").docker("wait", "calico-node").stdout.strip() == "1"
    assert log_of(cluster, "host3") == _recorded_log(recording)


@pytest.mark.usefixtures("host3_is_put_back")
def test_a_name_that_etcd_would_not_take_ends_the_start_as_recorded(cluster: Lab) -> None:
    """It was recorded while host3's own record said 10.77.0.99, which is why there is no conflict."""
    elsewhere = "[WARNING] Unable to find matching host interface for IP 10.77.0.99"
    cluster.node_start("host3", {"IP": "10.77.0.99"})
    assert elsewhere in eventually(
        lambda: log_of(cluster, "host3"), lambda now: "Calico node started successfully" in now
    )
    cluster.node_start("host3", {"NODENAME": "Host_3"})
    assert cluster.engine("host3").docker("wait", "calico-node").stdout.strip() == "1"
    assert log_of(cluster, "host3") == _recorded_log("invalid-node-name")


@pytest.mark.usefixtures("host3_is_put_back")
def test_a_start_without_datastore_waits_for_ever_as_recorded(cluster: Lab) -> None:
    cluster.node_start("host3", {"ETCD_ENDPOINTS": "http://10.77.0.1:2399"})
    expected = _recorded_log("etcd-connection-refused")
    assert eventually(lambda: log_of(cluster, "host3"), lambda now: now == expected) == expected
    time.sleep(2.0)
    assert log_of(cluster, "host3") == expected
    assert cluster.exec("host3", "pidof", "bird").returncode == 1, "BIRD runs before the node is registered"


@pytest.mark.usefixtures("host3_is_put_back")
def test_a_start_with_a_frozen_datastore_goes_on_when_it_thaws(cluster: Lab) -> None:
    cluster.datastore.freeze()
    try:
        cluster.node_start("host3")
        waiting = '[INFO] Upgrading any IPAM affinities from older versions.... node="host3"'
        assert eventually(lambda: log_of(cluster, "host3")[-1:], lambda now: now == [waiting]) == [waiting]
    finally:
        cluster.datastore.thaw()
    expected = recorded_protocols("healthy", "host3")
    assert eventually(lambda: protocols_of(cluster, "host3"), lambda now: now == expected, 30.0) == expected


@pytest.mark.usefixtures("host3_is_put_back")
def test_a_method_that_finds_nothing_keeps_the_stored_address(cluster: Lab) -> None:
    cluster.node_start("host3", {"IP": "autodetect", "IP_AUTODETECTION_METHOD": "interface=eth9"})
    kept = "[WARNING] Autodetection of IPv4 address failed, keeping existing value: 10.77.0.13/24"
    assert kept in eventually(lambda: log_of(cluster, "host3"), lambda now: kept in now)


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_routes_over_vxlan_are_as_recorded(overlay: Lab, host: str) -> None:
    """The tunnel addresses themselves are left out: recorded for most peers only, and they do not matter (onlink)."""

    def without_tunnels(lines: set[str]) -> set[str]:
        return {line for line in lines if not line.startswith("TUNNEL")}

    expected = without_tunnels(recorded_routes("vxlan-always", host))
    seen = eventually(lambda: without_tunnels(routes_of(overlay, host)), lambda now: now == expected)
    assert seen == expected


def test_behind_a_tunnel_address_is_the_owners_address(overlay: Lab) -> None:
    forwarding = overlay.exec("host1", "bridge", "fdb", "show", "dev", "vxlan.calico", check=True).stdout
    neighbours = overlay.exec("host1", "ip", "neighbour", "show", "dev", "vxlan.calico", check=True).stdout
    macs = {line.split()[0]: line.split()[2] for line in forwarding.splitlines()}
    assert sorted(macs.values()) == ["10.77.0.12", "10.77.0.13"]
    permanent = [line.split() for line in neighbours.splitlines() if line.rstrip().endswith("PERMANENT")]
    behind = {datastore_of(overlay).replace(words[0]): macs[words[2]] for words in permanent}
    assert behind == {"TUNNEL2": "10.77.0.12", "TUNNEL3": "10.77.0.13"}


def test_ipv6_blocks_are_routed_as_recorded(overlay: Lab) -> None:
    seen = eventually(
        lambda: routes(overlay.exec("host1", "ip", "-6", "route", check=True).stdout, datastore_of(overlay)),
        lambda now: len(now) == 5,
    )
    expected = {line for line in recorded_routes("dual-stack", "host1", "ip6-route.txt") if not line.startswith("POD")}
    assert {line for line in seen if not line.startswith("POD")} == expected


def test_an_exhausted_pool_lends_addresses_of_another_hosts_block(unbuilt: Lab) -> None:
    unbuilt.up(Options(hosts=2, tls=False), bare=True)
    for host in ("host1", "host2"):
        unbuilt.node_start(host, {"CALICO_IPV4POOL_CIDR": "10.65.0.0/30", "CALICO_IPV4POOL_BLOCK_SIZE": "30"})
    assert unbuilt.pod("host1", "first") == "10.65.0.0"
    assert unbuilt.pod("host2", "borrower") == "10.65.0.1"
    wanted = "10.65.0.1 via 10.77.0.12 dev eth0 proto bird"
    seen = eventually(lambda: unbuilt.exec("host1", "ip", "route").stdout, lambda now: wanted in now)
    assert wanted in seen
    block = datastore_of(unbuilt).items["/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-30"]
    assert [entry["secondary"]["node"] for entry in block["attributes"]] == ["host1", "host2"]


def _recorded_log(name: str) -> list[str]:
    return messages((CAPTURES / "startup-logs" / f"{name}.log").read_text())[1:]
