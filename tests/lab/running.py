"""A lab that is up: its hosts, and what is started, stopped and typed on each."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.agent import Agent
from tests.lab.containerd import Containerd
from tests.lab.datastore import Datastore
from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY, Sandbox
from tests.lab.options import Kind, Options


@dataclass(frozen=True, slots=True)
class RunningLab:
    """One lab, found by its directory: several processes may drive the same one."""

    directory: Path
    say: Callable[[str], None] = lambda _text: None

    @property
    def options(self) -> Options:
        """How the running lab was asked for."""
        return Options.load(self.directory / "options.json")

    @property
    def datastore(self) -> Datastore:
        """The lab's etcd, or its Kubernetes API."""
        if self.options.datastore is Kind.ETCD:
            return Datastore(self._sandbox("wire"), self.options.tls)
        from tests.lab.apiserver import KubernetesDatastore  # noqa: PLC0415 - most labs are without

        return KubernetesDatastore(self._sandbox("wire"), tls=True)

    def host(self, name: str) -> Sandbox:
        """A host's namespaces.

        Raises:
            LabError: there is no such host.
        """
        if name not in self.options.names:
            raise LabError(f"no host {name}; there are {', '.join(self.options.names)}")
        return self._sandbox(name)

    def engine(self, host: str) -> Engine:
        """A host's Docker Engine."""
        return Engine(self.host(host))

    def runtime(self, host: str) -> Engine | Containerd:
        """What runs a host's containers."""
        return self.engine(host) if self.options.has_docker(host) else Containerd(self.host(host))

    def node_start(self, host: str, environment: Mapping[str, str] | None = None) -> None:
        """calico/node by hand, as a DaemonSet runs it: neither IP nor NODENAME given unless `environment` says so."""
        runtime = self.runtime(host)
        if self._supervises(host) and Agent(runtime.host).stop():
            self.say(f"{host}: stopped the agent, which would put calico-node right again")
        runtime.run_node(self.options.image, {**self._node_environment(host), **(environment or {})})
        self.say(f"{host}: calico-node started by hand")

    def node_stop(self, host: str) -> None:
        """Stop and remove calico/node, and the agent, which would start it again."""
        runtime = self.runtime(host)
        if self._supervises(host) and Agent(runtime.host).stop():
            self.say(f"{host}: stopped the agent, which would start calico-node again")
        removed = runtime.remove_node()
        self.say(f"{host}: calico-node removed" if removed else f"{host}: there was no calico-node")

    def agent_start(self, host: str, environment: Mapping[str, str] | None = None) -> None:
        """The agent, in supervise mode unless the configuration or `environment` says otherwise.

        A calico-node that `node_start` made is removed first (the agent is there instead of it) unless KEEP_NODE=1.
        """
        settings = dict(environment or {})
        runtime = self.runtime(host)
        keep = settings.pop("KEEP_NODE", "") == "1" or settings.get("CALICO_AGENT_MODE") == "observe"
        if self._supervises(host) and runtime.node_is_by_hand() and not keep:
            runtime.remove_node()
            self.say(f"{host}: removed the calico-node that was started by hand")
        agent = Agent(runtime.host)
        agent.start(self.datastore, self.options, {**self._environment(host), **settings})
        self.say(f"{host}: agent started; its log: {agent.log}")

    def put_right(self, host: str) -> None:
        """Give a host, whose calico/node was started in another way, the one that `up` gave it."""
        if self._supervises(host):
            self.agent_start(host)
        else:
            self.node_start(host, {"IP": "autodetect"})

    def agent_stop(self, host: str) -> None:
        """Stop the agent; calico/node runs on."""
        stopped = Agent(self.host(host)).stop()
        self.say(f"{host}: agent stopped" if stopped else f"{host}: there was no agent")

    def pod(self, host: str, name: str) -> str:
        """A pod as the CNI plugin makes it, in a namespace of its own on the host; returns its address (IPv4 first).

        Waits up to half a minute for calico/node to have left its node name, as a kubelet would try again.
        """
        made = self.host(host).run(
            *(
                "sh",
                "-c",
                'for i in $(seq 150); do [ -e /var/lib/calico/nodename ] && break; sleep 0.2; done; exec "$@"',
            ),
            *("sh", sys.executable, "-m", "tests.lab.image.cni", name),
            cwd=str(REPOSITORY),
            env={**os.environ, **self.datastore.environment},
        )
        return made.stdout.strip()

    def exec(
        self,
        host: str,
        *command: str,
        check: bool = False,
        timeout: float = 60.0,
        input_text: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a host; output captured as text."""
        return self.host(host).run(
            *command,
            env={**self._environment(host), **(environment or {})},
            check=check,
            timeout=timeout,
            input_text=input_text,
        )

    def attach(self, host: str, *command: str) -> int:
        """Run a command in a host on our own terminal; returns its exit code."""
        wrapped = self.host(host).command(*command, cwd=str(Path.cwd()))
        return subprocess.run(wrapped, env=self._environment(host), check=False).returncode

    # --- inside ---

    def _sandbox(self, name: str) -> Sandbox:
        return Sandbox(name, self.directory / name)

    def _supervises(self, host: str) -> bool:
        return self.options.mode(host) == "supervise"

    def _node_environment(self, host: str) -> dict[str, str]:
        datastore = self.datastore
        reached = datastore.environment if self.options.has_docker(host) else datastore.pod_environment
        return {**self.options.node_environment, **reached}

    def _environment(self, host: str) -> dict[str, str]:
        """The environment of a command in a host: ours, with this repository's programs and this host's engine."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("CALICO_AGENT_")}
        path = f"{REPOSITORY / '.venv' / 'bin'}:{os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"
        return {**ours, "PATH": path, "HOSTNAME": host, "DOCKER_HOST": self.engine(host).socket}
