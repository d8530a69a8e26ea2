"""`calico-agent manifest split`: files that are written, and those that must not be."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from calico_agent.cli.main import main
from tests.adopt.manifest.texts import DATA, NODE, OTHER, daemon_set
from tests.etcd_server import running_etcd

# Nobody answers there: a test must not ask an etcd that it does not know.
TEXT = daemon_set((NODE + OTHER).replace("10.77.0.1:2379", "127.0.0.1:1"))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "calico.yaml"
    path.write_text(TEXT)
    return path


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_without_an_option_nothing_is_written(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(manifest.parent)
    assert main(["manifest", "split", str(manifest)]) == 0
    assert tree(manifest.parent) == before
    out = capsys.readouterr().out
    assert "The rollout" in out
    assert "nothing was written" in out


def test_the_difference_is_one_that_patch_takes(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.write_bytes(TEXT.rstrip("\n").replace("\n", "\r\n").encode())
    assert main(["manifest", "split", str(manifest), "--diff"]) == 0
    told = capsys.readouterr()
    assert "The rollout" in told.err
    difference = manifest.with_name("difference")
    difference.write_bytes(told.out.encode())
    subprocess.run(["patch", "--binary", str(manifest), str(difference)], check=True, capture_output=True)
    assert main(["manifest", "split", str(manifest), "--diff"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("nothing to do\n")


def test_a_directory_gets_manifest_configuration_and_the_secrets_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    assert main(["manifest", "split", str(DATA / "hosted-2.3.yaml"), "--output-dir", str(out)]) == 0
    written = tree(out)
    assert written.keys() == {
        "hosted-2.3.yaml",
        "calico-agent.toml",
        "certs/etcd-ca",
        "certs/etcd-cert",
        "certs/etcd-key",
    }
    assert written["certs/etcd-key"] == b"the key\n"
    assert stat.S_IMODE((out / "certs" / "etcd-key").stat().st_mode) == 0o600
    assert tomllib.loads(written["calico-agent.toml"].decode())["datastore"]["key_file"] == "/etc/calico/certs/etcd-key"
    told = capsys.readouterr().out
    assert "the key" not in told.replace("the key,", "")
    assert "dGhlIGtleQo" not in told
    assert main(["manifest", "split", str(DATA / "hosted-2.3.yaml"), "--output-dir", str(out)]) == 0
    assert "has the same already" in capsys.readouterr().out
    assert tree(out) == written


@pytest.mark.parametrize("name", ["calico.yaml", "calico-agent.toml"])
def test_nothing_is_written_where_one_file_would_be_written_over(
    manifest: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = manifest.parent / "out"
    out.mkdir()
    (out / name).write_text("mine\n")
    assert main(["manifest", "split", str(manifest), "--output-dir", str(out)]) == 2
    assert f"{name} is there with another content, and is not written over" in capsys.readouterr().err
    assert tree(out) == {name: b"mine\n"}


def test_a_link_is_not_followed_to_a_file_that_is_not_there(manifest: Path) -> None:
    out = manifest.parent / "out"
    out.mkdir()
    (out / "calico.yaml").symlink_to(manifest.parent / "elsewhere")
    assert main(["manifest", "split", str(manifest), "--output-dir", str(out)]) == 2
    assert not (manifest.parent / "elsewhere").exists()


def test_in_place_keeps_what_was_there(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.chmod(0o640)
    link = manifest.with_name("link.yaml")
    link.symlink_to(manifest)
    assert main(["manifest", "split", str(link), "--in-place"]) == 0
    assert link.is_symlink()
    assert "calico-node\n" not in manifest.read_text().split("containers:")[1]
    backup = manifest.with_name("calico.yaml.before-split")
    assert backup.read_text() == TEXT
    assert [stat.S_IMODE(path.stat().st_mode) for path in (manifest, backup)] == [0o640, 0o640]
    after = tree(manifest.parent)
    assert main(["manifest", "split", str(manifest), "--in-place"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert tree(manifest.parent) == after


def test_a_backup_is_never_written_over(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.with_name("calico.yaml.before-split").write_text("of another time\n")
    assert main(["manifest", "split", str(manifest), "--in-place"]) == 0
    assert manifest.with_name("calico.yaml.before-split").read_text() == "of another time\n"
    assert manifest.with_name("calico.yaml.before-split.1").read_text() == TEXT
    assert f"kubectl apply -f {manifest}.before-split.1 " in capsys.readouterr().out


def test_in_place_with_another_configuration_there_changes_nothing(manifest: Path) -> None:
    manifest.with_name("calico-agent.toml").write_text("mine\n")
    assert main(["manifest", "split", str(manifest), "--in-place"]) == 2
    assert tree(manifest.parent) == {"calico.yaml": TEXT.encode(), "calico-agent.toml": b"mine\n"}


@pytest.mark.parametrize(("arguments", "words"), [
    pytest.param(["nowhere.yaml"], "cannot read nowhere.yaml: No such file or directory", id="no file"),
    pytest.param(["."], "cannot read .: Is a directory", id="a directory"),
    pytest.param(["-", "--in-place"], "--in-place wants a file", id="standard input in place"),
    pytest.param(["x", "--certs-dir", "certs"], "--certs-dir 'certs' is not an absolute path", id="a relative path"),
    pytest.param(["x", "--diff", "--in-place"], "not allowed with", id="two ways at once"),
])  # fmt: skip
def test_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["manifest", "split", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("content", "words"), [
    pytest.param(b"kind: X\nname: \xff\n", ":2: is not UTF-8 text", id="not UTF-8"),
    pytest.param("kind: X\n".encode("utf-16"), ":1: is not UTF-8 text", id="UTF-16"),
    pytest.param(b"a: b: c\n", ":1: is not YAML", id="not YAML"),
])  # fmt: skip
def test_bad_input_is_one_line_with_its_place(
    manifest: Path, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.write_bytes(content)
    assert main(["manifest", "split", str(manifest), "--in-place"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"calico-agent: {manifest}{words}")
    assert manifest.read_bytes() == content


def test_fifty_megabytes_are_not_read(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(manifest, 50 << 20)
    assert main(["manifest", "split", str(manifest)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"cannot read {manifest}: it is larger than 8 MiB")


@pytest.mark.real
def test_the_pool_is_held_against_the_datastore_of_the_manifest(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = {"kind": "IPPool", "metadata": {"name": "default"}, "spec": {"cidr": "10.254.64.0/18"}}
    wanted = "  - {name: CALICO_IPV4POOL_CIDR, value: 192.168.0.0/16}\n"
    with running_etcd(manifest.parent / "etcd") as etcd:
        etcd.put("/calico/resources/v3/projectcalico.org/ippools/default", json.dumps(pool))
        manifest.write_text(daemon_set(NODE.replace("http://10.77.0.1:2379", etcd.url) + wanted + OTHER))
        assert main(["manifest", "split", str(manifest)]) == 0
    assert "but the datastore has 10.254.64.0/18" in " ".join(capsys.readouterr().out.split())


def test_standard_input(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "calico_agent", "manifest", "split", "-", "--output-dir", str(tmp_path / "out")]
    done = subprocess.run(run, input=TEXT, text=True, capture_output=True, check=True)
    assert "The rollout" in done.stdout
    assert tree(tmp_path / "out").keys() == {"calico.yaml", "calico-agent.toml"}
