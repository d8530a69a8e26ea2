"""The opened sources of one process, read in the order in which one tells where to look for the next.

Docker first: without configuration, the datastore's settings come from the calico/node container that runs here. Then
the datastore, then the kernel, which is asked how it would reach the other nodes, then BIRD.
"""

from collections.abc import Callable
from datetime import datetime

from calico_agent.config import Config
from calico_agent.decode.container import datastore_settings
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Bird
from calico_agent.model.container import Docker
from calico_agent.model.node import Datastore
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.observe.bird import read_bird
from calico_agent.observe.datastore import Mirror, read_datastore, resolve_endpoints
from calico_agent.observe.docker import DockerReader
from calico_agent.observe.host import read_host
from calico_agent.observe.kernel import read_kernel

# How many other nodes the kernel is asked about in a pass. They vote on which address this host uses towards the
# cluster; 64 voters settle that, and 5,000 look-ups would cost more than the rest of the pass.
_VOTERS = 64

# The first pass waits that long for etcd, so that a daemon that was just started does not begin with "unknown".
_FIRST_ANSWER_SECONDS = 3.0


class Sources:
    """Reads Observations. `wake` is called from watching threads; `one_shot` reads the datastore once, unwatched.

    `datastore` is where the datastore is as of the last observation, None while nobody said; `endpoints` are the
    addresses of its servers.
    """

    def __init__(self, config: Config, wake: Callable[[str], None], *, one_shot: bool = False) -> None:
        self._config = config
        self._wake = wake
        self._one_shot = one_shot
        self._docker = DockerReader(config.docker.url, config.docker.timeout_seconds)
        self._mirror: Mirror | None = None
        self.datastore: DatastoreSettings | None = None
        self.endpoints: tuple[IPAddress, ...] = ()

    def observe(self, at: datetime) -> Observation:
        """Everything outside, now. A source that cannot be read is Unreadable; nothing is raised for it."""
        docker = self._docker.read(self._config.node.container_name)
        datastore = self._read_datastore(docker)
        return Observation(
            at=at,
            host=read_host(),
            kernel=read_kernel(self.endpoints + _voters(datastore)),
            docker=docker,
            datastore=datastore,
            bird=self.read_bird(Family.IPV4),
            bird6=self.read_bird(Family.IPV6) if self._uses_ipv6(docker) else None,
        )

    def read_bird(self, family: Family, *, rib: bool = False) -> Bird | Unreadable:
        """One BIRD daemon; with every route it knows when `rib`, which costs with their number."""
        bird = self._config.bird
        path = bird.socket if family is Family.IPV4 else bird.socket6
        return read_bird(path, family, rib=rib)

    def close(self) -> None:
        """Stop watching and close connections."""
        if self._mirror is not None:
            self._mirror.stop()
        self._docker.close()

    def _read_datastore(self, docker: Docker | Unreadable) -> Datastore | Unreadable:
        try:
            settings = self._config.datastore_settings() or _settings_from(docker)
        except OSError as error:
            return Unreadable("etcd", f"the password file cannot be read: {error.strerror}: {error.filename}", "denied")
        if isinstance(settings, Unreadable):
            if self.datastore is None:
                return settings
            settings = self.datastore  # the container that told us is gone; the cluster is where it was
        if settings != self.datastore:
            self._follow(settings)
        if self._mirror is None:
            return read_datastore(settings, timeout=self._config.datastore.timeout_seconds)
        return self._mirror.snapshot()

    def _follow(self, settings: DatastoreSettings) -> None:
        self.datastore = settings
        self.endpoints = resolve_endpoints(settings.endpoints)
        if self._one_shot:
            return
        if self._mirror is not None:
            self._mirror.stop()
        self._mirror = Mirror(settings, self._wake)
        self._mirror.start()
        self._mirror.wait(_FIRST_ANSWER_SECONDS)

    def _uses_ipv6(self, docker: Docker | Unreadable) -> bool:
        if self._config.identity_settings().ipv6.method != "none":
            return True
        if isinstance(docker, Unreadable):
            return False
        return any(node.env_value("IP6") not in {"", "none"} for node in docker.containers if node.alive)


def _settings_from(docker: Docker | Unreadable) -> DatastoreSettings | Unreadable:
    """The datastore of the calico/node container that runs here."""
    if isinstance(docker, Unreadable):
        return Unreadable("etcd", f"no datastore is configured, and Docker cannot be asked: {docker.reason}", "unset")
    node = next((container for container in docker.containers if container.alive), None)
    if node is None:
        reason = "no datastore is configured, and no calico/node container runs here to take its settings from"
        return Unreadable("etcd", reason, "unset")
    return datastore_settings(node)


def _voters(datastore: Datastore | Unreadable) -> tuple[IPAddress, ...]:
    """Registered addresses of some of the nodes, spread evenly over all of them."""
    if isinstance(datastore, Unreadable):
        return ()
    step = max(1, len(datastore.nodes) // _VOTERS)
    registered = (address for node in datastore.nodes[::step] for address in (node.ipv4, node.ipv6))
    return tuple(address.ip for address in registered if address is not None)
