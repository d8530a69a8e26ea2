"""CNI configurations below a root directory."""

import json
import os
from pathlib import Path

import pytest

from calico_agent.model.host.machine import CniPlugin, Host
from calico_agent.sources.host.machine import read_host
from calico_agent.sources.kubernetes.cni import read_cni

FOLDER = "etc/cni/net.d"


def write(root: Path, name: str, content: object) -> None:
    file = root / FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def test_without_the_folder_there_is_none(tmp_path: Path) -> None:
    assert read_cni(tmp_path) == ()


def test_files_come_in_the_order_in_which_the_runtime_takes_them(tmp_path: Path) -> None:
    write(tmp_path, "20-other.conflist", {"plugins": [{"type": "calico", "nodename": "host9"}]})
    write(tmp_path, "10-calico.conf", {"type": "calico", "nodename": "host3"})
    write(tmp_path, "05-calico.conf.bak", {"type": "calico", "nodename": "old"})
    assert read_cni(tmp_path) == (
        CniPlugin(f"/{FOLDER}/10-calico.conf", "host3"),
        CniPlugin(f"/{FOLDER}/20-other.conflist", "host9", behind=f"/{FOLDER}/10-calico.conf"),
    )


FIRST = {
    "another plugin's": ({"plugins": [{"type": "flannel"}]}, f"/{FOLDER}/00-first.conf"),
    "one that hands on to the next": ({"type": "multus"}, ""),
    "one without a plugin, which the runtime passes over": ({"name": "k8s"}, ""),
    "no JSON object, which the runtime passes over": ([], ""),
}


@pytest.mark.parametrize(("content", "behind"), FIRST.values(), ids=FIRST.keys())
def test_a_file_before_calicos_is_taken_instead(tmp_path: Path, content: object, behind: str) -> None:
    write(tmp_path, "00-first.conf", content)
    write(tmp_path, "10-calico.conf", {"type": "calico", "nodename": "host3"})
    assert read_cni(tmp_path) == (CniPlugin(f"/{FOLDER}/10-calico.conf", "host3", behind=behind),)


def test_a_file_that_others_than_root_may_write_is_told_and_not_believed(tmp_path: Path) -> None:
    write(tmp_path, "10-calico.conf", {"type": "calico", "nodename": "evil"})
    write(tmp_path, "20-calico.conf", {"type": "calico", "nodename": "host3"})
    (tmp_path / FOLDER / "10-calico.conf").chmod(0o666)
    assert read_cni(tmp_path) == (
        CniPlugin(f"/{FOLDER}/10-calico.conf", error="cannot be read: everybody may write it"),
        CniPlugin(f"/{FOLDER}/20-calico.conf", "host3", behind=f"/{FOLDER}/10-calico.conf"),
    )


@pytest.mark.parametrize(("content", "name"), [("host3\n", "host3"), (None, "")], ids=["a file", "a missing file"])
def test_the_name_file_is_read_where_it_is_named(tmp_path: Path, content: str | None, name: str) -> None:
    write(tmp_path, "10-calico.conf", {"type": "calico", "nodename_file": "/srv/nodename"})
    if content is not None:
        (tmp_path / "srv").mkdir()
        (tmp_path / "srv/nodename").write_text(content)
    assert read_cni(tmp_path) == (CniPlugin(f"/{FOLDER}/10-calico.conf", name, "/srv/nodename"),)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "10-calico.conf").mkdir(parents=True)
    assert read_cni(tmp_path) == (CniPlugin(f"/{FOLDER}/10-calico.conf", error="cannot be read: Is a directory"),)


def test_a_pipe_does_not_hold_us(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    os.mkfifo(tmp_path / FOLDER / "10-calico.conf")
    assert read_cni(tmp_path) == ()


def test_more_files_than_anybody_has_are_not_read(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path, f"{number:02}-calico.conf", {"type": "calico"})
    assert len(read_cni(tmp_path)) == 32


def test_they_are_part_of_the_host(tmp_path: Path) -> None:
    write(tmp_path, "10-calico.conf", {"type": "calico", "nodename": "host3"})
    host = read_host(tmp_path)
    assert isinstance(host, Host)
    assert [plugin.nodename for plugin in host.cni] == ["host3"]
