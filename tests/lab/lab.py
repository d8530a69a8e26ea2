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
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.engine import remove_cgroups
from tests.lab.errors import LabError
from tests.lab.namespaces import require_tools
from tests.lab.options import Options, lab_directory
from tests.lab.owner import OWNER
from tests.lab.processes import kill_survivors, survivors
from tests.lab.running import RunningLab
from tests.lab.wire import build_wire

_TOOLS = ("unshare", "nsenter", "ip", "bridge", "dockerd", "docker", "runc", "containerd", "etcd", "etcdctl", "openssl")
_SETTLE_SECONDS = 120.0
_MODULES = Path("/lib/modules")
"""`docker run -v /lib/modules:...` makes this directory if the machine has none; then it is ours to remove."""


@dataclass(frozen=True, slots=True)
class Lab(RunningLab):
    """A lab from nothing to nothing: built, and taken down."""

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

    def up(self, options: Options, *, bare: bool = False) -> None:
        """Build everything. Unless `bare`, every host gets an agent that supervises its calico/node, and one pod.

        Where an agent cannot supervise, as Docker is missing, calico/node is there before it. When building fails or is
        interrupted, nothing of it stays.

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
                without_docker = tuple(host for host in options.names if not options.has_docker(host))
                self._in_parallel(without_docker, self.node_start)
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

    # --- inside ---

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

    def _in_parallel(self, names: tuple[str, ...], work: Callable[[str], object]) -> None:
        """Do the same for several hosts at once; the first failure is raised when all are through.

        One processor takes them in turn: dockerd gives its containerd 15 s, however many of them start.
        """
        with ThreadPoolExecutor(1 if os.cpu_count() == 1 else max(1, len(names))) as pool:
            for done in [pool.submit(work, name) for name in names]:
                done.result()
