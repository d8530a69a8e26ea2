"""act/container.py on a real dockerd, held against what `docker run` makes."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calico_agent.act.container import ContainerActor
from calico_agent.model.container.action import (
    Action,
    ClearRestartPolicy,
    CreateContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    Retire,
    Rollback,
    StartContainer,
)
from calico_agent.model.container.container import LABEL_MANAGED_BY, LABEL_SPEC_HASH, ContainerSpec, Mount
from calico_agent.model.container.run_options import RunOptions, Ulimit
from calico_agent.report.pages.docker_run import render_docker_run
from tests.docker_engine import IMAGE, docker_engine, frozen, kill_dockerd
from tests.lab.engine import Engine

pytestmark = pytest.mark.real

WHY = "a test wants it"


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    yield shared_engine
    containers = shared_engine.docker("ps", "--all", "--quiet").stdout.split()
    if containers:
        shared_engine.docker("rm", "--force", *containers)


@pytest.fixture
def spec(tmp_path: Path) -> ContainerSpec:
    return ContainerSpec(
        name="calico-node",
        image=IMAGE,
        env=(("NODENAME", "host1"), ("IP", "10.0.0.1/24"), ("NO_DEFAULT_POOLS", "")),
        mounts=(
            Mount(f"{tmp_path}/lib", "/var/lib/calico"),
            Mount(f"{tmp_path}/certs", "/etc/calico/certs", read_only=True),
        ),
        options=RunOptions(
            memory=64 << 20,
            cpu_shares=300,
            nano_cpus=500_000_000,
            ulimits=(Ulimit("nofile", 1024, 2048),),
            labels=(("team", "net"),),
            log_driver="json-file",
            log_options=(("max-size", "10m"),),
        ),
    )


def perform(engine: Engine, action: Action) -> str:
    """Do it; the outcome's error."""
    outcome = ContainerActor(engine.socket).perform(action)
    assert outcome.action is action
    assert outcome.at.tzinfo is not None
    return outcome.error


def inspect(engine: Engine, name: str) -> dict[str, Any]:
    attrs: list[dict[str, Any]] = json.loads(engine.docker("inspect", name).stdout)
    return attrs[0]


def names(engine: Engine) -> set[str]:
    return set(engine.docker("ps", "--all", "--format", "{{.Names}}").stdout.split())


def test_it_makes_what_docker_run_makes(engine: Engine, spec: ContainerSpec) -> None:
    assert perform(engine, CreateContainer(spec, WHY)) == ""
    ours = inspect(engine, "calico-node")
    engine.docker("rm", "--force", "calico-node")
    labels = {LABEL_MANAGED_BY: "calico-agent", LABEL_SPEC_HASH: spec.hash, "team": "net"}
    engine.docker(
        *("run", "--detach", "--name=calico-node", "--net=host", "--privileged", "--userns=host", "--restart=no"),
        *(f"--env={name}={value}" for name, value in spec.env),
        *(f"--label={name}={value}" for name, value in labels.items()),
        *(f"--volume={mount.source}:{mount.destination}{':ro' if mount.read_only else ''}" for mount in spec.mounts),
        *("--memory=64M", "--cpu-shares=300", "--cpus=0.5", "--ulimit=nofile=1024:2048"),
        *("--log-driver=json-file", "--log-opt=max-size=10m"),
        IMAGE,
    )
    theirs = inspect(engine, "calico-node")
    assert ours["State"]["Running"]
    assert theirs["State"]["Running"]
    engine.docker("rm", "--force", "calico-node")
    subprocess.run(("sh", "-c", render_docker_run(spec, url=engine.socket)), check=True, capture_output=True)
    printed = inspect(engine, "calico-node")
    for config in (ours["Config"], theirs["Config"], printed["Config"]):
        config["Env"].sort()
    for made in (theirs, printed):
        assert ours["Config"] == made["Config"]
        assert without_nothing(ours["HostConfig"]) == without_nothing(made["HostConfig"])
        assert by_destination(ours["Mounts"]) == by_destination(made["Mounts"])


def test_a_password_reaches_the_printed_container_from_its_file(
    engine: Engine, spec: ContainerSpec, tmp_path: Path
) -> None:
    file = tmp_path / "the password"
    file.write_text("o'hush $HOME\nsecond line\n")
    spec = replace(spec, env=(("ETCD_PASSWORD", "o'hush $HOME"),))
    line = render_docker_run(spec, url=engine.socket, files={"ETCD_PASSWORD": str(file)})
    assert "hush" not in line
    subprocess.run(("sh", "-c", line), check=True, capture_output=True)
    assert "ETCD_PASSWORD=o'hush $HOME" in inspect(engine, "calico-node")["Config"]["Env"]


def test_a_running_container_is_restarted(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    before = inspect(engine, "calico-node")
    assert perform(engine, RestartContainer(before["Id"], WHY)) == ""
    after = inspect(engine, "calico-node")
    assert after["Id"] == before["Id"]
    assert after["State"]["Running"]
    assert after["State"]["StartedAt"] > before["State"]["StartedAt"]


def test_name_and_restart_policy_are_put_right_without_touching_what_runs(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    before = inspect(engine, "calico-node")
    engine.docker("rename", "calico-node", "somebody")
    engine.docker("update", "--restart=always", "somebody")
    assert perform(engine, RenameContainer(before["Id"], "calico-node", WHY)) == ""
    assert perform(engine, ClearRestartPolicy(before["Id"], WHY)) == ""
    after = inspect(engine, "calico-node")
    assert after["State"] == before["State"]
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "no"


def without_nothing(host_config: dict[str, Any]) -> dict[str, Any]:
    """Without the settings that one writes as null, the other as empty. ConsoleSize is the caller's terminal.

    `docker run` gives the mounts in any order.
    """
    settings = {key: value for key, value in host_config.items() if value and key != "ConsoleSize"}
    return settings | {"Binds": sorted(host_config["Binds"])}


def by_destination(mounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(mounts, key=lambda mount: str(mount["Destination"]))


def test_what_it_makes_is_host_network_privileged_and_never_restarted(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    attrs = inspect(engine, "calico-node")
    assert attrs["HostConfig"]["NetworkMode"] == "host"
    assert attrs["HostConfig"]["Privileged"] is True
    assert attrs["HostConfig"]["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert attrs["Config"]["Labels"] == {LABEL_MANAGED_BY: "calico-agent", LABEL_SPEC_HASH: spec.hash, "team": "net"}
    assert {"NODENAME=host1", "IP=10.0.0.1/24", "NO_DEFAULT_POOLS="} <= set(attrs["Config"]["Env"])
    assert {(mount["Destination"], mount["RW"]) for mount in attrs["Mounts"]} == {
        ("/var/lib/calico", True),
        ("/etc/calico/certs", False),
    }


def test_a_file_that_is_missing_is_made_as_a_file(engine: Engine, spec: ContainerSpec, tmp_path: Path) -> None:
    lock = tmp_path / "run" / "xtables.lock"
    spec = replace(spec, mounts=(Mount(str(lock), "/run/xtables.lock", is_file=True),))
    assert perform(engine, CreateContainer(spec, WHY)) == ""
    assert lock.is_file()
    assert engine.docker("exec", "calico-node", "cat", "/run/xtables.lock").stdout == ""


def test_an_exited_container_is_started_again(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    engine.docker("kill", "calico-node")
    attrs = inspect(engine, "calico-node")
    assert not attrs["State"]["Running"]
    assert perform(engine, StartContainer(attrs["Id"], WHY)) == ""
    again = inspect(engine, "calico-node")
    assert again["State"]["Running"]
    assert again["Id"] == attrs["Id"]


def test_a_container_is_replaced(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    old = inspect(engine, "calico-node")["Id"]
    wanted = replace(spec, env=(("NODENAME", "host2"),))
    assert perform(engine, ReplaceContainer(old, wanted, WHY)) == ""
    new = inspect(engine, "calico-node")
    assert new["Id"] != old
    assert new["State"]["Running"]
    assert "NODENAME=host2" in new["Config"]["Env"]
    kept = inspect(engine, "calico-node-previous")
    assert (kept["Id"], kept["State"]["Running"]) == (old, False), "until the new one is ready"
    assert names(engine) == {"calico-node", "calico-node-previous"}


def test_replacing_one_that_somebody_removed_makes_the_new_one(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    old = inspect(engine, "calico-node")["Id"]
    engine.docker("rm", "--force", "calico-node")
    assert perform(engine, ReplaceContainer(old, spec, WHY)) == ""
    assert inspect(engine, "calico-node")["State"]["Running"]


def test_the_old_container_goes_on_when_the_new_image_is_missing(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    old = inspect(engine, "calico-node")["Id"]
    wanted = replace(spec, image="calico/node:v9")
    error = perform(engine, ReplaceContainer(old, wanted, WHY))
    assert error == "image calico/node:v9 is not on this host; fetch it with: docker pull calico/node:v9"
    attrs = inspect(engine, "calico-node")
    assert attrs["Id"] == old
    assert attrs["State"]["Running"]


def test_a_missing_image_is_named_with_the_command_that_fetches_it(engine: Engine, spec: ContainerSpec) -> None:
    error = perform(engine, CreateContainer(replace(spec, image="quay.io/calico/node:v9"), WHY))
    assert error.endswith("docker pull quay.io/calico/node:v9")
    assert names(engine) == set()


def test_a_container_is_set_aside_stopped_and_stays_so(engine: Engine) -> None:
    engine.docker("run", "--detach", "--name=calico-node", "--restart=always", "--net=host", IMAGE)
    found = inspect(engine, "calico-node")["Id"]
    assert perform(engine, Retire(found, "calico-node-before", WHY)) == ""
    assert names(engine) == {"calico-node-before"}
    attrs = inspect(engine, "calico-node-before")
    assert attrs["Id"] == found
    assert not attrs["State"]["Running"]
    assert attrs["HostConfig"]["RestartPolicy"]["Name"] == "no"


def test_one_that_was_taken_over_runs_again_as_its_maker_wants_it(engine: Engine, spec: ContainerSpec) -> None:
    engine.docker("run", "--detach", "--name=calico-node", "--restart=always", "--net=host", IMAGE)
    found = inspect(engine, "calico-node")
    wanted = replace(spec, env=(*spec.env, ("SCRIPT", "exit 1")))
    assert perform(engine, ReplaceContainer(found["Id"], wanted, WHY)) == ""
    failed = inspect(engine, "calico-node")["Id"]
    assert not inspect(engine, "calico-node-previous")["State"]["Running"]
    assert perform(engine, Rollback(failed, found["Id"], "calico-node", WHY)) == ""
    again = inspect(engine, "calico-node")
    assert (again["Id"], again["State"]["Running"]) == (found["Id"], True)
    assert again["HostConfig"] == found["HostConfig"]
    assert names(engine) == {"calico-node", "calico-node-refused"}


def test_what_cannot_be_made_stops_nothing_of_somebody_elses(engine: Engine, spec: ContainerSpec) -> None:
    engine.docker("run", "--detach", "--name=calico-node", "--net=host", IMAGE)
    found = inspect(engine, "calico-node")
    wanted = replace(spec, mounts=(Mount("/tmp", "no absolute path"),))
    assert perform(engine, ReplaceContainer(found["Id"], wanted, WHY)).startswith("Docker refuses")
    assert inspect(engine, "calico-node")["State"] == found["State"]
    assert names(engine) == {"calico-node"}


def test_one_that_its_maker_has_removed_need_not_be_set_aside(engine: Engine) -> None:
    assert perform(engine, Retire("0123456789ab", "aside", WHY)) == ""


def test_an_exited_container_is_set_aside(engine: Engine) -> None:
    engine.docker("run", "--name=calico-node", "--env=SCRIPT=exit 1", "--net=host", IMAGE, check=False)
    assert perform(engine, Retire(inspect(engine, "calico-node")["Id"], "aside", WHY)) == ""
    assert names(engine) == {"aside"}


def test_a_name_that_is_taken_is_explained(engine: Engine, spec: ContainerSpec) -> None:
    perform(engine, CreateContainer(spec, WHY))
    holder = inspect(engine, "calico-node")["Id"]
    error = perform(engine, CreateContainer(spec, WHY))
    assert "another container is in the way" in error
    assert holder in error


def test_a_container_that_cannot_start_is_explained(engine: Engine, spec: ContainerSpec, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = perform(engine, CreateContainer(replace(spec, mounts=(Mount(f"{tmp_path}/file", "/bin"),)), WHY))
    assert error.startswith("Docker refuses: ")
    assert "not a directory" in error


def test_a_container_that_is_gone_cannot_start(engine: Engine) -> None:
    assert "No such container" in perform(engine, StartContainer("0123456789ab", WHY))


def test_a_frozen_daemon_is_an_error_within_the_timeout(engine: Engine, spec: ContainerSpec) -> None:
    with frozen(engine):
        began = time.monotonic()
        outcome = ContainerActor(engine.socket, timeout=0.5).perform(CreateContainer(spec, WHY))
        assert time.monotonic() - began < 1.5
    assert outcome.error.startswith("Docker does not do it: ")


def test_a_daemon_that_is_gone_is_an_error(tmp_path: Path, spec: ContainerSpec) -> None:
    with docker_engine(tmp_path / "own") as engine:
        kill_dockerd(engine)
        time.sleep(0.2)
        assert perform(engine, CreateContainer(spec, WHY)).startswith("Docker does not do it: ")
    outcome = ContainerActor(f"unix://{tmp_path}/absent.sock").perform(CreateContainer(spec, WHY))
    assert "No such file" in outcome.error


def test_a_restart_brings_a_renewed_certificate_into_the_container(
    engine: Engine, spec: ContainerSpec, tmp_path: Path
) -> None:
    """Docker makes the mounts anew at each start; what runs keeps the file that was there."""
    source = tmp_path / "cert.pem"
    source.write_text("old")
    mounts = (*spec.mounts, Mount(str(source), "/run/cert.pem", read_only=True))
    assert perform(engine, CreateContainer(replace(spec, mounts=mounts), WHY)) == ""
    (tmp_path / "cert.new").write_text("new")
    (tmp_path / "cert.new").rename(source)
    assert engine.docker("exec", "calico-node", "cat", "/run/cert.pem").stdout == "old"
    assert perform(engine, RestartContainer(inspect(engine, "calico-node")["Id"], WHY)) == ""
    assert engine.docker("exec", "calico-node", "cat", "/run/cert.pem").stdout == "new"
