"""The CNI setup of a host, by real folders, files and programs."""

import json
import os
from pathlib import Path

import pytest

from calico_agent.model.host.cni import CniPluginFile, CniSetup, PluginState
from calico_agent.sources.kubernetes.cni_folders import FoundFolders
from calico_agent.sources.kubernetes.cni_setup import CniReader
from calico_agent.sources.kubernetes.decode.runtime_cni import CniFolders

FOLDER, PROGRAMS = "etc/cni/net.d", "opt/cni/bin"
CALICO = {"cniVersion": "0.3.1", "plugins": [{"type": "calico", "ipam": {"type": "calico-ipam"}}, {"type": "portmap"}]}
# A plugin chooses what it is by its own name, as calico and calico-ipam do, which are one program.
PLUGIN = """\
#!/bin/sh
read -r question
[ "$CNI_COMMAND" = VERSION ] || exit 3
[ -z "$HOME" ] || exit 4
echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "1.0.0"]}'
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs that are not root's own are not run")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with Calico's configuration and its plugins."""
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / PROGRAMS).mkdir(parents=True)
    (tmp_path / FOLDER / "10-calico.conflist").write_text(json.dumps(CALICO))
    for name in ("calico", "calico-ipam", "portmap", "loopback"):
        program(tmp_path, name, PLUGIN)
    return tmp_path


def program(root: Path, name: str, text: str) -> Path:
    path = root / PROGRAMS / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def read(root: Path, runtime: str = "containerd", folders: CniFolders | None = None) -> CniSetup:
    return CniReader().read(root, FoundFolders(folders or CniFolders()), runtime)


def state_of(root: Path, name: str) -> CniPluginFile:
    return next(plugin for plugin in read(root).plugins if plugin.name == name)


def test_a_healthy_host(root: Path) -> None:
    found = read(root)
    assert found.taken is not None
    assert (found.taken.path, found.taken.calico, found.strict) == (f"/{FOLDER}/10-calico.conflist", True, True)
    assert {plugin.name: plugin.state for plugin in found.plugins} == dict.fromkeys(
        ("calico", "portmap", "calico-ipam", "loopback"), PluginState.RUNS
    )
    assert found.plugins[0].versions == ("0.3.1", "1.0.0")


def test_another_file_that_comes_first_is_taken(root: Path) -> None:
    (root / FOLDER / "05-other.conf").write_text('{"type": "bridge"}')
    (root / FOLDER / "00-old.conflist.disabled").write_text('{"type": "flannel"}')
    found = read(root)
    assert found.taken is not None
    assert found.taken.plugins == ("bridge",)
    assert [plugin.name for plugin in found.plugins] == ["calico", "portmap", "calico-ipam", "loopback"]


def test_what_is_no_configuration_stops_containerd_only(root: Path) -> None:
    (root / FOLDER / "00-notes.conf").write_text("to do")
    taken = read(root).taken
    passed = read(root, "docker").taken
    assert taken is not None
    assert passed is not None
    assert (taken.error, passed.calico) == ("the value is not JSON", True)


def test_a_file_that_another_user_may_have_written_is_told(root: Path) -> None:
    os.chown(root / FOLDER / "10-calico.conflist", 999, 999)
    taken = read(root, "docker").taken
    assert taken is not None
    assert taken.hidden
    assert "user 999" in taken.error


def test_without_the_folder_there_is_no_file(tmp_path: Path) -> None:
    assert read(tmp_path).taken is None


def test_a_plugin_is_looked_for_in_all_folders_in_turn(root: Path) -> None:
    (root / "usr/lib/cni").mkdir(parents=True)
    (root / PROGRAMS / "portmap").rename(root / "usr/lib/cni/portmap")
    found = read(root, folders=CniFolders(programs=("/opt/cni/bin", "/usr/lib/cni")))
    assert {plugin.name: plugin.path for plugin in found.plugins}["portmap"] == "/usr/lib/cni/portmap"


def test_crio_needs_no_loopback(root: Path) -> None:
    assert [plugin.name for plugin in read(root, "cri-o").plugins] == ["calico", "portmap", "calico-ipam"]


def test_a_plugin_that_is_missing(root: Path) -> None:
    (root / PROGRAMS / "calico-ipam").unlink()
    assert state_of(root, "calico-ipam") == CniPluginFile("calico-ipam")


def test_a_plugin_that_nobody_may_execute(root: Path) -> None:
    (root / PROGRAMS / "calico").chmod(0o644)
    assert state_of(root, "calico").state is PluginState.NOT_EXECUTABLE


def test_a_folder_in_place_of_a_plugin(root: Path) -> None:
    (root / PROGRAMS / "calico").unlink()
    (root / PROGRAMS / "calico").mkdir()
    assert state_of(root, "calico").state is PluginState.NOT_EXECUTABLE


UNTRUSTED = {"of another user": (999, 0o755), "that its group may write": (0, 0o775), "that all may write": (0, 0o757)}


@pytest.mark.parametrize(("owner", "mode"), UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_a_plugin_is_never_run_for_a_user(root: Path, owner: int, mode: int) -> None:
    trace = root / "it-was-run"
    path = program(root, "calico", f"#!/bin/sh\ntouch {trace}\n")
    path.chmod(mode)
    os.chown(path, owner, owner)
    assert state_of(root, "calico").state is PluginState.NOT_TRIED
    assert not trace.exists()


BROKEN = {
    "of another machine": ("\x7fELF\x02\x01\x01\x00", "Exec format error"),
    "that ends with an error": ("#!/bin/sh\necho 'no such symbol' >&2\nexit 127\n", "code 127: no such symbol"),
    "that tells an error": ('#!/bin/sh\necho \'{"code": 11, "msg": "try again"}\'\nexit 1\n', "try again"),
    "that says nothing": ("#!/bin/sh\n", "code 0: the value is not JSON"),
    "without its interpreter": ("#!/nowhere/sh\n", "No such file or directory"),
    "that is killed": ("#!/bin/sh\nkill -9 $$\n", "code -9"),
}


@pytest.mark.parametrize(("text", "detail"), BROKEN.values(), ids=BROKEN.keys())
def test_a_plugin(root: Path, text: str, detail: str) -> None:
    program(root, "calico", text)
    found = state_of(root, "calico")
    assert found.state is PluginState.FAILS
    assert detail in found.detail


def test_a_plugin_that_hangs_is_ended_with_all_that_it_started(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calico_agent.sources.host.trusted_program._SECONDS", 0.5)
    child = root / "child"
    program(root, "calico", f"#!/bin/sh\nsleep 100 & echo $! >{child}\nsleep 100\n")
    assert "did not end" in state_of(root, "calico").detail
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_plugin_that_prints_without_end_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calico_agent.sources.host.trusted_program._SECONDS", 0.5)
    program(root, "calico", "#!/bin/sh\nwhile :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done\n")
    assert state_of(root, "calico").state is PluginState.FAILS


def test_the_same_file_is_asked_once(root: Path) -> None:
    count = root / "count"
    program(root, "calico", PLUGIN.replace("read -r", f"echo >>{count}; read -r"))
    reader = CniReader()
    for _ in range(3):
        reader.read(root, FoundFolders(CniFolders()), "containerd")
    assert count.read_text() == "\n"
    program(root, "calico", f"#!/bin/sh\necho >>{count}\n")
    found = reader.read(root, FoundFolders(CniFolders()), "containerd")
    assert {plugin.name: plugin.state for plugin in found.plugins}["calico"] is PluginState.FAILS
