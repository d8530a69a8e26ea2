"""sources/docker/client.py against a real dockerd: living, frozen, killed, started again; and what is no dockerd."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, ContainerState, Docker
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.image import LocalImage
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.client import DockerReader
from tests.docker_engine import IMAGE, docker_engine, frozen, kill_dockerd
from tests.lab.engine import Engine
from tests.own_process import open_files, threads
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.real


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
    shared_engine.docker("network", "prune", "--force")


@pytest.fixture
def reader(engine: Engine) -> Iterator[DockerReader]:
    with closing(DockerReader(engine.socket)) as reader:
        yield reader


def run(engine: Engine, *options: str, name: str = "calico-node", script: str = "", image: str = IMAGE) -> str:
    """Start a container; its id."""
    env = f"SCRIPT={script}"
    return engine.docker("run", "--detach", "--name", name, "--net=host", "--env", env, *options, image).stdout.strip()


def read(reader: DockerReader, name: str = "calico-node") -> Docker:
    docker = reader.read(name)
    assert isinstance(docker, Docker), docker
    return docker


def unreadable(reader: DockerReader) -> Unreadable:
    found = reader.read("calico-node")
    assert isinstance(found, Unreadable)
    assert found.source == "Docker"
    return found


@pytest.mark.parametrize(
    ("reference", "here"),
    [(IMAGE, True), ("calico/node:v9", False), ("Not A Reference", False), ("", False)],
    ids=["here", "not here", "no reference", "nothing asked"],
)
def test_the_image_that_is_asked_for_is_found_by_its_id(
    engine: Engine, reader: DockerReader, reference: str, here: bool
) -> None:
    docker = reader.read("calico-node", image=reference)
    assert isinstance(docker, Docker)
    shown = engine.docker("image", "inspect", "--format={{.Id}}", IMAGE).stdout.strip()
    assert docker.image == (LocalImage(IMAGE, shown) if here else None)


def test_version_and_networks_are_what_docker_itself_prints(engine: Engine, reader: DockerReader) -> None:
    bridge = "com.docker.network.bridge.name=corp0"
    engine.docker("network", "create", "--subnet=172.30.0.0/24", "--gateway=172.30.0.254", "--opt", bridge, "corp")
    plain_id = engine.docker("network", "create", "--subnet=172.31.0.0/24", "plain").stdout.strip()
    docker = read(reader)
    assert docker.version == engine.docker("version", "--format", "{{.Server.Version}}").stdout.strip()
    networks = {network.name: network for network in docker.networks}
    assert networks["corp"] == DockerNetwork(
        "corp", "bridge", "corp0", (ip_network("172.30.0.0/24"),), (ip_address("172.30.0.254"),)
    )
    assert networks["plain"].bridge == f"br-{plain_id[:12]}"
    assert networks["bridge"].bridge == "docker0"
    links = engine.host.run("ip", "-o", "link").stdout
    assert all(f" {network.bridge}: " in links for network in docker.networks if network.bridge)
    assert networks["host"] == DockerNetwork("host", "host")


def test_a_running_container_with_the_end_of_its_log(engine: Engine, reader: DockerReader) -> None:
    knock = "bird: BGP: Unexpected connect from unknown address 10.77.0.13 (port 1)"
    script = f"seq 400 >&2; echo '{knock}' >&2"
    began = datetime.now(UTC)
    container_id = run(engine, "--env", "ETCD_ENDPOINTS=http://10.0.0.1:2379", script=script)
    until("it has said so", lambda: "unknown" in engine.docker("logs", container_id).stderr)
    (container,) = read(reader).containers
    assert (container.id, container.name, container.image) == (container_id, "calico-node", IMAGE)
    assert container.running
    assert container.pid > 0
    assert container.env_value("ETCD_ENDPOINTS") == "http://10.0.0.1:2379"
    assert (container.network_mode, container.restart_policy) == ("host", "no")
    assert container.log_tail == (*map(str, range(1, 401)), knock), "more than 200 lines in the last minute"
    (found,) = container.knocks
    assert found.address == ip_address("10.77.0.13")
    assert began <= found.at[0] <= datetime.now(UTC)


def test_a_container_that_gave_up_says_why(engine: Engine, reader: DockerReader) -> None:
    run(engine, script="echo 'Invalid IP autodetection method: eth1'; exit 1")
    until("it has ended", lambda: not read(reader).containers[0].running)
    (container,) = read(reader).containers
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 1)
    assert container.finished_at is not None
    assert container.log_hint is not None
    assert container.log_hint.code == "method-invalid"


def test_only_what_looks_like_calico_node_is_read(engine: Engine, reader: DockerReader) -> None:
    engine.docker("tag", IMAGE, "example/app:1")
    run(engine, name="web", image="example/app:1")
    run(engine, name="k8s_calico-node_calico-node-x7k2p_kube-system_0b5e_0", image="example/app:1")
    run(engine, name="k8s_POD_calico-node-x7k2p_kube-system_0b5e_0", image="example/app:1")
    pod = ("--net=container:k8s_POD_web_default_1_0",)
    ours = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
    engine.docker("run", "--detach", "--name", "k8s_POD_web_default_1_0", "example/app:1")
    engine.docker("run", "--detach", "--name", "k8s_calico-node_web_default_1_0", *pod, "example/app:1")
    engine.docker("run", "--detach", "--name", "labelled", *pod, "--label", ours, "example/app:1")
    run(engine, name="by-image")
    run(engine, name="configured", image="example/app:1")
    assert {container.name for container in read(reader, "configured").containers} == {
        "k8s_calico-node_calico-node-x7k2p_kube-system_0b5e_0",
        "by-image",
        "configured",
    }


def test_shells_and_single_programs_of_its_image_are_left_alone(engine: Engine, reader: DockerReader) -> None:
    run(engine)
    engine.docker("run", "--detach", "--name", "own-network", IMAGE)
    engine.docker("run", "--detach", "--name", "shell", "--net=host", IMAGE, "sleep", "1000")
    assert [container.name for container in read(reader).containers] == ["calico-node"]
    assert [container.name for container in read(reader, "shell").containers] == ["shell", "calico-node"], (
        "who has the configured name is in the way whatever it does"
    )


def test_a_container_that_is_started_again_is_judged_by_its_last_run(engine: Engine, reader: DockerReader) -> None:
    run(engine, script="if [ -e /once ]; then echo bird: Started; else echo > /once; echo first; exit 1; fi")
    until("it has ended", lambda: not read(reader).containers[0].running)
    assert read(reader).containers[0].log_tail == ("first",)
    engine.docker("start", "calico-node")
    until("it says more", lambda: read(reader).containers[0].log_tail == ("bird: Started",))


def test_those_that_run_come_first(engine: Engine, reader: DockerReader) -> None:
    for name in ("first", "second", "third"):
        run(engine, name=name)
    for name in ("first", "third"):
        engine.docker("stop", name)
    assert read(reader).containers[0].name == "second"


def test_the_log_of_a_terminal_has_no_frames(engine: Engine, reader: DockerReader) -> None:
    run(engine, "--tty", script="echo one; echo two")
    until("both lines are there", lambda: read(reader).containers[0].log_tail == ("one", "two"))


def test_a_log_of_endless_lines_is_bounded(engine: Engine, reader: DockerReader) -> None:
    run(engine, script="head -c 9000000 /dev/zero | tr '\\0' x; echo; echo end; echo written >/done")
    until(
        "it has written all", lambda: engine.docker("exec", "calico-node", "cat", "/done", check=False).returncode == 0
    )
    began = time.monotonic()
    (container,) = read(reader).containers
    assert time.monotonic() - began < PATIENCE
    assert 0 < len(container.log_tail) <= 4000
    assert all(len(line) <= 1000 for line in container.log_tail)


def test_a_log_that_cannot_be_read_is_empty(engine: Engine, reader: DockerReader) -> None:
    run(engine, "--log-driver=none", script="echo one")
    (container,) = read(reader).containers
    assert container.running
    assert container.log_tail == ()


def test_a_frozen_daemon_is_unreadable_within_the_timeout_and_readable_afterwards(engine: Engine) -> None:
    with closing(DockerReader(engine.socket, timeout=0.5)) as reader:
        read(reader)
        with frozen(engine):
            for _ in range(2):  # with the connection there was, and with a new one
                began = time.monotonic()
                found = unreadable(reader)
                assert time.monotonic() - began < PATIENCE
                assert found.code == "timeout"
                assert "0.5 s" in found.reason
        until("it answers again", lambda: isinstance(reader.read("calico-node"), Docker))


def test_a_frozen_daemon_costs_no_files_and_no_threads(engine: Engine) -> None:
    with closing(DockerReader(engine.socket, timeout=0.02)) as reader, frozen(engine):
        unreadable(reader)
        before = (open_files(), threads())
        for _ in range(50):
            unreadable(reader)
        assert (open_files(), threads()) == before


def test_a_killed_daemon_is_refused_and_read_again_when_it_is_back(tmp_path: Path) -> None:
    with docker_engine(tmp_path) as engine, closing(DockerReader(engine.socket)) as reader:
        run(engine)
        assert read(reader).containers[0].running
        kill_dockerd(engine)
        until("it is gone", lambda: isinstance(reader.read("calico-node"), Unreadable))
        assert unreadable(reader).code == "refused"

        before = (open_files(), threads())
        for _ in range(200):
            unreadable(reader)
        assert (open_files(), threads()) == before

        engine.start()
        assert not read(reader).containers[0].running  # without live-restore the container went with its daemon


def test_no_socket_is_absent(tmp_path: Path) -> None:
    found = unreadable(DockerReader(f"unix://{tmp_path}/docker.sock"))
    assert found.code == "absent"
    assert f"{tmp_path}/docker.sock" in found.reason


def http(body: object, status: str = "200 OK") -> bytes:
    payload = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    return head.encode() + payload


TOO_OLD = "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client"
VERSION = http({"ApiVersion": "1.45", "Version": "27.0"})


@pytest.mark.parametrize(
    ("answers", "code", "says"),
    [
        pytest.param([b""], "refused", "does not run", id="it closes the connection"),
        pytest.param([b"hello\r\n"], "malformed", "not a Docker Engine", id="it does not speak HTTP"),
        pytest.param([http({"ApiVersion": "1.12"})], "version", "1.", id="an API of ten years ago"),
        pytest.param([http({"message": TOO_OLD}, "400 Bad Request")], "version", TOO_OLD, id="an API that went on"),
        pytest.param([http(["no"])], "malformed", "not a Docker Engine", id="a version that is none"),
        pytest.param(
            [VERSION, VERSION, http({"no": 1})], "malformed", "not a Docker Engine", id="networks that are none"
        ),
        pytest.param([VERSION, VERSION, http(None)], "malformed", "not a Docker Engine", id="nothing"),
        pytest.param([VERSION, VERSION, http([]), http([{}])], "malformed", "Docker Engine", id="an empty container"),
        pytest.param(
            [VERSION, VERSION, http({"message": "the daemon is shutting down"}, "500 Internal Server Error")],
            "error",
            "the daemon is shutting down",
            id="it says no",
        ),
    ],
)
def test_what_is_no_docker_engine_is_unreadable(tmp_path: Path, answers: list[bytes], code: str, says: str) -> None:
    path = tmp_path / "odd.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener, closing(DockerReader(f"unix://{path}", 2.0)) as reader:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_answer, args=(listener, answers))
        thread.start()
        found = unreadable(reader)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert found.code == code
    assert says in found.reason


def _answer(listener: socket.socket, answers: list[bytes]) -> None:
    """The answers in turn, each to a connection of its own."""
    with suppress(OSError):
        for answer in answers:
            connection, _ = listener.accept()
            with closing(connection):
                connection.recv(65536)
                connection.sendall(answer)


def test_who_ended_it_is_told_by_dockers_events(engine: Engine, reader: DockerReader) -> None:
    run(engine)
    engine.docker("stop", "--time", "1", "calico-node")
    (stopped,) = read(reader).containers
    assert stopped.state is ContainerState.EXITED
    assert stopped.stopped_by_hand

    engine.docker("start", "calico-node")
    assert not read(reader).containers[0].stopped_by_hand
    engine.docker("kill", "calico-node")
    (killed,) = read(reader).containers
    assert killed.state is ContainerState.EXITED
    assert not killed.stopped_by_hand, "docker kill is how one tries out a crash"

    run(engine, name="calico-node-2", image=IMAGE, script="exit 3")
    crashed = next(found for found in read(reader).containers if found.name == "calico-node-2")
    assert not crashed.stopped_by_hand


def test_the_environment_of_the_image_is_told_apart(engine: Engine, reader: DockerReader) -> None:
    run(engine, "--env", "AS=64512")
    (container,) = read(reader).containers
    assert container.image_env is not None
    assert ("AS", "64512") in set(container.env) - set(container.image_env)
    assert set(container.image_env) < set(container.env) | {("PATH", container.env_value("PATH"))}
    assert container.privileged is False
    assert container.network_mode == "host"


def test_one_of_ours_is_read_whatever_its_name_and_image(engine: Engine, reader: DockerReader) -> None:
    engine.docker("tag", IMAGE, "mirror/network-agent:1")
    try:
        run(engine, "--label", f"{LABEL_MANAGED_BY}={MANAGED_BY}", name="renamed", image="mirror/network-agent:1")
        assert [container.name for container in read(reader).containers] == ["renamed"]
    finally:
        engine.docker("rm", "--force", "renamed")
        engine.docker("rmi", "mirror/network-agent:1")
