"""The calico-agent process of a host."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.datastore import Datastore
from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY, Sandbox
from tests.lab.options import Options
from tests.lab.processes import Process, stop

PROGRAM = REPOSITORY / ".venv" / "bin" / "calico-agent"

_CONFIGURATION = Path("etc/calico-agent/calico-agent.toml")
_SOCKET = Path("run/calico-agent/agent.sock")
_START_SECONDS = 120.0
_EXEC_SECONDS = 20.0
"""Until then the shell that starts it may not have become the program."""


@dataclass(frozen=True, slots=True)
class Agent:
    """calico-agent on one host, started as its unit would start it."""

    host: Sandbox

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.host.directory / "agent.log"

    def process(self) -> Process | None:
        """`calico-agent run` on this host, however it was started."""
        return next((process for process in self.host.processes() if _is_agent(process)), None)

    def start(self, datastore: Datastore, options: Options, env: Mapping[str, str]) -> None:
        """Start it and wait until its socket answers. The configuration file is written only if there is none.

        Raises:
            LabError: it runs already, it is not installed, or it does not come up (the text has the end of its log).
        """
        if self.process() is not None:
            raise LabError(f"an agent is already running on {self.host.name}")
        if not PROGRAM.exists():
            raise LabError(f"{PROGRAM} is not installed; run `make setup`")
        file = self.host.root / _CONFIGURATION
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_configuration(self.host.name, datastore, options))
        self.host.spawn(str(PROGRAM), "run", log=self.log, env=env)
        begun = time.monotonic()
        while not self._answers():
            waited = time.monotonic() - begun
            if waited > _START_SECONDS or (waited > _EXEC_SECONDS and self.process() is None):
                raise LabError(
                    f"the agent on {self.host.name} does not answer; {self.log}:\n{self.log.read_text()[-3000:]}"
                )
            time.sleep(0.1)

    def stop(self) -> bool:
        """Stop it; the container it started runs on. False: there was none."""
        process = self.process()
        if process is None:
            return False
        stop(process, seconds=30.0)
        return True

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2.0)
            try:
                client.connect(str(self.host.root / _SOCKET))
                client.sendall(b"GET /livez HTTP/1.0\r\nHost: agent\r\n\r\n")
                return client.recv(16).startswith(b"HTTP/")
            except OSError:
                return False


def _is_agent(process: Process) -> bool:
    """`python .../calico-agent run ...`; not the shell that started it."""
    words = [Path(word).name for word in process.argv[:3]]
    return "calico-agent" in words and "run" in process.argv and process.name not in {"sh", "setsid"}


def _configuration(host: str, datastore: Datastore, options: Options) -> str:
    lines = [f'mode = "{options.mode(host)}"', "", "[datastore]", *datastore.agent_settings]
    if options.ipv6:
        lines += ["", "[identity]", 'ipv6 = "auto"']
    lines += ["", "[node]", f'image = "{options.image}"', *datastore.node_settings, "", "[node.env]"]
    # The agent finds the IPv6 address itself and hands it over.
    lines += [f'{key} = "{value}"' for key, value in options.node_environment.items() if key != "IP6"]
    return "\n".join(lines) + "\n"
