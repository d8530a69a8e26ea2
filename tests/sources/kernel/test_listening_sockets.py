"""Who listens, on real sockets in a network namespace of their own."""

import os
import socket
import subprocess
import sys
from ipaddress import ip_address

import pytest

from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.network.listener import Listener, Listeners
from calico_agent.sources.kernel.listening_sockets import ListenerReader
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import until

pytestmark = pytest.mark.real

LISTENS = (
    "import socket, sys, time\n"
    "s = socket.create_server(('127.0.0.1', 9099))\n"
    "t = socket.create_server(('::', 179), family=socket.AF_INET6)\n"
    "c = socket.create_connection(('127.0.0.1', 9099))\n"
    "print('there', flush=True)\n"
    "sys.stdin.read()\n"
)


def read(host: NetworkNamespace, reader: ListenerReader, *containers: Container) -> dict[int, Listener]:
    found = host.run(reader.read, containers)
    assert isinstance(found, Listeners)
    return {one.port: one for one in found.sockets}


def test_they_are_told_with_address_and_owner_and_connections_are_not() -> None:
    with network_namespace() as host:
        reader = ListenerReader()
        assert read(host, reader) == {}
        command = host.command(sys.executable, "-c", LISTENS)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            try:
                assert process.stdout.readline() == "there\n"
                found = read(host, reader)
                assert sorted(found) == [179, 9099]
                assert found[9099].address == ip_address("127.0.0.1")
                assert found[179].address == ip_address("::")
                assert found[179].pid == process.pid
                assert found[179].command.startswith(sys.executable)
                assert not found[179].ours
                node = Container("c" * 64, "calico-node", "x", ContainerState.RUNNING, pid=process.pid)
                assert read(host, reader, node)[179].ours
            finally:
                process.stdin.close()
        until("they are gone", lambda: read(host, reader) == {})


def test_whose_it_is_is_not_known_to_who_may_not_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = (
            "from calico_agent.sources.kernel.listening_sockets import ListenerReader\n"
            f"print([(one.pid, one.command) for one in ListenerReader().read(()).sockets if one.port == {port}])\n"
        )
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", program],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("[(0, '')]\n", "")
