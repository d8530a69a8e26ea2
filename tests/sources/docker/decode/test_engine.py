"""Answers to `GET /info` of old and new Engines."""

import pytest

from calico_agent.model.container.engine import Engine
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.engine import decode_engine

NEW = {
    "ServerVersion": "24.0.7",
    "DockerRootDir": "/var/lib/docker/165536.165536",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "xfs"], ["Supports d_type", "true"], "no pair"],
    "CgroupDriver": "systemd",
    "CgroupVersion": "2",
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=userns", "name=cgroupns"],
    "LiveRestoreEnabled": True,
    "Swarm": {"LocalNodeState": "active"},
    "DefaultRuntime": "runc",
    "OSType": "linux",
}
OLD = {"ServerVersion": "1.12.6", "Driver": "aufs", "SecurityOptions": ["apparmor", "seccomp"], "Swarm": None}


def test_a_new_engine() -> None:
    assert decode_engine(NEW) == Engine(
        version="24.0.7",
        root_dir="/var/lib/docker/165536.165536",
        driver="overlay2",
        storage=(("Backing Filesystem", "xfs"), ("Supports d_type", "true")),
        cgroup_driver="systemd",
        cgroup_version="2",
        security=frozenset({"apparmor", "seccomp", "userns", "cgroupns"}),
        live_restore=True,
        swarm=True,
    )


def test_an_engine_of_2016_says_less() -> None:
    assert decode_engine(OLD) == Engine("1.12.6", driver="aufs", security=frozenset({"apparmor", "seccomp"}))


@pytest.mark.parametrize("answer", [{}, {"ServerVersion": 7}], ids=["nothing", "another kind of version"])
def test_what_no_engine_says(answer: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        decode_engine(answer)
