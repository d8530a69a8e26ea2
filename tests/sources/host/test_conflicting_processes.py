"""Rivals on the real kernel: real BIRDs and listeners in network namespaces.

The reader runs as a process in the namespace, because the sockets that a process sees are those of its first thread's.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.sources.host.conflicting_processes import ConflictingProcessReader
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import until

pytestmark = pytest.mark.real

BGP = "router id 10.0.0.1;\nprotocol device {}\nprotocol bgp { local as 64512; neighbor 10.0.0.2 as 64512; passive; }\n"
LISTENER = """
import socket, sys, time
*ports, at = sys.argv[1:] if "." in sys.argv[-1] else [*sys.argv[1:], ""]
kept = [socket.create_server((at, int(port))) for port in ports]
time.sleep(600)
"""
READ = """
import dataclasses, json, sys
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.sources.host.conflicting_processes import ConflictingProcessReader
ports, *pids = sys.argv[1:]
pids = map(int, pids)
containers = [Container("0" * 64, "calico-node", "x", ContainerState.RUNNING, pid=pid) for pid in pids]
found = ConflictingProcessReader().read(containers, [*map(int, ports.split(","))])
print(json.dumps([dataclasses.asdict(rival) for rival in found], default=str))
"""
NODE = Container("0" * 64, "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING, pid=2**22 - 1)


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


@contextmanager
def started(host: NetworkNamespace, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the namespace, killed at the end; nsenter becomes it, so that its pid is the program's."""
    process = subprocess.Popen(host.command(*argv), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def bird(host: NetworkNamespace, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real BIRD, which listens on port 179 of the namespace."""
    folder.mkdir(exist_ok=True)
    (folder / "bird.conf").write_text(BGP)
    files = ("-c", str(folder / "bird.conf"), "-s", str(folder / "bird.ctl"), "-P", str(folder / "pid"))
    with started(host, "bird", "-f", *files, *options) as process:
        wait_for_listener(host, 179)
        yield process


def wait_for_listener(host: NetworkNamespace, port: int) -> None:
    until(f"somebody listens on {port}", lambda: f":{port:04X} " in host.output("cat", "/proc/net/tcp"))


def rivals(host: NetworkNamespace, *containers: Container, ports: str = "179") -> tuple[ConflictingProcess, ...]:
    pids = (str(container.pid) for container in containers)
    return tuple(map(decoded, json.loads(host.output(sys.executable, "-c", READ, ports, *pids))))


def decoded(found: dict[str, Any]) -> ConflictingProcess:
    return ConflictingProcess(**{**found, "listens_at": tuple(map(ip_address, found["listens_at"]))})


def test_a_host_on_which_nothing_runs_has_none(host: NetworkNamespace) -> None:
    assert rivals(host) == ()


def test_a_bird_that_has_the_bgp_port_is_one_rival(host: NetworkNamespace, tmp_path: Path) -> None:
    with bird(host, tmp_path) as process:
        (found,) = rivals(host)
        assert (found.program, found.pid, found.port) == ("BIRD", process.pid, 179)
        assert found.command.startswith(f"bird -f -c {tmp_path}/bird.conf")


def test_beside_a_living_container_only_programs_count_and_not_the_port(host: NetworkNamespace, tmp_path: Path) -> None:
    with bird(host, tmp_path) as process:
        (found,) = rivals(host, NODE)
        assert (found.program, found.pid, found.port) == ("BIRD", process.pid, 0)


def test_a_bird_in_another_network_namespace_is_none(host: NetworkNamespace, tmp_path: Path) -> None:
    with network_namespace() as pod, bird(pod, tmp_path):
        assert rivals(host) == ()
        assert len(rivals(pod)) == 1


def test_what_runs_in_a_container_of_calico_node_is_none(host: NetworkNamespace, tmp_path: Path) -> None:
    """By the process tree: Docker tells process 1 of the container, and everything in it descends from that."""
    (tmp_path / "bird.conf").write_text(BGP)
    script = f'bird -f -c {tmp_path}/bird.conf -s {tmp_path}/bird.ctl -P {tmp_path}/pid & echo $! >"$0"; wait'
    with started(host, "sh", "-c", script, str(tmp_path / "child")) as process:
        wait_for_listener(host, 179)
        child = int((tmp_path / "child").read_text())
        try:
            contained = Container("0" * 64, "calico-node", "x", ContainerState.RUNNING, pid=process.pid)
            assert rivals(host, contained) == ()
            assert [rival.pid for rival in rivals(host, NODE)] == [child]
        finally:
            subprocess.run(["kill", "-KILL", str(child)], check=True)


def test_a_container_that_was_started_again_since_docker_was_asked_is_no_rival_of_itself(
    host: NetworkNamespace, tmp_path: Path
) -> None:
    """`docker restart`: the container is read between its two lives, its BIRD after that."""
    ended = Container("c" * 64, "calico-node", "x", ContainerState.EXITED)
    with control_group(ended.id) as group, bird(host, tmp_path) as process:
        assert [found.pid for found in host.run(ConflictingProcessReader().read, (ended,), [179])] == [process.pid]
        (group / "cgroup.procs").write_text(str(process.pid))
        assert host.run(ConflictingProcessReader().read, (ended,), [179]) == ()


@contextmanager
def control_group(name: str) -> Iterator[Path]:
    """An empty control group, which must be empty again at the end."""
    version1 = Path("/sys/fs/cgroup/pids")
    group = (version1 if version1.is_dir() else version1.parent) / name
    group.mkdir()
    try:
        yield group
    finally:
        until("nobody is left in the group", lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


@pytest.mark.parametrize("port", [179, 1790], ids=["the usual port", "a port of the cluster's own"])
def test_whoever_listens_on_the_bgp_port_is_named(host: NetworkNamespace, port: int) -> None:
    with started(host, sys.executable, "-c", LISTENER, str(port)) as process:
        wait_for_listener(host, port)
        (found,) = rivals(host, ports=f"2001,{port}")
        assert (found.program, found.pid, found.port) == ("", process.pid, port)
        assert found.command.startswith(sys.executable)
        assert found.listens_at == (ip_address("0.0.0.0"),)
        assert rivals(host, ports="2000") == ()


def test_one_who_listens_on_two_ports_is_told_with_both(host: NetworkNamespace) -> None:
    with started(host, sys.executable, "-c", LISTENER, "179", "1790", "127.0.0.1"):
        wait_for_listener(host, 1790)
        found = rivals(host, ports="179,1790")
    assert [(one.port, one.listens_at) for one in found] == [(port, (ip_address("127.0.0.1"),)) for port in (179, 1790)]


def test_a_listener_of_which_nobody_may_see_the_process_is_told_all_the_same(host: NetworkNamespace) -> None:
    unprivileged = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    with started(host, sys.executable, "-c", LISTENER, "179"):
        wait_for_listener(host, 179)
        found = json.loads(host.output(*unprivileged, sys.executable, "-c", READ, "179"))
    assert [decoded(each) for each in found] == [
        ConflictingProcess("", 0, "", 179, listens_at=(ip_address("0.0.0.0"),))
    ]


def test_while_calico_node_runs_the_processes_are_not_looked_at_all_the_time(
    host: NetworkNamespace, tmp_path: Path
) -> None:
    reader = ConflictingProcessReader()
    assert host.run(reader.read, (NODE,), [179]) == ()
    with bird(host, tmp_path):
        assert host.run(reader.read, (NODE,), [179]) == ()
        assert len(host.run(reader.read, (), [179])) == 1, "before a start they are"
        assert host.run(reader.read, (NODE,), [179])[0].port == 0, "and once more when it has begun"


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
USERS = {
    "another user": AS_NOBODY,
    "another user who is root in a namespace of his own": (*AS_NOBODY, "unshare", "--user", "--map-root-user"),
}


@pytest.mark.parametrize("through", USERS.values(), ids=USERS.keys())
def test_a_process_that_may_not_change_routes_is_no_rival(host: NetworkNamespace, through: tuple[str, ...]) -> None:
    """Else any user could keep calico/node from being started, by a program of that name."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        shutil.copy("/bin/sh", f"{name}/bird")
        with started(host, *through, f"{name}/bird", "-c", "sleep 600; exit 0") as process:
            comm = Path(f"/proc/{process.pid}/comm")
            until("the processes are as wanted", lambda: comm.read_text() == "bird\n")
            assert rivals(host) == ()


def test_a_bird_that_gave_up_root_and_kept_the_right_to_routes_is_a_rival(host: NetworkNamespace) -> None:
    """Debian's service runs it as the user bird."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        with bird(host, Path(name), "-u", "nobody", "-g", "nogroup") as process:
            assert [found.pid for found in rivals(host)] == [process.pid]
