"""Containers as Docker reports them, and the container that this agent wants."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.image import LocalImage
from calico_agent.model.container.pod import name_in_pod, pod_of
from calico_agent.model.container.program import Program
from calico_agent.model.container.run_options import RunOptions
from calico_agent.model.container.waiting_command import Client
from calico_agent.model.network.address import IPAddress, address_in

# Labels on containers that the agent creates. The hash tells, after a restart of the agent, whether the container
# that runs is the one that is wanted, without comparing what Docker normalised.
LABEL_MANAGED_BY = "io.github.calico-agent.managed-by"
LABEL_SPEC_HASH = "io.github.calico-agent.spec-hash"
MANAGED_BY = "calico-agent"


# What CALICO_NETWORKING_BACKEND can name instead of BIRD (rc.local of calico/node v1.3.0 and v3.32.1). With `gobgp`, of
# Calico 2.x, another daemon speaks BGP; with the others nobody does.
_GOBGP = "gobgp"
_OTHER_BACKENDS = frozenset({"none", "vxlan", _GOBGP})

# Exit codes that are 128 and the number of the signal that ended the program.
_SIGNALS = {134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


class ContainerState(Enum):
    """Docker's State.Status."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Mount:
    """One bind mount. `is_file`: the source is made as an empty file when absent, where Docker would make a folder.

    `propagation` of mounts below it: `rshared`, `rslave` and their like (mount_namespaces(7)); empty is `rprivate`.
    """

    source: str
    destination: str
    read_only: bool = False
    is_file: bool = False
    propagation: str = ""

    @property
    def bind(self) -> str:
        """As `docker run --volume` takes it."""
        words = [*(["ro"] if self.read_only else []), *([self.propagation] if self.propagation else [])]
        return f"{self.source}:{self.destination}{':' if words else ''}{','.join(words)}"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything that decides what the container is. Host network, privileged, restart policy `no` are not options."""

    name: str
    image: str
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    options: RunOptions = field(default_factory=RunOptions)

    @property
    def hash(self) -> str:
        """A digest that changes exactly when the container would have to be made anew."""
        mounts = sorted(
            (mount.source, mount.destination, mount.read_only, *filter(None, [mount.propagation]))
            for mount in self.mounts
        )
        wanted = [self.name, self.image, sorted(self.env), mounts, *self.options.given()]
        return hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class LogHint:
    """The line of calico/node's log that explains why it exited or does not get on.

    `address` and `node` are what it names: an address that calico/node refuses, and the node that has it.
    """

    code: str
    sentence: str
    line: str
    cure: str
    address: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """One container (`docker inspect`), with the last lines of its log, oldest first.

    `command` is what it runs as its first process, with arguments. `image_env` is what the image itself sets, None
    where the image is gone. `felix_ends` is when Felix ended by itself to take over other settings, as far as the end
    of the log tells. `stopped_by_hand`: it ended because somebody asked Docker to stop it. `programs` is None where its
    processes cannot be seen. `outdated` are files of this host, mounted by themselves, of which it still has the
    content of before. `auto_remove`: Docker removes it when it ends. `client` waits for its end. `runtime`:
    `docker`, `containerd`, `cri-o`, `podman`, `systemd` (a unit without any container, which is the `name` then), or
    empty where that is not known. Of what only Docker tells nothing is known for the others: `image` may be empty.
    """

    id: str
    name: str
    image: str
    state: ContainerState
    command: tuple[str, ...] = ()
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    pid: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    image_id: str = ""
    image_env: tuple[tuple[str, str], ...] | None = None
    options: RunOptions = field(default_factory=RunOptions)
    network_mode: str = ""
    privileged: bool = False
    restart_policy: str = ""
    restart_count: int = 0
    log_tail: tuple[str, ...] = ()
    log_hint: LogHint | None = None
    knocks: tuple[Knocks, ...] = ()
    felix_ends: tuple[datetime, ...] = ()
    stopped_by_hand: bool = False
    programs: tuple[Program, ...] | None = None
    outdated: tuple[str, ...] = ()
    auto_remove: bool = False
    client: Client | None = None
    runtime: str = "docker"

    @property
    def pod(self) -> str:
        """The pod that it is part of, as `namespace/name`; empty for none."""
        return pod_of(self.name, dict(self.labels))

    @property
    def name_in_pod(self) -> str:
        """What its pod calls it."""
        return name_in_pod(self.name, dict(self.labels))

    @property
    def running(self) -> bool:
        return self.state is ContainerState.RUNNING

    @property
    def alive(self) -> bool:
        """Whether it runs, or somebody keeps it: a paused one goes on, a restarting one is started again by Docker."""
        return self.state in {ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING}

    @property
    def restarted_by_docker(self) -> bool:
        """Whether Docker itself starts it again when it ends."""
        return self.restart_policy not in {"", "no"}

    @property
    def ending(self) -> str:
        """How it ended, for a sentence: `exited with code 1`."""
        if self.oom_killed:
            return "was killed for lack of memory"
        signal = _SIGNALS.get(self.exit_code)
        return f"exited with code {self.exit_code}{f' ({signal})' if signal else ''}"

    @property
    def managed(self) -> bool:
        """Whether this agent made it."""
        return dict(self.labels).get(LABEL_MANAGED_BY) == MANAGED_BY

    @property
    def spec_hash(self) -> str:
        """The hash of the specification it was made from, empty when the agent did not make it."""
        return dict(self.labels).get(LABEL_SPEC_HASH, "")

    @property
    def backend(self) -> str:
        """CALICO_NETWORKING_BACKEND: `bird`, or what takes its place."""
        return self.env_value("CALICO_NETWORKING_BACKEND") or "bird"

    @property
    def runs_gobgp(self) -> bool:
        """Whether GoBGP speaks BGP there, in BIRD's place."""
        return self.backend == _GOBGP

    @property
    def runs_bird(self) -> bool:
        """Whether BIRD is meant to run in it."""
        return self.backend not in _OTHER_BACKENDS

    def env_value(self, name: str) -> str:
        """The value of an environment variable, empty when it is not set."""
        return dict(self.env).get(name, "")


@dataclass(frozen=True, slots=True)
class Docker:
    """What the Docker Engine says. `containers` are those that look like calico/node, running or not.

    `image` is the one that was asked for, None where the Engine does not have it. `unit` is the systemd unit whose
    calico/node was here last and that is still active, so that it starts another in a moment; empty for none.
    """

    version: str = ""
    networks: tuple[DockerNetwork, ...] = ()
    containers: tuple[Container, ...] = ()
    image: LocalImage | None = None
    unit: str = ""

    @property
    def given_addresses(self) -> frozenset[IPAddress]:
        """The addresses that the containers that live were told to use."""
        living = (container for container in self.containers if container.alive)
        given = (container.env_value(variable) for container in living for variable in ("IP", "IP6"))
        return frozenset(address for text in given if (address := address_in(text)) is not None)
