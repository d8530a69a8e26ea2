"""sources/docker/decode/container.py against recorded `docker inspect` and `docker network inspect`."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.container.container import Container, ContainerState, Mount
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.run_options import RunOptions, Ulimit
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.calico_node import is_calico_node, shares_network
from calico_agent.sources.docker.decode.container import decode_container, decode_network
from calico_agent.sources.docker.decode.log_lines import log_lines
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from tests.captures import CAPTURES, hosts, inspected, log_tail

HEALTHY = CAPTURES / "healthy" / "host1"
PLAIN = Container("0123", "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING)


def test_a_recorded_container() -> None:
    container = decode_container(inspected(HEALTHY))
    assert (container.name, container.image) == ("calico-node", "calico/node:v3.31.7")
    assert container.running
    assert container.pid == 30611
    assert container.started_at == datetime(2026, 11, 23, 0, 31, 27, 248156, UTC)
    assert container.finished_at is None
    assert container.env_value("ETCD_ENDPOINTS") == "http://10.77.0.1:2379"
    assert container.env_value("NO_DEFAULT_POOLS") == ""
    assert container.mounts[:2] == (
        Mount("/lib/modules", "/lib/modules", read_only=True),
        Mount("/var/log/calico", "/var/log/calico"),
    )
    assert (container.network_mode, container.restart_policy) == ("host", "no")
    assert container.command == ("start_runit",)
    assert not container.managed


def test_limits_and_logging() -> None:
    attrs = inspected(HEALTHY)
    attrs["HostConfig"] |= {
        "Memory": 524288000,
        "CpuShares": 300,
        "CpuQuota": 50_000,
        "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
        "Binds": None,
    }
    assert decode_container(attrs).options == RunOptions(
        memory=524288000,
        cpu_shares=300,
        nano_cpus=500_000_000,
        ulimits=(Ulimit("nofile", 1024, 2048),),
        log_driver="json-file",
        log_options=(("max-size", "10m"),),
    )
    attrs["Mounts"][0]["Propagation"] = "rshared"
    assert decode_container(attrs).mounts[0].propagation == "rshared"


def test_a_container_that_gave_up_says_why() -> None:
    host = CAPTURES / "address-already-in-use" / "host2"
    container = decode_container(inspected(host), log_lines(log_tail(host / "container.log")))
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 1)
    assert container.finished_at is not None
    assert container.log_hint is not None
    assert container.log_hint.code == "address-conflict"


def test_who_knocks_is_taken_from_the_log() -> None:
    host = CAPTURES / "docker-bridge-address" / "host1"
    (found,) = decode_container(inspected(host), log_lines(log_tail(host / "container.log"))).knocks
    assert found.address == ip_address("10.77.0.13")


@pytest.mark.parametrize("host", hosts(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recorded_container_is_calico_node(host: Path) -> None:
    assert is_calico_node(decode_container(inspected(host)))


@pytest.mark.parametrize(
    ("name", "image", "ours"),
    [
        pytest.param("calico-node", "sha256:4fb3", True, id="by hand, by its name"),
        pytest.param("cn", "calico/node", True, id="by hand, by its image"),
        pytest.param("cn", "quay.io/calico/node:v1.3.0", True, id="from another registry"),
        pytest.param("cn", "mirror.example:5000/infra/calico/node@sha256:4fb3", True, id="from a mirror, by digest"),
        pytest.param("cn", "rancher/mirrored-calico-node:v3.31.7", True, id="Rancher's copy"),
        pytest.param(
            "k8s_calico-node_calico-node-x7k2p_kube-system_0b5e_0", "sha256:4fb3", True, id="of a DaemonSet's pod"
        ),
        pytest.param("k8s_calico-node_canal-x7k2p_kube-system_0b5e_0", "sha256:4fb3", True, id="of a Canal pod"),
        pytest.param(
            "k8s_POD_calico-node-x7k2p_kube-system_0b5e_0", "pause:3.9", False, id="the pod's pause container"
        ),
        pytest.param(
            "k8s_mount-bpffs_calico-node-x7k2p_kube-system_0b5e_0", "calico/node:v3.31.7", False, id="an init container"
        ),
        pytest.param("k8s_app_my-calico-node_default_0b5e_0", "app", False, id="a pod with such a name"),
        pytest.param("calico-kube-controllers", "calico/kube-controllers", False, id="another part of Calico"),
        pytest.param("node", "example/node:20", False, id="Node.js"),
        pytest.param("cn", "notcalico/node", False, id="another organisation"),
        pytest.param("k8s_", "", False, id="half a name"),
    ],
)
def test_what_is_calico_node(name: str, image: str, ours: bool) -> None:
    assert is_calico_node(replace(PLAIN, name=name, image=image, network_mode="host")) is ours


@pytest.mark.parametrize(
    ("network", "command", "ours"),
    [
        pytest.param("host", ("start_runit",), True, id="the image's own command"),
        pytest.param("host", (), True, id="a command that is not known"),
        pytest.param("host", ("/sbin/start_runit",), True, id="the same with its path"),
        pytest.param("host", ("sh", "-c", "modprobe ipip; exec start_runit"), True, id="something before it"),
        pytest.param("host", ("/entrypoint.sh",), True, id="an entry point of somebody's own"),
        pytest.param("default", ("sh",), False, id="docker run -it --rm calico/node sh"),
        pytest.param("bridge", ("start_runit",), False, id="in a network of its own it writes no route of the host"),
        pytest.param("none", ("calico-node", "-v"), False, id="without a network"),
        pytest.param("container:4fb3", ("start_runit",), False, id="in another container's network"),
        pytest.param("host", ("sh",), False, id="a shell in the host's network"),
        pytest.param("host", ("/bin/bash", "-c", "birdcl show protocols"), False, id="one command in a shell"),
        pytest.param("host", ("calico-node", "-v"), False, id="one program of the image"),
        pytest.param("host", ("birdcl", "show", "protocols"), False, id="BIRD's client"),
        pytest.param("host", ("calicoctl", "node", "status"), False, id="calicoctl"),
        pytest.param("host", ("sleep", "infinity"), False, id="one that was made to exec into"),
    ],
)
def test_what_runs_of_its_image_is_not_always_calico_node(network: str, command: tuple[str, ...], ours: bool) -> None:
    assert is_calico_node(replace(PLAIN, name="silly_hopper", network_mode=network, command=command)) is ours


@pytest.mark.parametrize(
    ("mode", "of_the_pod", "ours"),
    [
        pytest.param("host", "", True, id="its own"),
        pytest.param("container:4fb3", "host", True, id="that of its pod"),
        pytest.param("container:4fb3", "", True, id="that of a pod which is not known any more"),
        pytest.param("container:4fb3", "none", False, id="anybody may call the container of a pod so"),
        pytest.param("container:4fb3", "default", False, id="the same with dockershim"),
        pytest.param("bridge", "", False, id="a network of its own"),
    ],
)
def test_a_pod_is_calico_node_only_in_the_hosts_network(mode: str, of_the_pod: str, ours: bool) -> None:
    pod = replace(PLAIN, name="k8s_calico-node_x_default_0b5e_0", network_mode=mode)
    assert is_calico_node(pod, of_the_pod) is ours
    labelled = replace(PLAIN, name="k8s_app_x_default_0b5e_0", network_mode=mode)
    assert shares_network(labelled, of_the_pod) is ours


def test_recorded_networks() -> None:
    networks = {
        network.name: network
        for network in map(decode_network, json.loads((HEALTHY / "docker-networks.json").read_text()))
    }
    assert networks == {
        "bridge": DockerNetwork(
            "bridge", "bridge", "docker0", (ip_network("172.17.0.0/16"),), (ip_address("172.17.0.1"),)
        ),
        "host": DockerNetwork("host", "host"),
        "none": DockerNetwork("none", "null"),
    }


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}},
            DockerNetwork(
                "app", "bridge", "br-0123456789ab", (ip_network("172.18.0.0/16"),), (ip_address("172.18.0.1"),)
            ),
            id="a bridge without a name of its own is named after the id",
        ),
        pytest.param(
            {"Options": {"com.docker.network.bridge.name": "corp0"}},
            DockerNetwork("app", "bridge", "corp0"),
            id="a bridge with a name",
        ),
        pytest.param(
            {"IPAM": {"Config": [{"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1/64"}, {"Subnet": "10.9.0.0/24"}]}},
            DockerNetwork(
                "app",
                "bridge",
                "br-0123456789ab",
                (ip_network("fd00:1::/64"), ip_network("10.9.0.0/24")),
                (ip_address("fd00:1::1"),),
            ),
            id="two families, a gateway with its length, one without a gateway",
        ),
        pytest.param({"Driver": "macvlan"}, DockerNetwork("app", "macvlan"), id="only bridges have a bridge"),
        pytest.param({"IPAM": {"Config": None}}, DockerNetwork("app", "bridge", "br-0123456789ab"), id="Go's null"),
    ],
)
def test_networks(changes: dict[str, Any], found: DockerNetwork) -> None:
    assert decode_network({"Name": "app", "Id": "0123456789abcdef", "Driver": "bridge", **changes}) == found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("State", "Status"), "dreaming", id="an unknown state"),
        pytest.param(("State", "StartedAt"), "yesterday", id="a time that is none"),
        pytest.param(("State", "StartedAt"), "2026-11-23T00:31:27", id="a time without a zone"),
        pytest.param(("State",), [], id="no state"),
        pytest.param(("Name",), None, id="no name"),
        pytest.param(("Mounts",), ["x"], id="mounts that are none"),
    ],
)
def test_what_is_not_of_the_engines_form_is_refused(path: tuple[str, ...], value: object) -> None:
    attrs = inspected(HEALTHY)
    place = attrs
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(Malformed):
        decode_container(attrs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data())
def test_nothing_but_malformed_is_raised(data: st.DataObject) -> None:
    attrs = inspected(HEALTHY)
    network = json.loads((HEALTHY / "docker-networks.json").read_text())[0]
    for place in (attrs, attrs["State"], attrs["Config"], attrs["HostConfig"], network, network["IPAM"]):
        if data.draw(st.booleans()):
            place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    with suppress(Malformed):
        datastore_settings(decode_container(attrs))
    with suppress(Malformed):
        decode_network(network)
