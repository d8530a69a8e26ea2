"""The lab itself: it comes up, it goes away whatever happened, and its hosts are hosts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.namespaces import REPOSITORY
from tests.lab.options import Options, Pool, lab_directory
from tests.lab.processes import survivors
from tests.patience import until

pytestmark = pytest.mark.lab

_KINDS = ("net", "mnt", "uts")
_PROGRAM = (sys.executable, "-m", "tests.lab")


def namespaces_of(pid: int) -> set[str]:
    """A process's namespaces, as the kernel names them; none for one that has ended."""
    try:
        return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in _KINDS}
    except OSError:
        return set()


@contextmanager
def namespaces_of_lab(lab: Lab) -> Iterator[set[str]]:
    """The namespaces that the lab's hosts are in, without the machine's own.

    They are held open meanwhile, or the kernel might give their numbers to those of a lab that another test makes.
    """
    with ExitStack() as held:
        names = set[str]()
        for process in survivors(lab.directory):
            for kind in _KINDS:
                with suppress(OSError):  # it has just ended
                    file = held.enter_context(Path(f"/proc/{process.pid}/ns/{kind}").open("rb"))
                    names.add(str(Path(f"/proc/self/fd/{file.fileno()}").readlink()))
        yield names - namespaces_of(os.getpid())


def namespaces_in_use() -> set[str]:
    """Every namespace that some process of the machine is in."""
    found = [namespaces_of(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return set().union(*found)


def traces(lab: Lab) -> list[str]:
    """What is left of a lab on the machine, apart from namespaces."""
    name = f"calico-agent-lab-{lab.directory.name}"
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(lab.directory) in line]
    groups = [str(group) for group in Path("/sys/fs/cgroup").glob(f"**/{name}")]
    processes = [str(process) for process in survivors(lab.directory)]
    files = [str(lab.directory)] if lab.directory.exists() else []
    commands = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout.splitlines()
    return [*mounts, *groups, *processes, *files, *(line for line in commands if str(lab.directory) in line)]


def run(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The lab as a program."""
    environment = {**os.environ, "CALICO_AGENT_LAB": lab.directory.name}
    command = (*_PROGRAM, *arguments)
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def start(lab: Lab, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CALICO_AGENT_LAB": lab.directory.name}
    quiet = subprocess.DEVNULL
    return subprocess.Popen((*_PROGRAM, *arguments), cwd=REPOSITORY, env=environment, stdout=quiet, stderr=quiet)


def test_a_lab_leaves_nothing_behind(unbuilt: Lab) -> None:
    modules = Path("/lib/modules").exists()
    unbuilt.up(Options(hosts=2), bare=True)
    unbuilt.node_start("host1")
    unbuilt.pod("host1", "pod1-a")
    with namespaces_of_lab(unbuilt) as made:
        assert len(made) == 3 * 3, "two hosts and the wire have a network, mounts and a name of their own"
        assert traces(unbuilt)
        unbuilt.down()
        assert traces(unbuilt) == []
        assert not made & namespaces_in_use()
    assert Path("/lib/modules").exists() == modules


def test_down_is_right_when_there_is_nothing(unbuilt: Lab) -> None:
    assert run(unbuilt, "down").returncode == 0
    assert run(unbuilt, "down").returncode == 0


# Seconds after the start of `up`: namespaces being made, engines starting, images being loaded.
def test_down_leaves_a_parent_that_is_a_mount(tmp_path: Path) -> None:
    subprocess.run(("mount", "-t", "tmpfs", "labs", tmp_path), check=True)
    try:
        lab = Lab(tmp_path / "lab")
        lab.directory.mkdir()
        lab.down()
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(("umount", tmp_path), check=True)


@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.5, 3.0])
def test_down_cleans_after_an_up_that_was_killed(unbuilt: Lab, seconds: float) -> None:
    victim = start(unbuilt, "up", "--bare")
    time.sleep(seconds)
    victim.kill()
    victim.wait()
    with namespaces_of_lab(unbuilt) as made:
        assert run(unbuilt, "down").returncode == 0
        assert traces(unbuilt) == []
        assert not made & namespaces_in_use()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_behind(unbuilt: Lab, number: signal.Signals) -> None:
    victim = start(unbuilt, "up", "--bare")
    until("it has begun, and heeds signals", unbuilt.directory.exists)
    victim.send_signal(number)
    assert victim.wait(timeout=90) == 130
    assert traces(unbuilt) == []


def test_a_second_up_is_refused_and_does_no_harm(unbuilt: Lab) -> None:
    unbuilt.up(Options(hosts=1), bare=True)
    again = run(unbuilt, "up", "--bare")
    assert again.returncode == 1
    assert "already running" in again.stderr
    assert unbuilt.exec("host1", "hostname").stdout == "host1\n"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        pytest.param(("exec", "host1", "--", "true"), 1, "no lab is running", id="a command without a lab"),
        pytest.param(("up", "--hosts", "12"), 1, "1 to 9 hosts", id="too many hosts"),
        pytest.param(("up", "--pool", "gre"), 2, "--pool", id="an unknown encapsulation"),
        pytest.param(("up", "--image-archive", "/no/file"), 1, "no such file", id="an archive that is not there"),
        pytest.param(("node", "host1", "start", "IP"), 2, "KEY=VALUE", id="a setting without a value"),
    ],
)
def test_what_cannot_be_done_is_said(unbuilt: Lab, arguments: tuple[str, ...], code: int, text: str) -> None:
    done = run(unbuilt, *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert traces(unbuilt) == []


def test_two_labs_run_side_by_side(unbuilt: Lab, cluster: Lab) -> None:
    unbuilt.up(Options(hosts=1, tls=False), bare=True)
    assert (
        unbuilt.exec("host1", "cat", "/etc/machine-id").stdout != cluster.exec("host1", "cat", "/etc/machine-id").stdout
    )
    unbuilt.down()
    assert cluster.engine("host1").docker("ps", "--format", "{{.Names}}").stdout == "calico-node\n"


def test_a_host_has_names_addresses_and_files_of_its_own(cluster: Lab) -> None:
    identities = {cluster.exec(host, "cat", "/etc/machine-id").stdout for host in cluster.options.names}
    assert len(identities) == 3
    assert cluster.exec("host2", "hostname").stdout == "host2\n"
    assert cluster.exec("host2", "cat", "/etc/hostname").stdout == "host2\n"
    links = json.loads(cluster.exec("host2", "ip", "-json", "-4", "address").stdout)
    found = {link["ifname"]: f"{a['local']}/{a['prefixlen']}" for link in links for a in link["addr_info"]}
    assert found | {"lo": ""} == {"lo": "", "eth0": "10.77.0.12/24", "docker0": "172.17.0.1/16"}
    assert set(cluster.exec("host2", "ls", "/sys/class/net").stdout.split()) >= {"lo", "eth0", "docker0"}
    assert cluster.exec("host2", "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    cluster.exec("host2", "touch", "/var/lib/calico-agent-was-here", "/run/was-here", "/etc/was-here", check=True)
    assert not any(Path(path).exists() for path in ("/var/lib/calico-agent-was-here", "/run/was-here", "/etc/was-here"))


def test_exec_passes_on_the_exit_code_the_engine_and_the_programs(cluster: Lab) -> None:
    assert cluster.exec("host1", "sh", "-c", "exit 7").returncode == 7
    mine = cluster.exec("host1", "docker", "info", "--format", "{{.Name}}").stdout
    by_default = cluster.exec(
        "host1", "docker", "info", "--format", "{{.Name}}", environment={"DOCKER_HOST": ""}
    ).stdout
    assert (mine, by_default) == ("host1\n", "host1\n")
    found = cluster.exec("host1", "sh", "-c", "command -v calico-agent").stdout
    assert found == f"{REPOSITORY}/.venv/bin/calico-agent\n"


def test_a_container_by_hand_is_told_neither_address_nor_name(cluster: Lab) -> None:
    inspected = json.loads(cluster.engine("host1").docker("inspect", "calico-node").stdout)[0]
    given = {entry.partition("=")[0] for entry in inspected["Config"]["Env"]}
    assert not given & {"IP", "NODENAME", "HOSTNAME"}
    assert inspected["HostConfig"]["Privileged"]
    assert inspected["HostConfig"]["NetworkMode"] == "host"


def test_etcd_refuses_a_client_without_certificate(cluster: Lab) -> None:
    ask = (
        "etcdctl",
        "--endpoints",
        cluster.datastore.endpoint,
        "--cacert",
        "/etc/calico/certs/ca_cert.crt",
        "get",
        "x",
    )
    certificate = ("--cert", "/etc/calico/certs/cert.crt", "--key", "/etc/calico/certs/key.pem")
    environment = {"ETCDCTL_API": "3"}
    assert cluster.exec("host1", *ask, environment=environment).returncode != 0
    assert cluster.exec("host1", *ask, *certificate, environment=environment).returncode == 0


def test_etcd_keeps_its_data_over_a_stop(unbuilt: Lab) -> None:
    unbuilt.up(Options(hosts=1, pool=Pool.NONE), bare=True)
    unbuilt.datastore.put("/calico/kept", "1")
    unbuilt.datastore.stop()
    with pytest.raises(LabError, match="not running"):
        unbuilt.datastore.freeze()
    unbuilt.datastore.start()
    assert json.loads(unbuilt.datastore.get("/calico/kept"))["count"] == 1


def _saved(cluster: Lab, file: Path, image: str) -> Path:
    """As `docker save` writes an image."""
    cluster.engine("host1").docker("tag", cluster.options.image, image)
    cluster.engine("host1").docker("save", "--output", str(file), image)
    return file


def _exported(cluster: Lab, file: Path, _image: str) -> Path:
    """As `docker export` writes a container's root file system."""
    cluster.engine("host1").docker("export", "--output", str(file), "calico-node")
    return file


@pytest.mark.parametrize("write", [_saved, _exported])
def test_another_image_is_loaded(
    unbuilt: Lab, cluster: Lab, tmp_path: Path, write: Callable[[Lab, Path, str], Path]
) -> None:
    image = "example/node:other"
    archive = write(cluster, tmp_path / "node.tar", image)
    unbuilt.up(Options(hosts=1, image_archive=str(archive), image=image), bare=True)
    unbuilt.node_start("host1")
    assert unbuilt.pod("host1", "pod1-a").startswith("192.168.")
    look = ("inspect", "--format", "{{.Config.Image}} {{.State.Status}}", "calico-node")
    assert unbuilt.engine("host1").docker(*look).stdout == f"{image} running\n"


def test_an_archive_with_another_image_is_refused_by_name(unbuilt: Lab, cluster: Lab, tmp_path: Path) -> None:
    archive = _saved(cluster, tmp_path / "node.tar", cluster.options.image)
    with pytest.raises(LabError, match=r"holds calico/node:standin, not calico/node:v3"):
        unbuilt.up(Options(hosts=1, image_archive=str(archive), image="calico/node:v3.31.7"), bare=True)
    assert traces(unbuilt) == []


def test_right_after_up_every_agent_says_that_all_is_well(unbuilt: Lab) -> None:
    unbuilt.up(Options(hosts=2))
    for host in unbuilt.options.names:
        status = unbuilt.exec(host, "calico-agent", "status")
        assert status.returncode == 0, status.stdout
    unbuilt.agent_stop("host1")
    assert unbuilt.exec("host1", "calico-agent", "status").returncode == 3
    assert unbuilt.engine("host1").docker("ps", "--format", "{{.Names}}").stdout == "calico-node\n"


def test_by_hand_and_by_the_agent_are_instead_of_each_other(unbuilt: Lab) -> None:
    unbuilt.up(Options(hosts=1), bare=True)
    unbuilt.node_start("host1")
    by_hand = unbuilt.engine("host1").docker("ps", "--quiet", "--no-trunc").stdout
    unbuilt.agent_start("host1", {"CALICO_AGENT_MODE": "observe"})
    assert unbuilt.engine("host1").docker("ps", "--quiet", "--no-trunc").stdout == by_hand
    unbuilt.agent_stop("host1")
    unbuilt.agent_start("host1")
    unbuilt.pod("host1", "pod1-a")
    assert by_hand not in unbuilt.engine("host1").docker("ps", "--all", "--quiet", "--no-trunc").stdout
    unbuilt.node_stop("host1")
    assert unbuilt.exec("host1", "calico-agent", "status").returncode == 3
    assert unbuilt.engine("host1").docker("ps", "--all", "--quiet").stdout == ""


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(cluster: Lab) -> None:
    with pytest.raises(LabError, match="not finished"):
        cluster.exec("host1", "sh", "-c", "sleep 4321; true", timeout=0.5)

    def running() -> list[tuple[str, ...]]:
        return [process.argv for process in cluster.host("host1").processes()]

    until("all of it is gone", lambda: ("sleep", "4321") not in running(), lambda: str(running()))


def test_the_directory_comes_from_the_labs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALICO_AGENT_LAB", "second")
    assert lab_directory().name == "second"
    monkeypatch.setenv("CALICO_AGENT_LAB", "../etc")
    with pytest.raises(LabError, match="CALICO_AGENT_LAB"):
        lab_directory()
