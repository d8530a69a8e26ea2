"""One instant: everything that was read for one pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.image import Pull
from calico_agent.model.finding import Fault
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.host.machine import Host
from calico_agent.model.maintenance import Maintenance
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.preparation import Preparation
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable

__all__ = ["AgentTrouble", "Observation", "Unreadable"]


@dataclass(frozen=True, slots=True)
class AgentTrouble:
    """Something that the agent lacks for its own work. The rest is its finding's."""

    fault: Fault
    subject: str
    what: str
    why: str = ""
    effect: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything outside, as of `at` (aware, UTC).

    `bird6` is None where the IPv6 daemon is not used. `datastore` is the last reading that was believed; what exists is
    held against it however old it is. `datastore_trouble` says why there is no newer one, `snapshot_trouble` why that
    reading cannot be kept on disk, or why the kept one was of no use; `snapshot_at` is when the kept one was read.
    `files_trouble` says why the next connection to the datastore cannot be made with the files that prove who we are.
    `claim_trouble` says why the node name cannot be
    claimed, `state_trouble` which of the agent's own files cannot be kept. `rivals` are processes that do calico/node's
    work outside of its containers. `elsewhere` is calico/node under another container runtime, where Docker has none of
    it. `pull` is the last fetching of an image, None where there was none. `held` are the
    addresses that Calico gave to pods of this host, None where nobody asked. `given` says of addresses for which routes
    and datastore have different hosts to a pod of which node Calico gave them. `pods` are the records of this host's
    pods, None where nobody asked. `agent_troubles` is what the agent lacks for its own work. `preparation` is what was
    read for the preflight, None where nothing was: by an agent that began just now, and of a recorded host.
    `maintenance` is what an administrator asks for now. `datastore_settings` say where the datastore is, None while
    nobody said; `datastore_addresses` are those of its servers. `cluster_nodes` are the Node
    objects that Kubernetes was asked for, None for one that there is not. `reachable` are the addresses of the names
    that the configuration mentions (`can-reach=NAME`).
    """

    at: datetime
    host: Host | Unreadable
    kernel: Kernel | Unreadable
    docker: Docker | Unreadable
    datastore: Datastore | Unreadable
    bird: Bird | Unreadable
    bird6: Bird | Unreadable | None = None
    datastore_trouble: Unreadable | None = None
    snapshot_trouble: Unreadable | None = None
    snapshot_at: datetime | None = None
    files_trouble: Unreadable | None = None
    claim_trouble: Unreadable | None = None
    state_trouble: tuple[Unreadable, ...] = ()
    rivals: tuple[ConflictingProcess, ...] = ()
    elsewhere: Container | None = None
    pull: Pull | None = None
    held: frozenset[IPAddress] | None = None
    given: Mapping[IPAddress, str] = field(default_factory=dict)
    pods: WorkloadEndpoints | Unreadable | None = None
    configuration: Configuration = field(default_factory=Configuration)
    agent_troubles: tuple[AgentTrouble, ...] = ()
    preparation: Preparation | None = None
    maintenance: Maintenance = field(default_factory=Maintenance)
    datastore_settings: DatastoreSettings | None = None
    datastore_addresses: tuple[IPAddress, ...] = ()
    cluster_nodes: Mapping[str, ClusterNode | None] = field(default_factory=dict)
    reachable: Mapping[str, tuple[IPAddress, ...]] = field(default_factory=dict)

    @property
    def current_datastore(self) -> Datastore | Unreadable:
        """The datastore as it is now, for whatever must not be done or said on an old reading."""
        return self.datastore_trouble or self.datastore

    @property
    def datastore_called(self) -> str:
        """What the datastore is called in sentences."""
        return self.datastore_settings.called if self.datastore_settings else "etcd"

    @property
    def without_docker(self) -> bool:
        """True if this host has no Docker, and needs none: calico/node runs all the same, or a kubelet is to run it."""
        if not isinstance(self.docker, Unreadable) or self.docker.code != "absent":
            return False
        return self.elsewhere is not None or (isinstance(self.host, Host) and self.host.kubelet is not None)

    def unreadable(self, *, without_bird: bool = False) -> tuple[Unreadable, ...]:
        """The sources that could not be read, in the order above; Docker and BIRD only where they are meant to run."""
        birds = () if without_bird else (self.bird, self.bird6)
        docker = () if self.without_docker else (self.docker,)
        sources = (self.host, self.kernel, *docker, self.current_datastore, *birds)
        return tuple(source for source in sources if isinstance(source, Unreadable))
