"""The lab: several hosts on one machine, each with its own kernel tables, files and Docker Engine, one etcd (or one
Kubernetes API, tests.lab.apiserver), one wire.

    machine
      +-- wire: bridge br0 10.77.0.1, etcd :2379
      |     |            |            |
      +-- host1        host2        host3        eth0 10.77.0.11, .12, .13; docker0 172.17.0.1
            dockerd      dockerd      dockerd
            calico-node  calico-node  calico-node
            calico-agent calico-agent calico-agent
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.agent import Agent
from tests.lab.containerd import Containerd
from tests.lab.datastore import Datastore
from tests.lab.engine import Engine, remove_cgroups
from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY, Sandbox, require_tools
from tests.lab.options import Kind, Options, lab_directory
from tests.lab.owner import OWNER
from tests.lab.processes import kill_survivors, survivors
from tests.lab.wire import build_wire

_TOOLS = ("unshare", "nsenter", "ip", "bridge", "dockerd", "docker", "runc", "containerd", "etcd", "etcdctl", "openssl")
_SETTLE_SECONDS = 120.0
_MODULES = Path("/lib/modules")
"""`docker run -v /lib/modules:...` makes this directory if the machine has none; then it is ours to remove."""


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab, found by its directory: several processes may drive the same one."""

    directory: Path
    say: Callable[[str], None] = lambda _text: None

    @staticmethod
    def here(say: Callable[[str], None] = lambda _text: None) -> "Lab":
        """The lab that the environment names (CALICO_AGENT_LAB)."""
        return Lab(lab_directory(), say)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # --- the whole ---

    def up(self, options: Options, *, bare: bool = False) -> None:
        """Build everything. Unless `bare`, every host gets an agent that supervises its calico/node, and one pod.

        When it fails or is interrupted, nothing of it stays.

        Raises:
            LabError: a lab is already up, or something could not be built.
        """
        require_tools(_TOOLS)
        if survivors(self.directory):
            raise LabError("a lab is already running; take it down first: python -m tests.lab down")
        self.down()
        try:
            self._build(options)
            if not bare:
                if not self._supervised:
                    self._in_parallel(options.names, self.node_start)
                self._in_parallel(options.names, self.agent_start)
                self._in_parallel(options.names, lambda host: self.pod(host, f"pod{host.removeprefix('host')}-a"))
                self._in_parallel(options.names, self._await_all_good)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove everything, whatever state it is in; right also when there is nothing."""
        kill_survivors(self.directory)
        remove_cgroups(self.directory)
        made_modules = (self.directory / "made-lib-modules").exists()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        if made_modules and _MODULES.is_dir() and not any(_MODULES.iterdir()):
            _MODULES.rmdir()
        parent = self.directory.parent
        if parent.is_dir() and not parent.is_mount() and not any(parent.iterdir()):
            parent.rmdir()

    def note_owner(self) -> None:
        """Write down which test run has made the lab; nothing for that of a person."""
        if owner := os.environ.get(OWNER):
            (self.directory / OWNER).write_text(owner)

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

    # --- one host ---

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
        if self._supervised and Agent(runtime.host).stop():
            self.say(f"{host}: stopped the agent, which would put calico-node right again")
        runtime.run_node(self.options.image, {**self._node_environment(host), **(environment or {})})
        self.say(f"{host}: calico-node started by hand")

    def node_stop(self, host: str) -> None:
        """Stop and remove calico/node, and the agent, which would start it again."""
        runtime = self.runtime(host)
        if self._supervised and Agent(runtime.host).stop():
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
        if self._supervised and runtime.node_is_by_hand() and not keep:
            runtime.remove_node()
            self.say(f"{host}: removed the calico-node that was started by hand")
        agent = Agent(runtime.host)
        agent.start(self.datastore, self.options, {**self._environment(host), **settings})
        self.say(f"{host}: agent started; its log: {agent.log}")

    def put_right(self, host: str) -> None:
        """Give a host, whose calico/node was started in another way, the one that `up` gave it."""
        if self._supervised:
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

    def _build(self, options: Options) -> None:
        self.directory.mkdir(parents=True, mode=0o700)
        options.save(self.directory / "options.json")
        self.note_owner()
        if not _MODULES.exists():
            (self.directory / "made-lib-modules").touch()
        with ThreadPoolExecutor(1) as builder:
            image = builder.submit(options.archive)
            names = ("wire", *options.names)
            self._in_parallel(names, lambda name: self._sandbox(name).start(self.directory))
            build_wire(self._sandbox("wire"), tuple(self._sandbox(name) for name in options.names), options)
            datastore = self.datastore
            datastore.prepare(tuple(self._sandbox(name) for name in options.names))
            archive = image.result()
        self._in_parallel(("wire", *options.names), lambda name: self._equip(name, archive, options.image))
        datastore.furnish(tuple(self._sandbox(name) for name in options.names), options)
        self.say(f"{options.hosts} hosts, {datastore.program} at {datastore.endpoint}, image {options.image}")

    def _equip(self, name: str, archive: Path, image: str) -> None:
        if name == "wire":
            self.datastore.start()
            return
        runtime = self.runtime(name)
        runtime.start()
        runtime.load_image(archive, image)

    def _await_all_good(self, host: str) -> None:
        """Wait until the agent says so: sessions and routes take some seconds to come. If they do not, say what is."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while (status := self.exec(host, "calico-agent", "status")).returncode != 0:
            if time.monotonic() > deadline:
                self.say(
                    f"{host}: not all good after {_SETTLE_SECONDS:g} s: {(status.stdout or status.stderr).strip()}"
                )
                return
            time.sleep(0.3)

    @property
    def _supervised(self) -> bool:
        return self.options.mode == "supervise"

    def _node_environment(self, host: str) -> dict[str, str]:
        datastore = self.datastore
        reached = datastore.environment if self.options.has_docker(host) else datastore.pod_environment
        return {**self.options.node_environment, **reached}

    def _environment(self, host: str) -> dict[str, str]:
        """The environment of a command in a host: ours, with this repository's programs and this host's engine."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("CALICO_AGENT_")}
        path = f"{REPOSITORY / '.venv' / 'bin'}:{os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"
        return {**ours, "PATH": path, "HOSTNAME": host, "DOCKER_HOST": self.engine(host).socket}

    def _in_parallel(self, names: tuple[str, ...], work: Callable[[str], object]) -> None:
        """Do the same for several hosts at once; the first failure is raised when all are through.

        One processor takes them in turn: dockerd gives its containerd 15 s, however many of them start.
        """
        with ThreadPoolExecutor(1 if os.cpu_count() == 1 else len(names)) as pool:
            for done in [pool.submit(work, name) for name in names]:
                done.result()
