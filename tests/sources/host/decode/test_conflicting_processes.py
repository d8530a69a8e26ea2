"""What a process is to calico/node, and whose it is."""

import pytest

from calico_agent.sources.host.decode.conflicting_processes import NAMES, decode_cgroup, program_of, shown_command

ID = "4f5c" * 16


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("bird -c /etc/bird/bird.conf", "BIRD"),
        ("/usr/sbin/bird6 -f -u bird", "BIRD"),
        ("bird -R -s /var/run/calico/bird.ctl -d -c /etc/calico/confd/config/bird.cfg", "BIRD"),
        ("calico-felix", "Felix"),
        ("/usr/bin/calico-felix --config-file=/etc/calico/felix.cfg", "Felix"),
        ("calico-node -felix", "Felix"),
        ("calico component felix", "Felix"),
        ("calico-node -confd", "confd"),
        ("confd -confdir=/etc/calico/confd -interval=5", "confd"),
        ("confd -backend env", ""),
        ("calico-node -bird-ready -felix-ready", ""),
        ("calico-node -monitor-addresses", ""),
        ("vim bird.conf", ""),
        ("birdc show protocols", ""),
    ],
)
def test_a_program_is_known_by_its_command(command: str, program: str) -> None:
    arguments = tuple(command.split())
    assert program_of(arguments) == program
    if program:
        assert arguments[0].rpartition("/")[2] in NAMES


def test_a_kernel_thread_is_nothing() -> None:
    assert program_of(()) == ""


@pytest.mark.parametrize(
    ("text", "unit", "container"),
    [
        pytest.param("0::/system.slice/bird.service\n", "bird.service", "", id="a unit"),
        pytest.param("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope", "", id="somebody's shell"),
        pytest.param(f"0::/system.slice/docker-{ID}.scope\n", "", ID, id="Docker under systemd"),
        pytest.param(f"12:cpu:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/\n", "", ID, id="Docker, version 1"),
        pytest.param(
            f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n", "", ID, id="a pod under containerd"
        ),
        pytest.param("0::/\n", "", "", id="nothing"),
        pytest.param("", "", "", id="not even a line"),
    ],
)
def test_the_control_group_says_what_runs_it(text: str, unit: str, container: str) -> None:
    assert decode_cgroup(text) == (unit, container)


def test_a_command_is_shown_bounded_and_printable() -> None:
    assert shown_command(("bird", "-c", "/a b")) == "bird -c /a b"
    assert shown_command(("x" * 500,)) == "x" * 200 + "..."
    assert shown_command(("a\x1b[31m",)).isprintable()
