"""The `docker run` line: a shell takes it apart into exactly the wanted container, and no secret is in it.

That it makes the same container as the agent is shown on a real Engine in tests/act/test_container.py.
"""

import shlex
import subprocess
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.container.container import ContainerSpec, Mount
from calico_agent.model.container.run_options import RunOptions, Ulimit
from calico_agent.report.pages.docker_run import render_docker_run

SPEC = ContainerSpec(
    "calico-node",
    "calico/node:v3.31.7",
    env=(("ETCD_PASSWORD", "hush"), ("FELIX_X", "a b"), ("IP", "10.77.0.11/24")),
    mounts=(Mount("/lib/modules", "/lib/modules", read_only=True), Mount("/var/lib/calico", "/var/lib/calico")),
)


def words(spec: ContainerSpec) -> list[str]:
    return shlex.split(render_docker_run(spec).replace("\\\n", ""))


def test_everything_is_in_it() -> None:
    assert words(SPEC) == [
        *("docker", "run", "--detach", "--net=host", "--privileged", "--userns=host", "--restart=no"),
        "--name=calico-node",
        "--label=io.github.calico-agent.managed-by=calico-agent",
        f"--label=io.github.calico-agent.spec-hash={SPEC.hash}",
        *("--env=ETCD_PASSWORD=(not shown)", "--env=FELIX_X=a b", "--env=IP=10.77.0.11/24"),
        *("--volume=/lib/modules:/lib/modules:ro", "--volume=/var/lib/calico:/var/lib/calico"),
        "calico/node:v3.31.7",
    ]


def test_limits_labels_and_logging_are_in_it() -> None:
    options = RunOptions(
        memory=500 << 20,
        cpu_shares=300,
        nano_cpus=1_250_000_000,
        ulimits=(Ulimit("nofile", 1024, -1),),
        labels=(("team", "a b"),),
        log_driver="splunk",
        log_options=(("splunk-token", "hush"), ("tag", "x")),
    )
    said = words(replace(SPEC, options=options))
    assert "--label=team=a b" in said
    assert said[-8:-1] == [
        *("--memory=524288000b", "--cpu-shares=300", "--cpus=1.25", "--ulimit=nofile=1024:-1"),
        *("--log-driver=splunk", "--log-opt=splunk-token=(not shown)", "--log-opt=tag=x"),
    ]


def test_a_value_that_may_be_a_secret_is_only_said_to_be_there() -> None:
    env = (("AUTH", "hush"), ("FELIX_ETCDPASSWORD", "hush"), ("ETCD_ENDPOINTS", "https://me:hush@10.77.0.1:2379"))
    line = render_docker_run(replace(SPEC, env=env))
    assert "hush" not in line
    assert "'--env=AUTH=(not shown)'" in line.replace("--env='AUTH=(not shown)'", "'--env=AUTH=(not shown)'")


def test_another_engine_is_named() -> None:
    assert render_docker_run(SPEC, url="unix:///run/other.sock").startswith("docker --host=unix:///run/other.sock run ")


def test_a_secret_is_read_by_the_shell_from_its_file() -> None:
    line = render_docker_run(SPEC, files={"ETCD_PASSWORD": "/etc/my etcd/password"})
    assert """--env=ETCD_PASSWORD="$(head -n 1 '/etc/my etcd/password')" """ in line
    assert "hush" not in line


def test_a_file_that_docker_would_make_a_folder_of_is_made_first() -> None:
    spec = ContainerSpec("n", "i", mounts=(Mount("/run/xtables.lock", "/run/xtables.lock", is_file=True),))
    assert render_docker_run(spec).startswith("[ -e /run/xtables.lock ] || touch /run/xtables.lock\ndocker run ")


printable = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="@"), max_size=20)


@given(
    st.lists(
        st.tuples(st.from_regex(r"FELIX_[A-D]{1,8}", fullmatch=True), printable), max_size=4, unique_by=lambda v: v[0]
    )
)
def test_a_shell_reads_back_every_value(env: list[tuple[str, str]]) -> None:
    spec = ContainerSpec("calico-node", "image", env=tuple(env))
    line = render_docker_run(spec).replace("docker run", "printf '%s\\n'", 1)
    said = subprocess.run(("sh", "-c", line), capture_output=True, text=True, check=True).stdout.split("\n")
    assert [word for word in said if word.startswith("--env=")] == [f"--env={name}={value}" for name, value in env]
