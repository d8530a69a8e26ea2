"""A host's Docker Engine, the image in it, and calico/node started by hand.

Each host runs a dockerd (which starts its own containerd) with its own docker0, 172.17.0.1/16 on every host,
as real hosts have it. The engine's socket is at /run/docker.sock in the host; a second one in the lab's
directory is what `docker` on the machine and DOCKER_HOST use.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.namespaces import Sandbox
from tests.patience import eventually
from tests.uml.place import SLOWNESS

CONTAINER = "calico-node"
BY_HAND = "lab=by-hand"

_START_SECONDS = 120.0
# As the recorded containers, and with the certificates where calicoctl mounts them (commands/node/run.go@v3.31.7).
MOUNTS = (
    "/lib/modules:/lib/modules:ro",
    "/var/log/calico:/var/log/calico",
    "/var/run/calico:/var/run/calico",
    "/var/lib/calico:/var/lib/calico",
    "/etc/calico/certs:/etc/calico/certs:ro",
)
# What the real image says about itself, for an archive that carries no configuration (docker import).
PROGRAM = "start_runit"
_IMPORT_CHANGES = (
    f'CMD ["{PROGRAM}"]',
    "ENV SVDIR=/etc/service/enabled",
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


@dataclass(frozen=True, slots=True)
class Engine:
    """The Docker Engine of one host."""

    host: Sandbox

    @property
    def socket(self) -> str:
        """DOCKER_HOST: valid on the machine and in the host."""
        return f"unix://{self.host.directory}/docker.sock"

    def start(self, *options: str) -> None:
        """Start dockerd and wait until it answers.

        Raises:
            LabError: it does not come up; the text has the end of its log.
        """
        runtime = write_runc(self.host)
        log = self.host.directory / "dockerd.log"
        self.host.spawn(
            "dockerd",
            "--host=unix:///run/docker.sock",
            f"--host={self.socket}",
            f"--add-runtime=lab={runtime}",
            "--default-runtime=lab",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent={cgroup(self.host)}",
            f"--iptables={'true' if self._kernel_can_nat() else 'false'}",
            "--log-level=warn",
            *options,
            log=log,
        )
        deadline, seen = time.monotonic() + _START_SECONDS, False
        while self.docker("version", check=False).returncode != 0:
            running = any(process.name == "dockerd" for process in self.host.processes())
            seen = seen or running  # on a busy machine it takes its time to become dockerd
            if time.monotonic() > deadline or (seen and not running):
                raise LabError(f"dockerd on {self.host.name} does not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _kernel_can_nat(self) -> bool:
        """Docker's masquerading matters: what leaves with docker0's address arrives with the host's, as recorded."""
        return self.host.run("iptables", "-t", "nat", "-S", check=False).returncode == 0

    def docker(self, *arguments: str, check: bool = True, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run the docker command against this engine.

        Raises:
            LabError: `check` is set and it failed.
        """
        command = ("docker", f"--host={self.socket}", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout * SLOWNESS, check=False)
        if check and done.returncode != 0:
            raise LabError(f"on {self.host.name}: docker {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def inspect(self, form: str, name: str = CONTAINER) -> str:
        """What `docker inspect` tells of a container, by a format of Docker's.

        Waited for: while one takes the place of another, or is made anew, its name is nobody's for a moment.

        Raises:
            LabError: there is none for longer than that.
        """
        look = ("container", "inspect", "--format", form, name)
        done = eventually(lambda: self.docker(*look, check=False), lambda look: look.returncode == 0)
        if done.returncode:
            raise LabError(f"on {self.host.name}: docker {' '.join(look)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def containers(self) -> dict[str, str]:
        """The state of each container by its name."""
        lines = self.docker("ps", "--all", "--format", "{{.Names}} {{.State}}").stdout.splitlines()
        return dict(line.split() for line in lines)

    def load_image(self, archive: Path, image: str) -> None:
        """Put the image of `archive` into the engine: the format of `docker save`, else a root file system.

        Raises:
            LabError: it is neither, or its name is another one.
        """
        if self.docker("load", "--quiet", "--input", str(archive), check=False, timeout=300).returncode == 0:
            if self.docker("image", "inspect", image, check=False).returncode != 0:
                found = self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
                raise LabError(f"{archive} holds {', '.join(found)}, not {image}; give its name with --image")
            return
        changes = [argument for change in _IMPORT_CHANGES for argument in ("--change", change)]
        self.docker("import", *changes, str(archive), image, timeout=300)

    def run_node(self, image: str, environment: Mapping[str, str]) -> None:
        """Start calico/node by hand. An older container of that name is removed first."""
        self.remove_node()
        self.docker(
            *("run", "--detach", "--name", CONTAINER, "--label", BY_HAND, "--net=host", "--privileged"),
            *(argument for mount in MOUNTS for argument in ("--volume", mount)),
            *(argument for key, value in environment.items() for argument in ("--env", f"{key}={value}")),
            image,
        )

    def remove_node(self) -> bool:
        """Stop and remove calico/node, whoever started it; its routes stay. False: there was none."""
        if self.docker("container", "inspect", CONTAINER, check=False).returncode != 0:
            return False
        self.docker("stop", "--time", "5", CONTAINER)
        self.docker("rm", "--force", CONTAINER)
        return True

    def node_is_by_hand(self) -> bool:
        """Whether the calico/node container here was made by `run_node`."""
        found = self.docker("ps", "--all", "--quiet", "--filter", f"name=^{CONTAINER}$", "--filter", f"label={BY_HAND}")
        return bool(found.stdout.strip())


def write_runc(host: Sandbox) -> Path:
    """The program that a host's engine runs instead of runc (runc_wrapper.py)."""
    runtime = host.directory / "runc"
    wrapper = Path(__file__).with_name("runc_wrapper.py")
    runtime.write_text(f'#!/bin/sh\nexec {sys.executable} -SEs {wrapper} "$@"\n')
    runtime.chmod(0o755)
    return runtime


def cgroup(host: Sandbox) -> str:
    """Parent of the control groups of a host's containers."""
    return f"/calico-agent-lab-{host.directory.parent.name}/{host.name}"


def remove_cgroups(lab: Path, seconds: float = 60.0) -> None:
    """Remove the control groups that killed containers left behind: empty directories, deepest first.

    A group stays busy for a moment after its last process was killed.

    Raises:
        LabError: it stays busy longer than `seconds`.
    """
    name = f"calico-agent-lab-{lab.name}"
    root = Path("/sys/fs/cgroup")  # version 2 has it here, version 1 and the mixture below each controller
    deadline = time.monotonic() + seconds
    while parents := (*root.glob(name), *root.glob(f"*/{name}")):
        groups = [entry for parent in parents for entry in (parent, *parent.rglob("*")) if entry.is_dir()]
        for group in sorted(groups, key=lambda entry: len(entry.parts), reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise LabError(f"control groups stay busy: {', '.join(map(str, parents))}")
        time.sleep(0.01)
