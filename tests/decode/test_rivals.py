"""What a process is to calico/node, whose it is, and who listens."""

import pytest

from calico_agent.decode.rivals import (
    decode_cgroup,
    decode_command,
    listening_sockets,
    may_be_program,
    program_of,
    shown_command,
)

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
        assert may_be_program(arguments[0].rpartition("/")[2])


def test_a_kernel_thread_is_nothing() -> None:
    assert program_of(decode_command(b"")) == ""


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


# /proc/net/tcp of a host with a listener on 179 (00B3) of any address, one of another port, and a connection to 179.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:00B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
   2: 0B004D0A:00B3 0C004D0A:D431 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 20 4 30 10 -1
"""


def test_only_a_socket_that_listens_on_the_port_counts() -> None:
    assert list(listening_sockets(TCP, 179)) == [4711]
    assert list(listening_sockets(TCP, 22)) == [4712]
    assert list(listening_sockets(TCP, 180)) == []
    assert list(listening_sockets("rubbish\n1 2 3\n", 179)) == []


def test_a_command_is_shown_bounded_and_printable() -> None:
    assert shown_command(decode_command(b"bird\0-c\0/a b\0")) == "bird -c /a b"
    assert shown_command(("x" * 500,)) == "x" * 200 + "..."
    assert shown_command(("a\x1b[31m",)).isprintable()
