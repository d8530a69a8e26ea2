"""The opened sources of one process, read in the order in which one tells where to look for the next.

Docker first: without configuration, the datastore's settings come from the calico/node container that runs here. Then
the datastore, then the kernel, which is asked how it would reach the other nodes, then BIRD.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from calico_agent.config import Config
from calico_agent.expected.local_node import node_container
from calico_agent.model.assessment import Key
from calico_agent.model.calico.node import BgpSettings, Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.image import Pull
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.maintenance import Maintenance
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.observation import AgentTrouble, Observation, Unreadable
from calico_agent.model.settings import Mode
from calico_agent.runtime.datastore import HOLDERS, KEEPER, MIRROR, DatastoreSource
from calico_agent.sources.bird.daemons import BirdsReader
from calico_agent.sources.cri.node_container import NodeContainerReader
from calico_agent.sources.datastore.backend import BackendOf
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.single_reads import EndpointReader
from calico_agent.sources.docker.door import DockerDoor
from calico_agent.sources.docker.programs import ProgramReader
from calico_agent.sources.docker.waiting_commands import ClientReader
from calico_agent.sources.host.conflicting_processes import ConflictingProcessReader
from calico_agent.sources.host.dns import NameLookup
from calico_agent.sources.host.machine import read_host
from calico_agent.sources.host.own_files import read_file_trouble
from calico_agent.sources.kernel.destinations import registered, voters
from calico_agent.sources.kernel.neighbor_probe import NeighbourProbe
from calico_agent.sources.kernel.reader import KernelReader
from calico_agent.sources.kubernetes.kubelet import KubeletReader
from calico_agent.sources.preparation import PreparationReader
from calico_agent.sources.preparation_subjects import SUBJECTS, Circumstances

_PROBE = "neighbour_probe"
_PREFLIGHT = "preflight"
PARTS = (MIRROR, KEEPER, HOLDERS, _PROBE, _PREFLIGHT)
"""What works beside the passes, and would be missed."""


class Collector:
    """Reads Observations. `wake` is called from watching threads; `one_shot` reads the datastore once, unwatched.
    `preflight`: what that needs is read, too. `backends`: how a datastore is spoken to.

    Everything that a pass may know of the outside is in the observation, or is asked for by the methods below it.
    """

    def __init__(
        self,
        config: Config,
        wake: Callable[[str], None],
        *,
        one_shot: bool = False,
        preflight: bool = True,
        claim_trouble: Callable[[], Unreadable | None] = lambda: None,
        state_trouble: Callable[[], tuple[Unreadable, ...]] = tuple,
        steadied: Callable[[Observation], Observation] = lambda observation: observation,
        pull: Callable[[], Pull | None] = lambda: None,
        configuration: Callable[[], Configuration] = Configuration,
        agent_troubles: Callable[[], tuple[AgentTrouble, ...]] = tuple,
        backends: BackendOf = backend_of,
        maintenance: Callable[[datetime], Maintenance] = lambda _: Maintenance(),
    ) -> None:
        self._config = config
        self._one_shot = one_shot
        self._claim_trouble = claim_trouble
        self._state_trouble = state_trouble
        self._steadied = steadied
        self._pull = pull
        self._configuration = configuration
        self._agent_troubles = agent_troubles
        self._maintenance = maintenance
        self._rivals = ConflictingProcessReader()
        self._endpoints = EndpointReader(config.datastore.timeout_seconds, backends)
        self._docker = DockerDoor(config.docker.url, config.docker.timeout_seconds)
        self._birds = BirdsReader(config.bird.socket, config.bird.socket6)
        self._programs = ProgramReader()
        self._others = NodeContainerReader(self._programs)
        self._clients = ClientReader()
        self._datastore = DatastoreSource(config, wake, one_shot=one_shot, backends=backends)
        self._kernel = KernelReader()
        self._probe = NeighbourProbe(wake) if config.agent.probe_next_hops and not one_shot else None
        if self._probe is not None:
            self._probe.start()
        self._preparation = PreparationReader(wake, SUBJECTS if preflight else ())
        if not one_shot:
            self._preparation.start()
        self._hung_docker: Unreadable | None = None
        self._kubelet = KubeletReader()
        self._lookups: dict[str, NameLookup] = {}

    def observe(self, at: datetime) -> Observation:
        """Everything outside, now. A source that cannot be read is Unreadable; nothing is raised for it."""
        docker, (datastore, trouble) = self._read_both()
        reachable = self._resolve()
        aimed = tuple(address for addresses in reachable.values() for address in addresses)
        kernel = self._kernel.read(self._datastore.endpoints + aimed + voters(datastore))
        if self._probe is not None and not isinstance(kernel, Unreadable):
            self._probe.follow(registered(datastore), kernel)
        elsewhere = self._elsewhere(docker)
        bird, bird6 = self._birds.read(ipv6=self._uses_ipv6(docker, elsewhere))
        observation = Observation(
            at=at,
            host=read_host(kubelet=self._kubelet.read()),
            kernel=kernel,
            docker=docker,
            datastore=datastore,
            bird=bird,
            bird6=bird6,
            datastore_trouble=trouble,
            snapshot_trouble=self._datastore.snapshot_trouble,
            snapshot_at=self._datastore.snapshot_at,
            files_trouble=self._datastore.files_trouble,
            claim_trouble=self._claim_trouble(),
            state_trouble=self._state_trouble(),
            pull=self._pull(),
            configuration=self._configuration(),
            agent_troubles=self._agent_troubles() + ((files,) if (files := read_file_trouble()) else ()),
            maintenance=self._maintenance(at),
            rivals=self._read_rivals(docker, elsewhere, datastore),
            elsewhere=elsewhere,
            preparation=self._preparation.read(self._circumstances(docker, datastore)),
            datastore_settings=self._datastore.settings,
            datastore_addresses=self._datastore.endpoints,
            reachable=reachable,
        )
        return self._steadied(observation)

    def _read_both(self) -> tuple[Docker | Unreadable, tuple[Datastore | Unreadable, Unreadable | None]]:
        """Docker and the datastore. Who looks once does not wait for one that hangs after the other, nor twice."""
        if not self._one_shot or not self._config.datastore.endpoints:
            docker = self._read_docker()
            return docker, self._datastore.read(docker)
        with ThreadPoolExecutor(1) as beside:
            reading = beside.submit(self._read_docker)
            datastore = self._datastore.read(Unreadable("Docker", "it is being asked"))
            return reading.result(), datastore

    def _circumstances(self, docker: Docker | Unreadable, datastore: Datastore | Unreadable) -> Circumstances:
        config = self._config
        return Circumstances(
            docker,
            datastore,
            etcd if (etcd := self._datastore.settings) is None or etcd.kubernetes is None else None,
            docker_url=config.docker.url,
            docker_seconds=config.docker.timeout_seconds,
            state_dir=config.agent.state_dir,
        )

    def _read_docker(self) -> Docker | Unreadable:
        if self._hung_docker is not None:
            return self._hung_docker
        node = self._config.node
        docker = self._docker.read(node.container_name, image=node.image)
        docker = self._clients.read(self._programs.read(docker))
        if self._one_shot and isinstance(docker, Unreadable) and docker.code == "timeout":
            self._hung_docker = docker
        return docker

    def _resolve(self) -> Mapping[str, tuple[IPAddress, ...]]:
        """The addresses of the names that `can-reach=` has."""
        settings = self._config.identity_settings()
        methods = (settings.ipv4.calico, settings.ipv6.calico)
        names = {method.destination for method in methods if method is not None and method.destination}
        return {name: self._lookups.setdefault(name, NameLookup(name)).ask() for name in sorted(names)}

    def _elsewhere(self, docker: Docker | Unreadable) -> Container | None:
        """calico/node where Docker has none, and not where it only does not say so."""
        hangs = isinstance(docker, Unreadable) and docker.code != "absent"
        return None if hangs or node_container(docker, self._config.node.container_name) else self._others.read()

    def _read_rivals(
        self, docker: Docker | Unreadable, elsewhere: Container | None, datastore: Datastore | Unreadable
    ) -> tuple[ConflictingProcess, ...]:
        """Nothing while Docker cannot tell which processes are calico/node's own."""
        if isinstance(docker, Unreadable):
            return ()
        ours = (elsewhere,) if elsewhere is not None and self._config.mode is Mode.OBSERVE else ()
        bgp = BgpSettings() if isinstance(datastore, Unreadable) else datastore.bgp
        return self._rivals.read((*docker.containers, *ours), bgp.ports)

    def with_holders(self, observation: Observation, names: frozenset[str]) -> Observation:
        """The same, with who has these node names, where that is asked for name by name."""
        return self._datastore.with_holders(observation, names)

    def look_at_holders(self) -> None:
        """Have the holders of names asked for anew soon: a claim was written."""
        self._datastore.look_at_holders()

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        """The same, with the routes that BIRD knows to some prefixes."""
        return self._birds.with_routes(observation, about)

    def blocks_of(self, datastore: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Some blocks as they are now, whichever pods came and went since the datastore was read."""
        return self._datastore.blocks_of(datastore, wanted)

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable | None:
        """The records of some nodes' pods, for what they are to explain; None where nobody said where etcd is."""
        settings = self._datastore.settings
        return None if settings is None else self._endpoints.read(settings, nodes, links, lost)

    def nodes_of(self, names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        """What Kubernetes says of some nodes; none where the datastore is another one."""
        return self._datastore.nodes_of(names)

    def doubted(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Those of findings that hang on nodes which are not known as they are now."""
        return self._datastore.doubted(keys)

    def heartbeat(self, part: str) -> float:
        """When one of `PARTS` was last seen alive (monotonic seconds); now, where it is not used."""
        if part in {MIRROR, KEEPER, HOLDERS}:
            return self._datastore.heartbeat(part)
        if part == _PREFLIGHT:
            return self._preparation.heartbeat()
        return self._probe.heartbeat() if self._probe is not None else time.monotonic()

    def close(self) -> None:
        """Stop watching and close connections."""
        self._datastore.close()
        if self._probe is not None:
            self._probe.stop()
        self._preparation.stop()
        self._docker.close()

    def _uses_ipv6(self, docker: Docker | Unreadable, elsewhere: Container | None) -> bool:
        if self._config.identity_settings().ipv6.method != "none":
            return True
        node = node_container(docker, self._config.node.container_name) or elsewhere
        return node is not None and node.alive and node.env_value("IP6") not in {"", "none"}
