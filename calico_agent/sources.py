"""The opened sources of one process, read in the order in which one tells where to look for the next.

Docker first: without configuration, the datastore's settings come from the calico/node container that runs here. Then
the datastore, then the kernel, which is asked how it would reach the other nodes, then BIRD.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from calico_agent.config import Config
from calico_agent.decode.node_datastore import datastore_settings
from calico_agent.errors import ConfigError
from calico_agent.identify.kept import addresses_in_use, names_in_use, remember
from calico_agent.identity_file import IdentityFile
from calico_agent.model.address import Family, IPAddress, IPNetwork
from calico_agent.model.bgp import Bird
from calico_agent.model.configuration import Configuration
from calico_agent.model.container import Docker
from calico_agent.model.endpoint import Endpoints
from calico_agent.model.identity import Identity
from calico_agent.model.image import Pull
from calico_agent.model.node import BgpSettings, Block, Datastore, Node
from calico_agent.model.observation import AgentTrouble, Observation, Unreadable
from calico_agent.model.rival import Rival
from calico_agent.model.settings import DatastoreSettings, EtcdApi, IdentitySettings, Mode
from calico_agent.model.unchanged import MadeOnce
from calico_agent.observe.bird import BirdReader
from calico_agent.observe.datastore import Mirror, read_datastore, resolve_endpoints
from calico_agent.observe.docker import DockerReader
from calico_agent.observe.endpoints import EndpointReader
from calico_agent.observe.host import read_host
from calico_agent.observe.keeper import SnapshotKeeper
from calico_agent.observe.kernel import KernelReader
from calico_agent.observe.kubelet import KubeletReader
from calico_agent.observe.names import NameLookup
from calico_agent.observe.own_files import read_file_trouble
from calico_agent.observe.probe import NeighbourProbe
from calico_agent.observe.programs import ProgramReader
from calico_agent.observe.rivals import RivalReader
from calico_agent.observe.snapshot import SnapshotFile
from calico_agent.verify.local import node_container

# How many other nodes the kernel is asked about in a pass. They vote on which address this host uses towards the
# cluster; 64 voters settle that, and 5,000 look-ups would cost more than the rest of the pass.
_VOTERS = 64

# The first pass waits that long for etcd, so that a daemon that was just started does not begin with "unknown".
_FIRST_ANSWER_SECONDS = 3.0

_SNAPSHOT = "datastore.snapshot"

_MIRROR, _KEEPER, _PROBE = "datastore_mirror", "datastore_snapshot", "neighbour_probe"
PARTS = (_MIRROR, _KEEPER, _PROBE)
"""What works beside the passes, and would be missed."""


class Sources:
    """Reads Observations. `wake` is called from watching threads; `one_shot` reads the datastore once, unwatched.

    `datastore` is where the datastore is as of the last observation, None while nobody said; `endpoints` are the
    addresses of its servers, `reachable` those of what `can-reach=` names. `kept` is who this host was the last time.
    """

    def __init__(
        self,
        config: Config,
        wake: Callable[[str], None],
        *,
        one_shot: bool = False,
        claim_trouble: Callable[[], Unreadable | None] = lambda: None,
        pull: Callable[[], Pull | None] = lambda: None,
        configuration: Callable[[], Configuration] = Configuration,
        agent_troubles: Callable[[], tuple[AgentTrouble, ...]] = tuple,
    ) -> None:
        self._config = config
        self._wake = wake
        self._one_shot = one_shot
        self._claim_trouble = claim_trouble
        self._pull = pull
        self._configuration = configuration
        self._agent_troubles = agent_troubles
        self._rivals = RivalReader()
        self._endpoints = EndpointReader(config.datastore.timeout_seconds)
        self._docker = DockerReader(config.docker.url, config.docker.timeout_seconds)
        self._birds = {
            Family.IPV4: BirdReader(config.bird.socket, Family.IPV4),
            Family.IPV6: BirdReader(config.bird.socket6, Family.IPV6),
        }
        self._programs = ProgramReader()
        self._mirror: Mirror | None = None
        self._kernel = KernelReader()
        self._probe = NeighbourProbe(wake) if config.agent.probe_next_hops and not one_shot else None
        if self._probe is not None:
            self._probe.start()
        self._keeper: SnapshotKeeper | None = None
        self._files_trouble: Unreadable | None = None
        self._identity_file = IdentityFile(config.agent.state_dir if config.mode is Mode.SUPERVISE else "")
        self.kept = self._identity_file.load()
        self._hung_docker: Unreadable | None = None
        self._hung_datastore: Unreadable | None = None
        self._kubelet = KubeletReader()
        self._lookups: dict[str, NameLookup] = {}
        self.reachable: Mapping[str, tuple[IPAddress, ...]] = {}
        self.datastore: DatastoreSettings | None = None
        self.endpoints: tuple[IPAddress, ...] = ()

    @property
    def identity_settings(self) -> IdentitySettings:
        """How name and addresses are found; what uses etcd's v2 API is Calico 2.x."""
        settings = self._config.identity_settings()
        old = self.datastore is not None and self.datastore.api is EtcdApi.V2
        return replace(settings, as_written=settings.as_written or old)

    def observe(self, at: datetime) -> Observation:
        """Everything outside, now. A source that cannot be read is Unreadable; nothing is raised for it."""
        docker, (datastore, trouble) = self._read_both()
        kernel = self._kernel.read(self._destinations(datastore))
        if self._probe is not None and not isinstance(kernel, Unreadable):
            self._probe.follow(_all_registered(_nodes(datastore)), kernel)
        return Observation(
            at=at,
            host=read_host(kubelet=self._kubelet.read()),
            kernel=kernel,
            docker=docker,
            datastore=datastore,
            bird=self._birds[Family.IPV4].read(),
            bird6=self._birds[Family.IPV6].read() if self._uses_ipv6(docker) else None,
            datastore_trouble=trouble,
            snapshot_trouble=self._keeper.trouble if self._keeper is not None else None,
            files_trouble=self._files_trouble or (self._mirror.files_trouble if self._mirror is not None else None),
            claim_trouble=self._claim_trouble(),
            state_trouble=self._state_trouble(),
            pull=self._pull(),
            configuration=self._configuration(),
            agent_troubles=self._agent_troubles() + ((files,) if (files := read_file_trouble()) else ()),
            rivals=self._read_rivals(docker, datastore),
        )

    def _read_both(self) -> tuple[Docker | Unreadable, tuple[Datastore | Unreadable, Unreadable | None]]:
        """Docker and the datastore. Who looks once does not wait for one that hangs after the other, nor twice."""
        if not self._one_shot or not self._config.datastore.endpoints:
            docker = self._read_docker()
            return docker, self._read_datastore(docker)
        with ThreadPoolExecutor(1) as beside:
            reading = beside.submit(self._read_docker)
            datastore = self._read_datastore(Unreadable("Docker", "it is being asked"))
            return reading.result(), datastore

    def _read_docker(self) -> Docker | Unreadable:
        if self._hung_docker is not None:
            return self._hung_docker
        node = self._config.node
        docker = self._programs.read(self._docker.read(node.container_name, image=node.image))
        if self._one_shot and isinstance(docker, Unreadable) and docker.code == "timeout":
            self._hung_docker = docker
        return docker

    def keep(self, observation: Observation, identity: Identity) -> None:
        """Keep who this host is for the next time, where it is this agent that decides it."""
        if self._config.mode is not Mode.SUPERVISE or isinstance(observation.host, Unreadable):
            return
        used = addresses_in_use(observation.docker, observation.datastore, identity.name.name)
        names = names_in_use(observation.docker)
        self.kept = remember(self.kept, identity, observation.host.machine_id, used, observation.at, names=names)
        self._identity_file.save(self.kept)

    def _state_trouble(self) -> tuple[Unreadable, ...]:
        reason = self._identity_file.trouble
        return (Unreadable("identity.json", reason, "file"),) if reason else ()

    def _destinations(self, datastore: Datastore | Unreadable) -> tuple[IPAddress, ...]:
        """Where to the kernel is asked for the way."""
        settings = self._config.identity_settings()
        methods = (settings.ipv4.calico, settings.ipv6.calico)
        names = {method.destination for method in methods if method is not None and method.destination}
        self.reachable = {name: self._lookups.setdefault(name, NameLookup(name)).ask() for name in sorted(names)}
        aimed = tuple(address for addresses in self.reachable.values() for address in addresses)
        return self.endpoints + aimed + _registered(_some(_nodes(datastore)))

    def _read_rivals(self, docker: Docker | Unreadable, datastore: Datastore | Unreadable) -> tuple[Rival, ...]:
        """Nothing while Docker cannot tell which processes are calico/node's own."""
        if isinstance(docker, Unreadable):
            return ()
        bgp = BgpSettings() if isinstance(datastore, Unreadable) else datastore.bgp
        return self._rivals.read(docker.containers, bgp.ports)

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        """The same, with the routes that BIRD knows to some prefixes.

        A BIRD with a large table may not tell them in time. It answered a moment ago, so that is no fault of it: what
        was read then stays.
        """
        bird, bird6 = observation.bird, observation.bird6
        return replace(
            observation,
            bird=self._with_routes(bird, Family.IPV4, about),
            bird6=None if bird6 is None else self._with_routes(bird6, Family.IPV6, about),
        )

    def _with_routes(self, known: Bird | Unreadable, family: Family, about: Collection[IPNetwork]) -> Bird | Unreadable:
        if isinstance(known, Unreadable):
            return known
        found = self._birds[family].read(about)
        return known if isinstance(found, Unreadable) else found

    def blocks_of(self, datastore: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Some blocks as they are now, whichever pods came and went since the datastore was read."""
        if self._mirror is not None:
            return self._mirror.blocks(wanted)
        blocks = () if isinstance(datastore, Unreadable) else datastore.blocks
        return tuple(block for block in blocks if block.cidr in wanted)

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> Endpoints | Unreadable | None:
        """The records of some nodes' pods, for what they are to explain; None where nobody said where etcd is."""
        return None if self.datastore is None else self._endpoints.read(self.datastore, nodes, links, lost)

    def heartbeat(self, part: str) -> float:
        """When one of `PARTS` was last seen alive (monotonic seconds); now, where it is not used."""
        parts = {_MIRROR: self._mirror, _KEEPER: self._keeper, _PROBE: self._probe}
        found = parts[part]
        return found.heartbeat() if found is not None else time.monotonic()

    def close(self) -> None:
        """Stop watching and close connections."""
        self._stop_following()
        if self._probe is not None:
            self._probe.stop()
        self._docker.close()

    def _read_datastore(self, docker: Docker | Unreadable) -> tuple[Datastore | Unreadable, Unreadable | None]:
        """The last reading that was believed, and why there is no newer one."""
        current = self._read_current(docker)
        if isinstance(current, Unreadable) and (last := self._last_good()) is not None:
            return last, current
        return current, None

    def _last_good(self) -> Datastore | None:
        if self._mirror is not None:
            return self._mirror.last_good()
        return self._keeper.load() if self._keeper is not None else None

    def _read_current(self, docker: Docker | Unreadable) -> Datastore | Unreadable:
        settings = self._read_settings(docker)
        if isinstance(settings, Unreadable):
            if self.datastore is None:
                return settings
            settings = self.datastore  # the container or file that told us is gone; the cluster is where it was
        if settings != self.datastore:
            self._follow(settings)
        if self._mirror is not None:
            return self._mirror.snapshot()
        if self._hung_datastore is not None:
            return self._hung_datastore
        read = read_datastore(settings, timeout=settings.timeout)
        self._hung_datastore = read if isinstance(read, Unreadable) and read.code == "timeout" else None
        return read

    def _read_settings(self, docker: Docker | Unreadable) -> DatastoreSettings | Unreadable:
        self._files_trouble = None
        try:
            settings = self._config.datastore_settings() or settings_from(docker, self._config.node.container_name)
        except ConfigError as error:
            self._files_trouble = Unreadable("etcd", str(error), "file")
            return self._files_trouble
        if isinstance(settings, Unreadable):
            return settings
        return replace(settings, timeout=self._config.datastore.timeout_seconds)

    def _follow(self, settings: DatastoreSettings) -> None:
        self.datastore = settings
        self.endpoints = resolve_endpoints(settings.endpoints)
        self._stop_following()
        directory = self._config.agent.state_dir
        self._keeper = SnapshotKeeper(SnapshotFile(Path(directory, _SNAPSHOT), settings)) if directory else None
        if self._one_shot:
            return
        self._mirror = Mirror(settings, self._wake, remembered=self._keeper.load() if self._keeper else None)
        self._mirror.start()
        if self._keeper is not None:
            self._keeper.start(self._mirror.last_good)
        self._mirror.wait(_FIRST_ANSWER_SECONDS)

    def _stop_following(self) -> None:
        if self._mirror is not None:
            if self._keeper is not None:
                self._keeper.stop()
            self._mirror.stop()
        self._mirror = self._keeper = None

    def _uses_ipv6(self, docker: Docker | Unreadable) -> bool:
        if self._config.identity_settings().ipv6.method != "none":
            return True
        node = node_container(docker, self._config.node.container_name)
        return node is not None and node.alive and node.env_value("IP6") not in {"", "none"}


def settings_from(docker: Docker | Unreadable, name: str) -> DatastoreSettings | Unreadable:
    """The datastore of this host's calico/node container, which need not run: where the cluster's data is stays so."""
    if isinstance(docker, Unreadable):
        return Unreadable("etcd", f"no datastore is configured, and Docker cannot be asked: {docker.reason}", "unset")
    node = node_container(docker, name)
    if node is None:
        reason = "no datastore is configured, and there is no calico/node container here to take its settings from"
        return Unreadable("etcd", reason, "unset")
    return datastore_settings(node)


def _nodes(datastore: Datastore | Unreadable) -> tuple[Node, ...]:
    return () if isinstance(datastore, Unreadable) else datastore.nodes


def _some(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Nodes that vote, spread evenly over all of them."""
    return nodes[:: max(1, len(nodes) // _VOTERS)]


def _registered(nodes: tuple[Node, ...]) -> tuple[IPAddress, ...]:
    return tuple(address.ip for node in nodes for address in (node.ipv4, node.ipv6) if address is not None)


_all_registered = MadeOnce(_registered)
