"""What is read of processes beside psutil, and what psutil gives for unusual ones."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from calico_agent.sources.host.processes import UNSEEN, command_line, control_group, in_our_network, pids_named
from tests.netns import network_namespace
from tests.patience import until

pytestmark = pytest.mark.real


def test_a_process_is_found_by_its_name_until_it_is_waited_for() -> None:
    name = f"named-{os.getpid()}"
    command = f"import sys; open('/proc/self/comm', 'w').write('{name}'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert list(pids_named({name})) == [process.pid]
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert list(pids_named({name})) == [process.pid], "the kernel still knows it"
            with pytest.raises(UNSEEN):
                command_line(psutil.Process(process.pid))
        finally:
            process.kill()
    assert list(pids_named({name})) == []


def test_arguments_that_are_no_text_can_be_written_everywhere() -> None:
    with subprocess.Popen([b"/bin/sh", b"-c", b"read x", b"a\xff b", b""], stdin=subprocess.PIPE) as process:
        found = psutil.Process(process.pid)
        try:
            until("it has become the shell", lambda: len(command_line(found)) > 0)
            arguments = command_line(found)
        finally:
            process.kill()
    assert arguments == ("/bin/sh", "-c", "read x", r"a\xff b", "")
    assert "".join(arguments).encode()


def test_a_thread_of_the_kernel_has_no_arguments() -> None:
    (thread,) = pids_named({"kthreadd"})
    assert command_line(psutil.Process(thread)) == ()


def test_the_network_namespace_is_the_calling_threads() -> None:
    assert in_our_network(os.getpid())
    with network_namespace() as host:
        assert not host.run(in_our_network, os.getpid())


def test_the_control_group_is_the_kernels_text() -> None:
    assert control_group(os.getpid()) == Path("/proc/self/cgroup").read_text()


def test_a_process_that_is_gone_raises() -> None:
    assert not Path("/proc/4194304").exists(), "beyond the largest process number"
    for question in (in_our_network, control_group):
        with pytest.raises(OSError, match="4194304"):
            question(4194304)
