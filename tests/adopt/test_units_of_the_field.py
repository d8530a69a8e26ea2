"""Forms that units and commands of guides and installers have: nothing of them is lost, and each refusal is true."""

import pytest

from calico_agent.adopt.described import Described, NotTakenOver, Translation
from calico_agent.adopt.translate import translate
from calico_agent.adopt.unit.command import describe_command
from tests.adopt.docker import test_docker_run
from tests.adopt.unit.test_unit import described, values

ETCD = "-e ETCD_ENDPOINTS=http://10.77.0.1:2379 -e NODENAME=host1 -e IP=10.77.0.11"
RUN = f"docker run --net=host --privileged --name=calico-node {ETCD}"
ENGINE = "unix:///run/docker-bootstrap.sock"


def of_command(text: str) -> Described:
    return describe_command(text, test_docker_run.Files())


def lost(translation: Translation) -> list[str]:
    return [one.subject for one in translation.differences if one.lost]


ENGINES = {
    "in the unit": described(f"Environment=DOCKER_HOST={ENGINE}\nExecStart=/bin/{RUN} calico/node:v3.9.6"),
    "by env in the unit": described(f"ExecStart=/usr/bin/env DOCKER_HOST={ENGINE} /bin/{RUN} calico/node:v3.9.6"),
    "before the command": of_command(f"DOCKER_HOST={ENGINE} {RUN} calico/node:v3.9.6"),
    "as an option, which wins": of_command(f"DOCKER_HOST=tcp://h:1 docker -H {ENGINE} {RUN[7:]} calico/node:v3.9.6"),
}


@pytest.mark.parametrize("found", ENGINES.values(), ids=ENGINES)
def test_another_engine_of_a_variable_is_another_engine(found: Described) -> None:
    assert translate(found).settings["docker", "url"] == ENGINE


def test_an_engine_without_a_scheme_is_asked_by_tcp() -> None:
    found = of_command(f"docker -H 127.0.0.1:2375 {RUN[7:]} calico/node:v3.9.6")
    assert translate(found).settings["docker", "url"] == "tcp://127.0.0.1:2375"


FAR = {
    "ssh": (f"docker -H ssh://far {RUN[7:]} calico/node:v3.9.6", "the Docker Engine"),
    "a context": (f"DOCKER_CONTEXT=far {RUN} calico/node:v3.9.6", "DOCKER_CONTEXT is set for it"),
    "TLS": (f"DOCKER_TLS_VERIFY=1 DOCKER_HOST=tcp://h:1 {RUN} calico/node:v3.9.6", "DOCKER_TLS_VERIFY is set for it"),
    "one that is not known": (f"DOCKER_HOST=$HERE {RUN} calico/node:v3.9.6", "the value of $HERE is not known here"),
}


@pytest.mark.parametrize(("text", "why"), FAR.values(), ids=FAR)
def test_an_engine_that_the_agent_cannot_ask_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        translate(of_command(text))
    assert caught.value.place.startswith("--command")
    assert why in caught.value.reason


def test_a_variable_before_the_command_is_given_to_the_container_that_asks_for_it() -> None:
    found = described("ExecStart=/usr/bin/env A=1 /bin/docker run -e A calico/node")
    assert values(found) == {"A": "1"}


def test_a_variable_before_the_command_makes_no_other_known() -> None:
    found = of_command('A=1 sh -c "docker run -e B=\\$B calico/node:v3.9.6"')
    assert "value of $B is not known" in found.env["B"].unknown


def test_options_of_sudo_and_env_may_have_values() -> None:
    assert of_command("sudo -u root -E env -u X docker run -e A=1 calico/node").env["A"].value == "1"


@pytest.mark.parametrize(
    ("directory", "path"),
    [("", "/d.env"), ("WorkingDirectory=/etc/calico\n", "/etc/calico/d.env"), ("WorkingDirectory=-~\n", "/root/d.env")],
)
def test_a_relative_file_of_variables_is_where_the_unit_runs(directory: str, path: str) -> None:
    service = f"{directory}ExecStart=/bin/docker run --env-file d.env calico/node"
    assert values(described(service, {path: "A=1\n"})) == {"A": "1"}
    with pytest.raises(NotTakenOver, match=f"the file {path} is not there, so Docker would refuse"):
        described(service, {"d.env": "A=2\n"})


def test_what_systemd_passes_on_or_sets_is_not_known() -> None:
    found = described(
        "PassEnvironment=ETCD_ENDPOINTS NODENAME\n"
        "ExecStart=/bin/docker run -e ETCD_ENDPOINTS -e NODENAME -e X=${HOME} -v ${HOME}/x:/x calico/node:v3.9.6"
    )
    translation = translate(found)
    assert "passes $ETCD_ENDPOINTS on from its own environment" in dict(translation.fill_in)["datastore", "endpoints"]
    assert lost(translation) == ["ETCD_ENDPOINTS", "NODENAME", "X", "--volume"]


def test_a_variable_of_the_unit_wins_over_what_systemd_passes_on() -> None:
    found = described("PassEnvironment=A\nEnvironment=A=1\nExecStart=/bin/docker run -e A calico/node")
    assert values(found) == {"A": "1"}


def test_a_name_that_is_not_known_has_to_be_decided_about() -> None:
    assert lost(translate(of_command(f"{RUN} -e NODENAME=$(cat /etc/name) calico/node:v3.9.6"))) == ["NODENAME"]


GENERATIONS = {
    "serves networks to Docker": ("-e CALICO_LIBNETWORK_ENABLED=true", "v2", True),
    "and keeps its name as 3.1 does": (
        "-e CALICO_LIBNETWORK_ENABLED=true -v /var/lib/calico:/var/lib/calico",
        "",
        True,
    ),
    "says that it does not": ("-e CALICO_LIBNETWORK_ENABLED= -e ETCD_SCHEME=", "", True),
    "names its datastore": ("-e DATASTORE_TYPE=etcdv3 -e CALICO_LIBNETWORK_ENABLED=true", "", False),
}


@pytest.mark.parametrize(("options", "api", "decide"), GENERATIONS.values(), ids=GENERATIONS)
def test_the_generation_of_an_image_without_a_version_is_guessed_and_said(options: str, api: str, decide: bool) -> None:
    translation = translate(of_command(f"{RUN} {options} calico/node:latest"))
    assert translation.settings.get(("datastore", "api"), "") == api
    assert ("preset" in lost(translation)) == decide


def test_an_endpoint_in_two_parts_is_of_2_whatever_the_image_is_called() -> None:
    command = "docker run --net=host --privileged -e ETCD_AUTHORITY=10.0.0.1:2379 -e ETCD_SCHEME=http calico/node"
    translation = translate(of_command(command))
    assert translation.settings["datastore", "endpoints"] == ["http://10.0.0.1:2379"]
    assert translation.settings["node", "preset"] == "v1.3"
    assert lost(translation) == ["preset"]


def test_calico_1_is_refused_by_its_name() -> None:
    with pytest.raises(NotTakenOver, match=r"calico/node:v0\.23\.1 is of Calico 1\.x"):
        translate(of_command(f"{RUN} calico/node:v0.23.1"))


def test_a_refusal_names_the_line_of_what_it_speaks_of() -> None:
    service = f"ExecStart=/bin/{RUN} \\\n -e DATASTORE_TYPE=consul calico/node:v3.9.6"
    with pytest.raises(NotTakenOver) as caught:
        translate(described(service))
    assert caught.value.place == "calico-node.service:3"
    with pytest.raises(NotTakenOver) as caught:
        translate(described(service.replace("DATASTORE_TYPE=consul", "ETCD_KEY=hush")))
    assert caught.value.place == "calico-node.service:3"


def test_a_certificate_file_without_a_name_is_not_said_to_be_of_http() -> None:
    text = RUN.replace("http:", "https:") + " -e ETCD_CERT_FILE= calico/node:v3.9.6"
    whys = {one.subject: one.why for one in translate(of_command(text)).differences}
    assert whys["ETCD_CERT_FILE"] == "without a value it says nothing"


def test_a_backslash_with_white_space_behind_it_is_told_of() -> None:
    with pytest.raises(NotTakenOver, match="one that white space follows joins no line"):
        described("ExecStart=/bin/docker run \\ \n -e A=1 calico/node")


LONG = {
    "in words": "ExecStart=/bin/docker run " + "-e X=${A} " * 4 + "calico/node",
    "as words": "ExecStart=/bin/docker run " + "$A " * 4 + "calico/node",
    "in one word": f"ExecStart=/bin/docker run -e X={'${A}' * 100_000} calico/node",
    "in a shell": f"ExecStart=/bin/sh -c 'docker run -e X={'$A' * 100_000} calico/node'",
}


@pytest.mark.parametrize("command", LONG.values(), ids=LONG)
def test_variables_make_no_command_that_linux_would_not_take(command: str) -> None:
    words = f"{'x' * 99} " * 6000
    with pytest.raises(NotTakenOver, match="longer than Linux takes for one command"):
        described(f'Environment="A={words}"\n{command}')


def test_a_certificate_file_that_is_not_known_is_filled_in_by_its_path_on_the_host() -> None:
    text = RUN.replace("http:", "https:") + " -e ETCD_CA_CERT_FILE=$CA calico/node:v3.9.6"
    assert dict(translate(of_command(text)).fill_in)["datastore", "ca_file"].endswith(
        "is not known here (that is the path in the container: write where the file is on the host)"
    )
