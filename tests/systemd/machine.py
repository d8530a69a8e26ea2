"""A booted systemd with the unit in it.

It boots in a container that has this machine's /usr, an empty rest, and no network but loopback. There is neither
Docker nor etcd in it at first, which the agent must bear: it starts, and says what it cannot know.
"""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from tests.patience import until
from tests.places import REPOSITORY

ROOT = REPOSITORY
UNIT = "calico-agent.service"

# Where the tree and the virtual environment stand inside: a fixed place, because systemd hides /tmp and its like.
TREE = "/opt/tree"
ENVIRONMENT = "/opt/environment"
PYTHON = f"{ENVIRONMENT}/bin/python"

# What would wait for a network that does not come, or start this machine's services in the container.
MASKED = (
    "docker.socket",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
)

# The unit's watchdog waits for two minutes; a test does not, but for the time of five passes, as a busy machine can
# make some of them late. An endpoint makes the agent load gRPC, so that the sandbox is tried with everything that the
# agent uses, and with what `sources.docker.waiting_commands` asks systemd.
DROP_IN = f"""
[Service]
ExecStartPre=/bin/sh -c 'exec systemctl show --property=ActiveState --value -- basic.target >/run/calico-agent/asked'
ExecStart=
ExecStart={PYTHON} -m calico_agent run
ExecReload=
ExecReload={PYTHON} -m calico_agent config check
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=10
RestartSec=1
Environment=CALICO_AGENT_AGENT_INTERVAL_SECONDS=2
Environment=PYTHONPATH={TREE}
Environment=CALICO_AGENT_DATASTORE_ENDPOINTS=http://127.0.0.1:1
"""


class Machine:
    """A booted systemd."""

    def __init__(self, folder: Path) -> None:
        (folder / "drop-in").mkdir()
        (folder / "drop-in" / "test.conf").write_text(DROP_IN)
        base = Path(sys.base_prefix)
        binds = {} if base.is_relative_to("/usr") else {str(base): str(base)}
        binds |= {
            str(ROOT): TREE,
            sys.prefix: ENVIRONMENT,
            str(ROOT / "systemd" / UNIT): f"/etc/systemd/system/{UNIT}",
            str(ROOT / "systemd" / "sysusers.d" / "calico-agent.conf"): "/etc/sysusers.d/calico-agent.conf",
            str(folder / "drop-in"): f"/etc/systemd/system/{UNIT}.d",
        }
        self._log = (folder / "console.log").open("wb")
        self._nspawn = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory=/", "--volatile=yes",
                "--private-network", "--console=pipe", f"--machine=agent-{secrets.token_hex(4)}",
                *(f"--bind-ro={source}:{destination}" for source, destination in binds.items()),
                "--boot", "systemd.unit=basic.target", "systemd.firstboot=off",
                *(f"systemd.mask={name}" for name in MASKED),
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self._console = folder / "console.log"

    def wait_for_boot(self) -> None:
        until("init runs", lambda: self.leader() != 0, self.console)
        until("it has booted", lambda: self.run("systemctl", "is-active", "basic.target") == "active", self.console)

    def console(self) -> str:
        return self._console.read_text(errors="replace")[-2000:]

    def leader(self) -> int:
        """The container's init, as this machine numbers it."""
        assert self._nspawn.poll() is None, self.console()
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def run(self, *command: str) -> str:
        """The output of a command inside, whatever its exit code."""
        done = subprocess.run(
            ["nsenter", f"--target={self.leader()}", "--all", "--", *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def agent(self, *arguments: str) -> str:
        return self.run("env", f"PYTHONPATH={TREE}", PYTHON, "-m", "calico_agent", *arguments)

    def metrics(self) -> str:
        fetch = (
            "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9197/metrics', timeout=5).read().decode())"
        )
        return self.run(PYTHON, "-c", fetch)

    def show(self, name: str) -> str:
        return self.run("systemctl", "show", "--value", f"--property={name}", UNIT)

    def pid(self) -> int:
        return int(self.show("MainPID"))

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={UNIT}")

    def logs(self, words: str) -> None:
        """Wait until the journal has them: it is written by another process than the one that says them."""
        until(f"it is logged: {words}", lambda: words in self.journal(), self.journal)

    def is_active(self) -> None:
        """Wait until systemd has heard that the agent is ready, which it is told a moment after the log is."""
        until("it is active", lambda: self.show("ActiveState") == "active", self.journal)

    def stop(self) -> None:
        """Power off, or else kill: the init takes its whole container with it."""
        try:
            self._nspawn.send_signal(signal.SIGTERM)
            self._nspawn.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait(15)
        finally:
            self._log.close()
