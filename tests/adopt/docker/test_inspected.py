"""A container that is there: what it was given, told apart from what its image says."""

from typing import Any

import pytest

from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.docker.inspected import describe_container
from calico_agent.adopt.translate import translate
from calico_agent.model.container.run_options import RunOptions
from tests.captures import CAPTURES, inspected

BY_HAND = CAPTURES.parent / "calico-v2.3" / "healthy" / "host1"
IMAGE = {
    "Config": {"Env": ["PATH=/bin"], "Cmd": ["start_runit"], "Labels": {"vendor": "Tigera"}, "Volumes": {"/data": {}}}
}


def container(**host_config: Any) -> dict[str, Any]:
    attrs: dict[str, Any] = inspected(BY_HAND)
    attrs["HostConfig"] |= host_config
    attrs["Config"] |= {"Cmd": ["start_runit"], "Entrypoint": None, "Labels": {"vendor": "Tigera", "team": "net"}}
    return attrs


def test_what_was_given_is_told_from_what_the_image_says() -> None:
    attrs = container()
    attrs["Config"]["Env"] = ["PATH=/bin", "IP=10.77.0.11", "ETCD_ENDPOINTS=http://10.77.0.1:2379"]
    found = describe_container(attrs, IMAGE, log_driver="json-file")
    assert {name: given.value for name, given in found.env.items()} == {
        "IP": "10.77.0.11",
        "ETCD_ENDPOINTS": "http://10.77.0.1:2379",
    }
    assert found.command.value == ""
    assert found.options == RunOptions(labels=(("team", "net"),))
    assert found.remarks == ()


def test_the_recorded_container_of_the_unit_of_2017_loses_nothing() -> None:
    translation = translate(describe_container(container(), IMAGE, log_driver="json-file"))
    assert translation.lossless
    assert translation.settings["node", "preset"] == "v1.3"


REMARKS: dict[str, dict[str, Any]] = {
    "PidMode": {"PidMode": "host"},
    "CapDrop": {"CapDrop": ["SYS_ADMIN"]},
    "Tmpfs": {"Tmpfs": {"/run": ""}},
    "MemorySwap": {"Memory": 64 << 20, "MemorySwap": 64 << 20},
    "ShmSize": {"ShmSize": 1 << 20},
    "Runtime": {"Runtime": "kata"},
}


@pytest.mark.parametrize(("subject", "given"), REMARKS.items())
def test_what_has_no_place_is_lost(subject: str, given: dict[str, Any]) -> None:
    (remark,) = describe_container(container(**given), IMAGE, log_driver="json-file").remarks
    assert (remark.subject, remark.lost) == (subject, True)


@pytest.mark.parametrize(("own", "daemons"), [("runc", "runc"), ("nvidia", "nvidia"), ("", "runc")])
def test_the_runtime_that_the_daemon_gives_to_all_is_nothing_of_its_own(own: str, daemons: str) -> None:
    assert not describe_container(container(Runtime=own), IMAGE, runtime=daemons).remarks


def test_what_docker_makes_of_a_memory_limit_is_nothing_of_its_own() -> None:
    found = describe_container(container(Memory=64 << 20, MemorySwap=128 << 20), IMAGE)
    assert (found.options.memory, found.remarks) == (64 << 20, ())


def test_a_volume_is_lost_unless_the_image_declares_it() -> None:
    attrs = container()
    volume = {"Type": "volume", "Name": "x", "Source": "/var/lib/docker/volumes/x/_data", "RW": True}
    attrs["Mounts"] += [volume | {"Destination": "/data"}, volume | {"Destination": "/logs"}]
    found = describe_container(attrs, IMAGE)
    assert [remark.subject for remark in found.remarks] == ["/logs"]
    assert not {"/data", "/logs"} & {given.mount.destination for given in found.mounts}


def test_another_command_is_described() -> None:
    attrs = container()
    attrs["Config"]["Cmd"] = ["sh", "-c", "sleep 5; start_runit"]
    assert describe_container(attrs, IMAGE).command.value == "sh -c sleep 5; start_runit"


def test_an_image_that_kubelet_names_by_digest_is_named() -> None:
    attrs = container()
    attrs["Config"]["Image"] = "sha256:4fb3"
    attrs["Name"] = "/k8s_calico-node_calico-node-x7x2k_kube-system_6f1d_0"
    found = describe_container(attrs, IMAGE | {"RepoTags": ["quay.io/calico/node:v1.3.0"]})
    assert found.image.value == "quay.io/calico/node:v1.3.0"
    assert found.from_pod
    assert translate(found).settings.get(("node", "container_name")) is None


def test_a_container_that_is_not_calico_node_is_refused() -> None:
    attrs = container()
    attrs["Name"], attrs["Config"]["Image"] = "/web", "nginx"
    with pytest.raises(NotTakenOver, match="container web: runs the image 'nginx', which is not calico/node"):
        describe_container(attrs, IMAGE)


def test_without_its_image_nothing_can_be_told() -> None:
    with pytest.raises(NotTakenOver, match="its image is gone"):
        describe_container(container(), None)


def test_an_answer_of_another_form_is_refused() -> None:
    with pytest.raises(NotTakenOver, match="Docker's answer has State="):
        describe_container({"State": 5}, IMAGE)
