"""Which node this host is for the cluster, and by what its own addresses can be recognised.

The name is the one that calico/node really runs under, whatever it should be: NODENAME of the container wins, then
/var/lib/calico/nodename (which calico/node writes at each start and prefers to the host name), then HOSTNAME, then the
host's own name (node/pkg/lifecycle/utils/utils.go:114 of projectcalico/calico@v3.32.1); both of them in lower case
since v3.0, and as they are before. Everything that is expected of this host follows from the record of that name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from calico_agent.expected.cluster import Cluster
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.felix import SETTINGS, FelixSettings, Said, variable
from calico_agent.model.calico.node import Node
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Candidate, Identity
from calico_agent.model.network.address import Family, IPAddress, IPInterface, IPNetwork
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode

# Reason words of rejected candidates that mean: other hosts carry this network too, and it leads nowhere.
_BRIDGE_REASONS = frozenset({"docker-network", "bridge-without-port"})
# What lies in a routing domain of its own is not connected to the main table's links either.
_ELSEWHERE = _BRIDGE_REASONS | {"vrf"}
_NODENAME_DIRECTORY = PurePosixPath("/var/lib/calico")


@dataclass(frozen=True, slots=True)
class Standpoint:
    """All of this host that its expected routes depend on."""

    name: str | None
    node: Node | None
    uses_bird: bool
    registered: Mapping[Family, IPInterface | None]
    networks: Mapping[Family, frozenset[IPNetwork]]
    felix: FelixSettings


@dataclass(frozen=True, slots=True)
class Local:
    """This host: its calico/node container, the node it runs as and that node's record (None: not there, or not known).

    `name_source` says where the name comes from. `candidates` are the addresses of its links with what speaks against
    them, and `addresses` the same by address. `felix` is what Felix is told here.
    """

    name: str | None
    name_source: str
    container: Container | None
    node: Node | None
    identity: Identity
    candidates: tuple[Candidate, ...]
    addresses: Mapping[IPAddress, Candidate]
    felix: FelixSettings

    @property
    def backend(self) -> str:
        """Return CALICO_NETWORKING_BACKEND: `bird`, or what takes its place."""
        return self.container.backend if self.container else "bird"

    @property
    def uses_bird(self) -> bool:
        """True if BIRD writes routes here."""
        return self.container is None or self.container.runs_bird

    @property
    def leaves_routing(self) -> bool:
        """True if another CNI plugin routes pods, and Calico does policy alone (canal, AWS): nodes need no address."""
        return self.container is not None and self.container.backend == "none"

    @property
    def uses_gobgp(self) -> bool:
        """True if routes come by a BGP daemon that is not judged."""
        return self.container is not None and self.container.runs_gobgp

    @property
    def standpoint(self) -> Standpoint:
        """Return the part of it that expected routes depend on."""
        return Standpoint(
            self.name,
            self.node,
            self.uses_bird,
            {family: self.registered(family) for family in Family},
            {family: frozenset(self.networks(family)) for family in Family},
            self.felix,
        )

    def candidate(self, address: IPAddress) -> Candidate | None:
        """Return the link address that is exactly this one; of several, one against which nothing speaks."""
        return self.addresses.get(address)

    def bridges(self) -> tuple[Candidate, ...]:
        """Return the addresses of this host on Docker's networks and on other bridges that lead nowhere."""
        return tuple(filter(is_bridge, self.candidates))

    def registered(self, family: Family) -> IPInterface | None:
        """Return the registered address of one family, else the one that should be."""
        if self.node is not None and (self.node.ipv4 or self.node.ipv6):
            return self.node.registered(family)
        return chosen(self.identity, family)

    def networks(self, family: Family) -> tuple[IPNetwork, ...]:
        """Return the networks this host is connected to, without those of container bridges."""
        return tuple(
            {
                found.interface.network
                for found in self.candidates
                if found.interface.version == family and (found.accepted or found.reason not in _ELSEWHERE)
            }
        )


def felix_told(cluster: Cluster | None, name: str | None, container: Container | None) -> tuple[Said, Said]:
    """Return what the node's FelixConfiguration says, and the environment of its container, which has the last word."""
    recorded = dict(cluster.datastore.felix_nodes).get(name or "", ()) if cluster is not None else ()
    environment = dict(container.env) if container is not None else {}
    written = ((setting, environment.get(variable(setting), "")) for setting in SETTINGS)
    return recorded, tuple((setting, value) for setting, value in written if value)


def _felix(cluster: Cluster | None, name: str | None, container: Container | None) -> FelixSettings:
    recorded, written = felix_told(cluster, name, container)
    return (cluster.datastore.felix if cluster is not None else FelixSettings()).told(recorded).told(written)


def chosen(identity: Identity, family: Family) -> IPInterface | None:
    """Return the address of one family that this host should have."""
    return identity.of(family).chosen


def is_bridge(candidate: Candidate) -> bool:
    """True if this address belongs to a bridge for containers, which other hosts have too."""
    return candidate.reason in _BRIDGE_REASONS and not candidate.accepted


def local_host(
    observation: Observation, identity: Identity, cluster: Cluster | None, *, mode: Mode, container_name: str
) -> Local:
    """Return who this host is, from everything that was read."""
    container = node_container(observation.docker, container_name)
    if container is None and mode is Mode.OBSERVE:
        container = observation.elsewhere
    name, source = _running_name(observation.host, identity, container, mode)
    candidates = (*identity.ipv4.candidates, *identity.ipv6.candidates)
    if name == identity.name.name and mode is Mode.OBSERVE and cluster is not None and name not in cluster.nodes:
        name, source = _registered_name(cluster, candidates) or (name, source)
    node = cluster.nodes.get(name) if cluster is not None and name is not None else None
    by_address = {found.interface.ip: found for found in sorted(candidates, key=lambda found: found.accepted)}
    felix = _felix(cluster, name, container)
    return Local(name, source, container, node, identity, candidates, by_address, felix)


def node_container(docker: Docker | Unreadable, name: str) -> Container | None:
    """Return the calico/node container that counts: the one that lives, else the one of the configured name, else the
    last.
    """
    if isinstance(docker, Unreadable):
        return None
    return min(docker.containers, key=lambda found: _precedence(found, name), default=None)


def runs_elsewhere(observation: Observation) -> bool:
    """True if another container runtime runs calico/node: Docker has none, and BIRD or Felix is there all the same."""
    docker = observation.docker
    if observation.elsewhere is not None:
        return observation.elsewhere.alive
    return not isinstance(docker, Unreadable) and not docker.containers and isinstance(observation.bird, Bird)


def _precedence(container: Container, name: str) -> tuple[bool, bool, bool, float]:
    # Docker restarts one that is `restarting`: it lives, but one that runs is what makes the routes.
    started = container.started_at.timestamp() if container.started_at else 0.0
    return (container.state is not ContainerState.RUNNING, not container.alive, container.name != name, -started)


def _running_name(
    host: Host | Unreadable, identity: Identity, container: Container | None, mode: Mode
) -> tuple[str | None, str]:
    if container is not None and (name := container.env_value("NODENAME").strip()):
        return name, f"NODENAME of container {container.name}"
    stored = None if isinstance(host, Unreadable) else host.nodename_file
    # In supervise mode a container that is still to be made gets its name from the agent, whatever was written before.
    if stored and (_keeps_nodename(container) if container is not None else mode is Mode.OBSERVE):
        return stored, "/var/lib/calico/nodename"
    if container is not None and (name := container.env_value("HOSTNAME").strip()):
        return name if identity.name.as_written else name.lower(), f"HOSTNAME of container {container.name}"
    return identity.name.name, identity.name.source


def _registered_name(cluster: Cluster, candidates: tuple[Candidate, ...]) -> tuple[str, str] | None:
    """The only node that is registered with an address of this host, for a node name that nothing here tells."""
    holders = {name for found in candidates if found.accepted for name in cluster.holders.get(found.interface.ip, ())}
    return (holders.pop(), "the node record with an address of this host") if len(holders) == 1 else None


def _keeps_nodename(container: Container) -> bool:
    """Whether the container sees the host's nodename file; before Calico v3.1 its directory was not mounted."""
    return any(_NODENAME_DIRECTORY.is_relative_to(mount.destination) for mount in container.mounts)
