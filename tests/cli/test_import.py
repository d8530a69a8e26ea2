"""`calico-agent import` as it is typed: files of this host, what goes where, and bad input in one line."""

import io
import os
import sys
import tomllib
from pathlib import Path

import pytest

from calico_agent.cli.main import main
from tests.adopt.unit.test_unit import FOUNDING

ETCD = "-e ETCD_ENDPOINTS=http://127.0.0.1:1"
RUN = f"docker run --net=host --privileged --name=calico-node {ETCD} -e NODENAME=host1 -e IP=10.77.0.11/24"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    file = tmp_path / "calico-node.service"
    file.write_text(FOUNDING)
    return file


def fault(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of bad input: one line, exit code 2, nothing on standard output."""
    assert main(["import", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("calico-agent: ").rstrip("\n")


def test_the_configuration_goes_to_standard_output_and_the_rest_beside(
    unit: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["import", "--unit", str(unit)]) == 0
    out, err = capsys.readouterr()
    assert tomllib.loads(out)["identity"] == {"name": "host1.example.com", "ipv4": "10.77.0.11"}
    assert f"IP: 10.77.0.11 becomes 10.77.0.11 with the prefix length of its link ({unit}:11)" in err
    (tmp_path / "calico-agent.toml").write_text(out)
    assert main(["config", "show", "--config", str(tmp_path / "calico-agent.toml")]) == 0


def test_a_file_is_written_for_its_owner_and_group_and_over_nothing(
    unit: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "calico-agent.toml"
    assert main(["import", "--unit", str(unit), "--output", str(file)]) == 0
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", f"wrote: {file}")
    assert file.stat().st_mode & 0o7777 & ~0o640 == 0
    assert main(["config", "show", "--config", str(file)]) == 0
    capsys.readouterr()
    file.write_text("# mine\n")
    said = fault(capsys, "--unit", str(unit), "--output", str(file))
    assert said == f"{file} is there with another content, and is not written over"
    assert file.read_text() == "# mine\n"


def test_a_value_that_may_be_a_secret_is_written_and_not_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = f"{RUN} -e HTTP_PROXY=http://me:hush@proxy:1 calico/node:v3.31.7"
    assert main(["import", "--command", command]) == 0
    out, err = capsys.readouterr()
    assert "hush" not in out + err
    assert '# fill in "HTTP_PROXY": its value is not shown' in out
    assert main(["import", "--command", command, "--output", str(tmp_path / "x.toml")]) == 0
    assert "hush" not in "".join(capsys.readouterr())
    assert tomllib.loads((tmp_path / "x.toml").read_text())["node"]["env"]["HTTP_PROXY"] == "http://me:hush@proxy:1"


def test_drop_ins_beside_the_unit_override_it(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unit.with_name("calico-node.service.d")
    folder.mkdir()
    (folder / "10-x.conf").write_text("[Service]\nRestart=no\n")
    (folder / "README").write_text("no unit\n")
    assert main(["import", "--unit", str(unit)]) == 0
    assert "restart:" not in capsys.readouterr().err


def test_a_template_knows_its_instance_and_files_are_found_by_patterns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.env").write_text(f"NODENAME=host{number}\n")
    unit = tmp_path / "calico@my-node.service"
    run = RUN.replace("host1", "${NODENAME}")
    unit.write_text(
        f"[Service]\nEnvironmentFile={tmp_path}/*.env\nExecStart=/bin/{run} -l i=%i -l I=%I calico/node:v3.1\n"
    )
    assert main(["import", "--unit", str(unit)]) == 0
    tree = tomllib.loads(capsys.readouterr().out)
    assert tree["identity"]["name"] == "host2"
    assert tree["node"]["labels"] == {"i": "my-node", "I": "my/node"}


def test_a_command_is_read_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{RUN} \\\n calico/node:v3.31.7\n".encode())))
    assert main(["import", "--command", "-"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["node"]["image"] == "calico/node:v3.31.7"


def test_what_is_lost_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--command", f"{RUN} --pid=host calico/node:v3.31.7"]) == 1
    out, err = capsys.readouterr()
    assert tomllib.loads(out)
    assert err.startswith("1 thing of the command that calico-agent cannot give: decide about each\n  --pid: host")


def test_check_says_what_would_change_and_changes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = RUN.replace("docker", f"docker -H unix://{tmp_path}/none.sock", 1)
    assert main(["import", "--check", "--command", f"{command} calico/node:v3.31.7"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "what would change on this host, in this order:\n  1. write the configuration" in out
    assert "not now: " in out  # this host has no such address, or etcd does not answer
    assert not list(tmp_path.iterdir())


def test_bad_files_get_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary, large, other, pipe = (tmp_path / name for name in ("b.service", "l.service", "o.service", "p.service"))
    binary.write_bytes(b"[Service]\nExecStart=\x00\xff")
    with large.open("wb") as file:
        os.truncate(file.fileno(), 50 << 20)
    other.write_text("kind: DaemonSet\n")
    os.mkfifo(pipe)
    assert fault(capsys, "--unit", str(binary)) == f"{binary}:2: is not a text file"
    assert fault(capsys, "--unit", str(large)) == f"{large}: it is larger than 1 MiB"
    assert fault(capsys, "--unit", str(other)).startswith(f"{other}:1: is not a unit of systemd")
    assert fault(capsys, "--unit", str(pipe)).endswith("it is a pipe, not a file")
    assert fault(capsys, "--unit", str(tmp_path / "none")) == f"{tmp_path}/none: there is no such file"
    assert fault(capsys, "--kubespray", str(tmp_path / "none")) == f"{tmp_path}/none: there is no such file"
    assert fault(capsys, "--unit", str(tmp_path)) == f"{tmp_path}: cannot be read: Is a directory"


def test_a_docker_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'[docker]\nurl = "unix://{tmp_path}/none.sock"\n')
    said = fault(capsys, "--container", "calico-node", "--config", str(file))
    assert said == f"container calico-node: there is no socket {tmp_path}/none.sock: dockerd does not run here"


def test_one_source_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--unit", "a", "--command", "b"]):
        with pytest.raises(SystemExit) as caught:
            main(["import", *arguments])
        assert caught.value.code == 2
        capsys.readouterr()
    assert fault(capsys, "--command", "x", "--check", "--output", "y") == (
        "--check writes nothing: leave one of --check and --output out"
    )


def test_drop_ins_of_more_general_names_count_and_the_more_special_ones_win(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, wanted in (("service", "no"), ("calico-.service", "on-abort"), ("calico-node.service", "always")):
        folder = unit.with_name(f"{name}.d")
        folder.mkdir()
        (folder / "10-x.conf").write_text(f"[Service]\nRestart={wanted}\n")
        assert main(["import", "--unit", str(unit)]) == 0
        assert (f"restart: {wanted}, by systemd" in capsys.readouterr().err) == (wanted != "no")


def test_files_that_cannot_be_seen_are_not_passed_over(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unit.with_name("calico-node.service.d")
    folder.symlink_to(folder.name)  # a loop, which root cannot read either
    assert fault(capsys, "--unit", str(unit)).startswith(f"{folder}: cannot be read: ")
    folder.unlink()
    folder.mkdir()
    for number in range(101):
        (folder / f"{number}.conf").write_text("[Service]\n")
    assert "stands for 101 files" in fault(capsys, "--unit", str(unit))


def test_an_output_that_is_no_file_is_refused(unit: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = fault(capsys, "--unit", str(unit), "--output", "-")
    assert said == "without --output the configuration goes to standard output"
    (tmp_path / "file").touch()
    assert main(["import", "--unit", str(unit), "--output", str(tmp_path / "file" / "x.toml")]) == 1
    assert capsys.readouterr().err.endswith("x.toml: Not a directory\n")
