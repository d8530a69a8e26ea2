"""`docker run` in all the forms in which people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.described import Described, Given, NotTakenOver
from calico_agent.adopt.unit.command import describe_command
from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions, Ulimit
from tests.examples import at_most

FILES = {"/etc/calico.env": "IP=10.77.0.1\nAS=1\n", "/etc/labels": "team=net\n"}


class Files:
    """Files that are texts here."""

    def read(self, path: str, place: str) -> str | None:  # noqa: ARG002
        return FILES.get(path)

    def matching(self, pattern: str) -> tuple[str, ...]:
        return (pattern,)


def described(options: str, image: str = "calico/node:v1.3.0") -> Described:
    return describe_command(f"docker run {options} {image}", Files())


NETWORKS = ["--net=host", "--net host", "--network=host", "--network host", "--net=none --net=host"]


@pytest.mark.parametrize("text", NETWORKS)
def test_the_network(text: str) -> None:
    assert described(text).network.value == "host"


ENVIRONMENTS = {
    "-e A=1": "1",
    "-eA=1": "1",
    "-e=A=1": "1",
    "--env A=1": "1",
    "--env=A=1": "1",
    "-e A=0 -e A=1": "1",
    "-dite A=1": "1",
    "-e 'A=x y=z'": "x y=z",
    "-e A=": "",
}


@pytest.mark.parametrize(("text", "value"), ENVIRONMENTS.items())
def test_a_variable(text: str, value: str) -> None:
    assert described(text).env["A"].value == value


def test_variables_of_a_file_lose_against_those_of_the_line() -> None:
    env = described("-e IP=10.77.0.2 --env-file /etc/calico.env").env
    assert {name: given.value for name, given in env.items()} == {"IP": "10.77.0.2", "AS": "1"}
    assert env["AS"].place == "/etc/calico.env:2"


def test_a_variable_without_a_value_is_that_of_who_runs_the_command() -> None:
    assert "whoever runs the command" in described("-e IP").env["IP"].unknown


def test_the_name_of_the_host_in_the_container_is_a_variable_in_it() -> None:
    assert described("-h Node-C3").env["HOSTNAME"].value == "Node-C3"


MOUNTS = {
    "-v /a:/b": Mount("/a", "/b"),
    "-v /a/:/b/:ro": Mount("/a", "/b", read_only=True),
    "--volume=/a:/b:ro,z": Mount("/a", "/b", read_only=True),
    "--volume /a:/b:rw,rshared": Mount("/a", "/b", propagation="rshared"),
    "--mount type=bind,source=/a,target=/b": Mount("/a", "/b"),
    "--mount=type=bind,src=/a,dst=/b,readonly": Mount("/a", "/b", read_only=True),
    "--mount type=bind,src=/a,destination=/b,ro=true,bind-propagation=rslave": Mount(
        "/a", "/b", read_only=True, propagation="rslave"
    ),
}


@pytest.mark.parametrize(("text", "mount"), MOUNTS.items())
def test_a_mount(text: str, mount: Mount) -> None:
    (found,) = described(text).mounts
    assert found.mount == mount


def test_limits_labels_and_logging() -> None:
    text = (
        "-m 500M -c 300 --cpus 1.5 --ulimit nofile=1024:2048 -l a=b --label-file /etc/labels --label c "
        "--log-driver json-file --log-opt max-size=10m --label io.github.calico-agent.spec-hash=1"
    )
    assert described(text).options == RunOptions(
        memory=500 << 20,
        cpu_shares=300,
        nano_cpus=1_500_000_000,
        ulimits=(Ulimit("nofile", 1024, 2048),),
        labels=(("a", "b"), ("c", ""), ("team", "net")),
        log_driver="json-file",
        log_options=(("max-size", "10m"),),
    )
    assert described("--cpu-quota 50000").options.nano_cpus == 500_000_000
    assert described("--memory=0 --cpu-shares=0").options == RunOptions()


def test_switches_and_names() -> None:
    found = described("--privileged --name=calico-node --restart always -d")
    assert (found.privileged.value, found.name.value, found.restart.value) == ("true", "calico-node", "always")
    assert described("--privileged=false").privileged.value == "false"
    assert described("-d").name.value == ""


def test_what_comes_behind_the_image_is_its_command() -> None:
    found = describe_command("docker run --entrypoint /bin/sh calico/node:v1.3.0 -c 'start_runit --net=x'", Files())
    assert found.command == Given("/bin/sh -c start_runit --net=x", "--command:1")
    assert found.network.value == "default"


REMARKS = {
    "--pid=host": ("--pid", True),
    "--cap-drop=SYS_ADMIN": ("--cap-drop", True),
    "--cap-add SYS_ADMIN": ("--cap-add", False),
    "--rm": ("--rm", False),
    "--userns=private": ("--userns", False),
    "-v logs:/var/log/calico": ("/var/log/calico", True),
    "-v /data": ("/data", False),
    "-v /a:/b:nocopy": ("--volume", True),
    "--mount type=tmpfs,dst=/run": ("--mount", True),
    "--tmpfs /run": ("--tmpfs", True),
    "-p 80:80": ("--publish", False),
    "--dns=10.0.0.1": ("--dns", True),
}


@pytest.mark.parametrize(("text", "expected"), REMARKS.items())
def test_what_has_no_place_is_said(text: str, expected: tuple[str, bool]) -> None:
    (remark,) = described(text).remarks
    assert (remark.subject, remark.lost) == expected
    assert remark.why
    assert remark.place == "--command:1"


@pytest.mark.parametrize("text", ["--userns=host", "-d", "-i", "--rm=false", "--sig-proxy=false"])
def test_what_says_nothing_is_not_said(text: str) -> None:
    assert described(text).remarks == ()


CALLS = {
    "with its path": "/usr/bin/docker run -e A=1 calico/node",
    "as root": "sudo -E docker run -e A=1 calico/node",
    "by env": "/usr/bin/env X=1 docker run -e A=1 calico/node",
    "of a container": "docker container run -e A=1 calico/node",
    "made first": "docker create -e A=1 calico/node",
    "in a shell": "sh -c 'exec docker run -e A=1 calico/node'",
    "in a shell with options": "/bin/bash -ec \"docker run -e 'A=1' calico/node\"",
    "over several lines": "\n# comment\ndocker run \\\n  -e A=1 \\\n  calico/node\n",
    "after a file was made": "[ -e /run/xtables.lock ] || touch /run/xtables.lock\ndocker run -e A=1 calico/node",
}


@pytest.mark.parametrize("text", CALLS.values(), ids=CALLS)
def test_however_it_is_called(text: str) -> None:
    found = describe_command(text, Files())
    assert found.env["A"].value == "1"
    assert found.image.value == "calico/node"


def test_another_engine() -> None:
    assert describe_command("docker -H unix:///run/d.sock run calico/node", Files()).url == "unix:///run/d.sock"
    assert describe_command("docker --host=tcp://h:1 run calico/node", Files()).url == "tcp://h:1"


FAULTS = {
    "an option that does not exist": (
        "docker run --privilege calico/node",
        "has no option --privilege (did you mean --",
    ),
    "a letter that is none": ("docker run -x calico/node", "`docker run` has no option -x"),
    "an option without its value": ("docker run --name", "the option --name has no value"),
    "no image": ("docker run -d", "names no image"),
    "another image": ("docker run redis:7", "runs the image 'redis:7', which is not calico/node"),
    "no docker": ("ls -l", "is no `docker run`"),
    "nothing": ("  \n", "is no `docker run`"),
    "two of them": ("docker run calico/node\ndocker run calico/node", "--command:2: is a second command"),
    "a second mount": ("docker run -v /a:/b -v /c:/b calico/node", "Docker refuses a second mount at /b"),
    "a size that is none": ("docker run -m 5X calico/node", "--memory '5X' is not a size"),
    "a number that is none": ("docker run -c much calico/node", "--cpu-shares 'much' is no number"),
    "a mount that is no list": ("docker run --mount '\"a' calico/node", "is no list of key=value"),
    "a file that is not there": ("docker run --env-file /none calico/node", "the file /none is not there"),
    "Podman": (
        "podman run calico/node",
        "runs the container with Podman; calico-agent runs containers with Docker only",
    ),
    "containerd": ("nerdctl run calico/node", "with containerd (nerdctl)"),
    "rkt": ("/usr/bin/rkt run calico/node", "runs the container with rkt"),
    "calicoctl": ("calicoctl node run --ip=1.2.3.4", "import it with --container calico-node"),
    "calicoctl of 2016": ("calicoctl node --ip=1.2.3.4", "import it with --container calico-node"),
    "one that was made before": ("docker start -a calico-node", "import it with --container calico-node"),
    "a script in a shell": ("sh -c 'docker rm x\ndocker run calico/node'", "is a script of several commands"),
    "a context": ("docker --context far run calico/node", "unix:///path and tcp://host:port only"),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_taken_is_refused_in_one_line(text: str, fault: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        describe_command(text, Files())
    assert fault in str(caught.value)
    assert str(caught.value).startswith("--command")
    assert str(caught.value).isprintable()


_WORDS = st.sampled_from(
    ["-e", "-v", "A=1", "/a:/b", "--net", "host", "-", "--", "-m", "1g", "$X", "''", "-it", "--x=1"]
)


@at_most(60)
@given(st.lists(_WORDS, max_size=8))
def test_no_words_do_anything_but_be_described_or_refused(words: list[str]) -> None:
    try:
        described(" ".join(words))
    except NotTakenOver as refusal:
        assert str(refusal).isprintable()  # noqa: PT017
