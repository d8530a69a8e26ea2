"""The recorded hosts, through all pure stages: the findings are those that were provoked, the culprit first."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container
from calico_agent.model.finding import Finding, Status
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.container import decode_container
from tests.places import DATA
from tests.replay import assess_capture, read_capture
from tests.replay.command import main
from tests.replay.provoked import EXPECTED

CAPTURES = DATA / "calico-v3.31.7"
HOSTS = sorted(path.parent.relative_to(DATA).as_posix() for path in DATA.glob("calico-*/*/host*/bird.txt"))
HEALTHY = (
    "calico-v3.31.7/healthy",
    "calico-v3.31.7/dual-stack",
    "calico-v3.31.7/vxlan-always",
    "calico-v3.31.7/borrowed-addresses",
    "calico-ipip/ipip-always",
    "calico-ipip/ipip-felix-routes",
    "calico-ipip/ipip-turned-off",
    "calico-v2.3/healthy",
    "calico-v2.3/healthy-no-ipip",
    "calico-v2.3/dual-stack",
)


def problems(capture: Path, host: str) -> dict[str, set[str]]:
    """Each problem of a recorded host as `CODE subject`, with its consequences."""
    return {
        _short(problem.cause): {_short(one) for one in problem.consequences}
        for problem in assess_capture(capture, host).problems
    }


def _short(finding: Finding) -> str:
    return f"{finding.code} {finding.subject}"


@pytest.mark.parametrize("recorded", HOSTS)
def test_a_recorded_host_gives_what_was_provoked_and_nothing_else(recorded: str) -> None:
    capture = (DATA / recorded).parent
    found = problems(capture, (DATA / recorded).name)
    expected = EXPECTED.get(recorded, {})
    assert found == expected
    assert list(found) == list(expected), "the culprit first"


def test_only_recorded_hosts_are_expected_to_give_problems() -> None:
    assert set(EXPECTED) <= set(HOSTS)
    assert not {host for host in EXPECTED if host.rpartition("/")[0] in HEALTHY}


@pytest.mark.parametrize("scenario", HEALTHY)
def test_a_healthy_cluster_is_wholly_healthy(scenario: str) -> None:
    for path in (DATA / scenario).glob("host*"):
        found = assess_capture(DATA / scenario, path.name)
        assert {condition.status for condition in found.conditions} == {Status.TRUE}
        assert found.routes is not None
        assert found.routes.expected == found.routes.present > 0
        assert all(peer.session.established and peer.node for peer in found.sessions)


@pytest.mark.parametrize(
    ("recorded", "texts"),
    [
        (
            "docker-bridge-address/host1",
            ("172.17.0.1, the address of Docker's bridge docker0", "its true address is 10.77.0.13", "IP=10.77.0.13"),
        ),
        ("docker-bridge-address/host3", ("this host should have 10.77.0.13", "IP=10.77.0.13/24")),
        ("address-already-in-use/host2", ("started with IP=172.17.0.1", "host3", "IP=10.77.0.12/24")),
        ("name-of-another-host/host2", ("runs as node host1", "NODENAME of container calico-node", "NODENAME=host2")),
        ("name-kept-in-nodename-file/host2", ("/var/lib/calico/nodename", "an address of this host")),
        ("foreign-route-same-prefix/host1", ("ip route del 192.168.183.64/26 via 10.77.0.1 dev eth0 proto boot",)),
        ("foreign-route-same-prefix/host3", ("host1 advertises it too", "on host1:")),
    ],
)
def test_the_first_problem_names_the_culprit_and_the_cure(recorded: str, texts: tuple[str, ...]) -> None:
    scenario, host = recorded.split("/")
    cause = assess_capture(CAPTURES / scenario, host).problems[0].cause
    said = f"{cause.what}\n{cause.why}\n{cause.effect}\n{cause.cure}"
    assert [text for text in texts if text not in said] == []


@dataclass(frozen=True)
class Copy:
    """A recording that a test may spoil."""

    root: Path

    def conditions(self) -> dict[str, Status]:
        return {found.type.value: found.status for found in assess_capture(self.root, "host1").conditions}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    shutil.copytree(CAPTURES / "healthy", tmp_path / "healthy")
    return Copy(tmp_path / "healthy")


# The source of each file, and the conditions that are unknown without it.
SOURCES = {
    "etcd.jsonl": ("datastore", {"IdentityConfirmed", "DatastoreReachable", "RoutesInPlace"}),
    "host1/bird.txt": ("bird", {"BGPEstablished"}),
    "host1/docker-inspect.json": ("docker", {"ContainerRunning"}),
    "host1/docker-networks.json": ("docker", {"ContainerRunning"}),
    "host1/ip-addr.json": ("kernel", {"IdentityConfirmed", "RoutesInPlace"}),
    "host1/ip-route.json": ("kernel", {"IdentityConfirmed", "RoutesInPlace"}),
}


@pytest.mark.parametrize("content", [None, "", "}{ nonsense", "[1, 2]", '{"a": 1}', "\0" * 50])
@pytest.mark.parametrize("file", SOURCES)
def test_a_missing_or_garbled_file_makes_its_source_unreadable(copy: Copy, file: str, content: str | None) -> None:
    if content is None:
        (copy.root / file).unlink()
    else:
        (copy.root / file).write_text(content)
    source, unknown = SOURCES[file]
    found = getattr(read_capture(copy.root, "host1"), source)
    if file == "etcd.jsonl" and content == "":
        assert found == Datastore(read_at=found.read_at)  # an empty datastore can be read
        return
    assert isinstance(found, Unreadable)
    statuses = copy.conditions()
    assert {name for name, status in statuses.items() if status is Status.UNKNOWN} >= unknown
    assert Status.FALSE not in statuses.values()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("[Errno 2] No such file or directory", "absent"),
        ("[Errno 111] Connection refused", "refused"),
        ("[Errno 11] Resource temporarily unavailable", "timeout"),
        ("timed out", "timeout"),
    ],
)
def test_an_error_of_the_socket_keeps_its_meaning(copy: Copy, error: str, code: str) -> None:
    (copy.root / "host1/bird.txt").write_text(f"# > show status\n# error: {error}\n# > show protocols all\n")
    found = read_capture(copy.root, "host1").bird
    assert isinstance(found, Unreadable)
    assert found.code == code


def test_the_whole_recording_is_read() -> None:
    found = read_capture(CAPTURES / "dual-stack", "host1")
    assert isinstance(found.bird, Bird)
    assert isinstance(found.bird6, Bird)
    assert isinstance(found.kernel, Kernel)
    assert len(found.bird.routes) == 17
    assert {str(source.address) for source in found.kernel.default_lookups} == {"10.77.0.11"}
    assert {str(one.destination): str(one.address) for one in found.kernel.lookups}["fd00:77::13"] == "fd00:77::11"


@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("docker-bridge-address", 1)])
def test_the_command_prints_what_status_would_say(scenario: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(CAPTURES / scenario), "host1"]) == code
    text = capsys.readouterr().out
    assert text.startswith("host1: ")
    assert max(map(len, text.splitlines())) <= 100
    assert main([str(CAPTURES / scenario), "host1", "--json"]) == code
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_a_host_that_was_not_recorded_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(CAPTURES / "healthy"), "host9"])
    assert ended.value.code == 2
    assert "host9" in capsys.readouterr().err


def recorded_container() -> Container:
    return decode_container(json.loads((CAPTURES / "healthy/host1/docker-inspect.json").read_text())[0])


def test_recorded_containers_see_the_nodename_file() -> None:
    assert any(mount.destination == "/var/lib/calico" for mount in recorded_container().mounts)


def test_a_recording_of_the_v2_api_is_read_whole() -> None:
    found = read_capture(DATA / "calico-v2.3/healthy-no-ipip", "host1")
    assert isinstance(found.datastore, Datastore)
    assert [node.name for node in found.datastore.nodes] == ["host1", "host2", "host3"]
    assert len(found.datastore.pools) == 1
    assert len(found.datastore.blocks) == 3
    assert found.datastore.revision > 0


@pytest.mark.parametrize("content", ["", "}{", "[]", '{"node": 5}'])
def test_a_garbled_tree_of_the_v2_api_makes_etcd_unreadable_or_empty(tmp_path: Path, content: str) -> None:
    shutil.copytree(DATA / "calico-v2.3/healthy-no-ipip", tmp_path / "copy")
    (tmp_path / "copy/etcd-v2.json").write_text(content)
    found = read_capture(tmp_path / "copy", "host1").datastore
    assert isinstance(found, Unreadable) or not found.nodes


def test_recorded_neighbours_and_forwarding_entries_are_read() -> None:
    kernel = read_capture(DATA / "calico-v3.32.1/vxlan-mesh-off", "host1").kernel
    assert isinstance(kernel, Kernel)
    assert kernel.neighbours is not None
    assert kernel.fdb is not None
    states = {str(one.address): (one.device, one.state) for one in kernel.neighbours}
    assert states["192.168.55.64"] == ("vxlan.calico", "PERMANENT")
    assert {str(one.destination) for one in kernel.fdb} == {"10.77.0.12", "10.77.0.13"}


def test_what_was_not_recorded_is_not_judged() -> None:
    kernel = read_capture(CAPTURES / "vxlan-always", "host1").kernel
    assert isinstance(kernel, Kernel)
    assert kernel.neighbours is None
    assert kernel.fdb is None


def test_a_host_is_judged_as_another_configuration_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        'mode = "supervise"\n[identity]\nipv4 = "10.77.0.99"\n'
        '[datastore]\nendpoints = ["http://10.77.0.1:2379"]\n[node]\nimage = "calico/node:v3.31.7"\n'
    )
    assert main([str(CAPTURES / "healthy"), "host1", "--config", str(file)]) == 1
    assert "10.77.0.99" in capsys.readouterr().out


def test_a_configuration_that_is_wrong_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('mode = "guess"\n')
    with pytest.raises(SystemExit) as ended:
        main([str(CAPTURES / "healthy"), "host1", "--config", str(file)])
    assert ended.value.code == 2
    assert "guess" in capsys.readouterr().err
