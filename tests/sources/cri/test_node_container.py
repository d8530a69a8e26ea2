"""calico/node that Docker does not run: a copied perl that is called so, and a crictl that prints what was recorded."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.model.container.container import ContainerState
from calico_agent.sources.cri import crictl
from calico_agent.sources.cri.crictl import Crictl
from calico_agent.sources.cri.node_container import NodeContainerReader
from calico_agent.sources.docker.programs import ProgramReader
from tests.netns import NetworkNamespace, network_namespace
from tests.sources.cri.decode.test_crictl import LABELS, row
from tests.sources.kubernetes.kubernetes_programs import running

pytestmark = pytest.mark.real

VXLAN = {"CALICO_NETWORKING_BACKEND": "vxlan", "NODENAME": "host1"}
LINE = "2026-11-26T22:00:02Z stderr F Calico node 'host3' is already using the IPv4 address 172.17.0.1.\n"


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


def test_its_process_tells_what_it_was_given(tmp_path: Path, host: NetworkNamespace) -> None:
    reader = NodeContainerReader(ProgramReader())
    assert host.run(reader.read) is None
    with running(tmp_path / "calico-node", host, "-felix", environment=VXLAN) as pid:
        found = host.run(reader.read)
        assert found is not None
        assert (found.state, found.pid, found.runs_bird) == (ContainerState.RUNNING, pid, False)
        assert (found.env_value("NODENAME"), found.image, found.pod) == ("host1", "", "")
        assert host.run(reader.read) == found


def client(folder: Path, states: dict[str, str], *rows: dict[str, object]) -> Crictl:
    """A crictl that says this."""
    tool = folder / "crictl"
    (folder / "ps.json").write_text(json.dumps({"containers": rows}))
    for identity, said in states.items():
        (folder / f"{identity}.json").write_text(said)
    tool.write_text(
        f"#!/bin/sh\nshift 4\n[ $1 = ps ] && exec cat {folder}/ps.json\n[ $1 = inspect ] && exec cat {folder}/$6.json\n"
    )
    tool.chmod(0o755)
    return Crictl(tool, "/run/containerd/containerd.sock")


def test_without_a_process_the_runtime_tells_how_it_ended(
    tmp_path: Path, host: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = row(state="CONTAINER_EXITED")
    state = '[0,1,"2026-11-26T22:00:01Z","2026-11-26T22:00:03Z"]'
    asked = client(tmp_path, {"c2": state}, ended)
    monkeypatch.setattr("calico_agent.sources.cri.node_container.find_crictl", lambda: asked)
    logs = tmp_path / "pods"
    folder = logs / f"kube-system_calico-node-x7k2p_{LABELS['io.kubernetes.pod.uid']}/calico-node"
    folder.mkdir(parents=True)
    for path in (logs, folder.parent, folder):
        path.chmod(0o755)
    (folder / "3.log").write_text(LINE)
    found = host.run(NodeContainerReader(ProgramReader(), logs).read)
    assert found is not None
    assert (found.state, found.exit_code, found.restart_count) == (ContainerState.EXITED, 1, 3)
    assert (found.pod, found.image) == ("kube-system/calico-node-x7k2p", "docker.io/calico/node:v3.27.0")
    assert found.log_hint is not None
    (folder / "3.log").chmod(0o666)
    doubtful = host.run(NodeContainerReader(ProgramReader(), logs).read)
    assert doubtful is not None
    assert doubtful.log_hint is None


def test_a_client_that_fails_says_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "crictl"
    tool.write_text("#!/bin/sh\necho no such container >&2; exit 1\n")
    tool.chmod(0o755)
    asked = Crictl(tool, "/run/crio/crio.sock")
    assert (asked.containers(), asked.state("c1"), asked.runtime) == ((), None, "cri-o")
    assert asked.image_name("sha256:" + "ab" * 32) == "sha256:" + "ab" * 32


def test_a_client_that_others_may_write_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crictl, "_FOLDERS", (tmp_path,))
    monkeypatch.setattr(crictl, "_socket", lambda: "/run/containerd/containerd.sock")
    tool = tmp_path / "crictl"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o777)
    assert crictl.find_crictl() is None
    tool.chmod(0o755)
    assert crictl.find_crictl() is not None
