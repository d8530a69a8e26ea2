"""firewalld and ufw in the network namespace of a test, with files of their own in place of the machine's.

with managed(host, directory, "etc/ufw", "etc/default/ufw") as run:
    run("ufw --force enable")
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.netns import NetworkNamespace
from tests.patience import until

Run = Callable[[str], str]

_BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
"""


@contextmanager
def managed(host: NetworkNamespace, directory: Path, *places: str) -> Iterator[Run]:
    """Runs shell commands in the namespace; to them `places` of the file system are copies that they may change."""
    mounts = []
    for number, place in enumerate(places):
        copy, original = directory / f"copy{number}", Path("/", place)
        if original.is_dir():
            shutil.copytree(original, copy, symlinks=True)
        else:
            shutil.copy2(original, copy)
        mounts.append(f"mount --bind {copy} {original}")
    script = " && ".join((*mounts, "echo ready && exec sleep infinity"))
    command = host.command("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        inside = ["nsenter", "--net", "--mount", "-t", str(holder.pid), "--", "sh", "-c"]

        def run(text: str) -> str:
            done = subprocess.run([*inside, text], capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, f"{text}: {done.stdout}{done.stderr}"
            return done.stdout

        yield run
    finally:
        holder.kill()
        holder.wait()


@contextmanager
def ufw(host: NetworkNamespace, directory: Path) -> Iterator[Run]:
    """A host on which ufw is switched on, with what it lets in by itself."""
    with managed(host, directory, "etc/ufw", "etc/default/ufw") as run:
        run("ufw --force enable")
        yield run


@contextmanager
def message_bus() -> Iterator[str]:
    """A bus in place of the system's, by the address that programs take from DBUS_SYSTEM_BUS_ADDRESS.

    Daemons that are not root must reach it: a test's own folder lets nobody in.
    """
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bus, configuration = Path(folder, "bus"), Path(folder, "bus.conf")
        configuration.write_text(_BUS.format(socket=bus))
        process = subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile"])
        try:
            until("the bus is there", bus.exists)
            yield f"unix:path={bus}"
        finally:
            process.kill()
            process.wait()


@contextmanager
def firewalld(host: NetworkNamespace, directory: Path) -> Iterator[Run]:
    """A host on which firewalld runs with its own defaults, on a bus of its own."""
    with message_bus() as address, managed(host, directory, "etc/firewalld") as run:
        export = f"export DBUS_SYSTEM_BUS_ADDRESS={address}; "
        pid = int(run(f"{export} firewalld --nofork --nopid >{directory}/log 2>&1 & echo $!"))
        try:
            until("firewalld runs", lambda: run(f"{export} firewall-cmd --state 2>&1 || true").startswith("running"))
            yield lambda text: run(export + text)
        finally:
            os.kill(pid, signal.SIGKILL)
