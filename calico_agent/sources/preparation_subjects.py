"""What the preflight reads: each subject with its reader, and how often."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.container.engine import Engine
from calico_agent.model.host.disk import Disks
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.datastore.credentials import read_credentials, read_etcd_servers
from calico_agent.sources.datastore.member_clocks import read_clocks
from calico_agent.sources.docker.door import DockerDoor
from calico_agent.sources.firewall.reader import read_firewall
from calico_agent.sources.host.disks import read_disks
from calico_agent.sources.host.network_managers import read_network_managers
from calico_agent.sources.kernel.kernel_modules import read_modules
from calico_agent.sources.kernel.listening_sockets import ListenerReader
from calico_agent.sources.kernel.sysctl import read_sysctls
from calico_agent.sources.kubernetes.other_cni import read_other_cni
from calico_agent.sources.kubernetes.reader import ClusterReader
from calico_agent.sources.kubernetes.service_ranges import read_service_ranges

_DOCKER_ROOT = Path("/var/lib/docker")
_NOT_YET = Unreadable("Docker", "it was not asked yet", "unset"), Unreadable("etcd", "it was not read yet", "unset")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the last pass knows that readers go by. `root` is where the host's file system is.

    `settings` are those of the datastore, None while nobody said where it is. `docker_url` is where the Docker Engine
    is, and `docker_seconds` how long it may take to answer; `state_dir` is where the agent keeps what it knows.
    """

    docker: Docker | Unreadable = _NOT_YET[0]
    datastore: Datastore | Unreadable = _NOT_YET[1]
    settings: DatastoreSettings | None = None
    root: Path = Path("/")
    docker_url: str = ""
    docker_seconds: float = 5.0
    state_dir: str = ""

    @property
    def turning(self) -> tuple[object, ...]:
        """What makes another host of it: when this changes, all is read anew."""
        containers = () if isinstance(self.docker, Unreadable) else tuple(one.id for one in self.docker.containers)
        return isinstance(self.docker, Unreadable), containers, isinstance(self.datastore, Unreadable), self.settings


@dataclass(frozen=True, slots=True)
class Subject:
    """One field of Preparation. `read` gives its value, or Unreadable; `period` is how often it is read (s)."""

    name: str
    read: Callable[[Circumstances], object]
    period: float = 30.0


_LISTENERS = ListenerReader()


def _listeners(circumstances: Circumstances) -> object:
    docker = circumstances.docker
    return _LISTENERS.read(() if isinstance(docker, Unreadable) else docker.containers)


def _of_etcd(read: Callable[[DatastoreSettings | None], object]) -> Callable[[Circumstances], object]:
    """What is asked of etcd, which is not waited for again where it hung a moment ago."""

    def ask(circumstances: Circumstances) -> object:
        datastore = circumstances.datastore
        hung = isinstance(datastore, Unreadable) and datastore.code == "timeout"
        return datastore if hung else read(circumstances.settings)

    return ask


def _read_engine(circumstances: Circumstances) -> Engine | Unreadable:
    if not circumstances.docker_url:
        return _NOT_YET[0]
    if isinstance(circumstances.docker, Unreadable) and circumstances.docker.code == "timeout":
        return circumstances.docker
    return DockerDoor(circumstances.docker_url, circumstances.docker_seconds).read_engine()


def _read_disks(circumstances: Circumstances) -> Disks | Unreadable:
    """Where Docker's data are, Docker says; while it does not, they are where they usually are, if that is there."""
    engine = _read_engine(circumstances)
    usual = str(_DOCKER_ROOT) if _DOCKER_ROOT.exists() else ""
    if isinstance(engine, Engine) and circumstances.docker_url.startswith("unix:"):
        usual = engine.root_dir
    return read_disks(usual, circumstances.state_dir)


_CLUSTER = ClusterReader()

SUBJECTS: tuple[Subject, ...] = (
    Subject("sysctls", lambda circumstances: read_sysctls(circumstances.root), 10.0),
    Subject("modules", lambda circumstances: read_modules(circumstances.root), 600.0),
    Subject("listeners", _listeners),
    Subject("clocks", _of_etcd(read_clocks), 300.0),
    Subject("disks", _read_disks, 60.0),
    Subject("engine", _read_engine, 300.0),
    Subject("credentials", lambda now: read_credentials(now.settings, now.docker, now.root), 60.0),
    # A handshake costs etcd a millisecond, and there may be a thousand hosts.
    Subject("etcd_servers", _of_etcd(read_etcd_servers), 600.0),
    Subject("services", lambda _: read_service_ranges(), 300.0),
    Subject("other_cni", lambda now: read_other_cni(now.root), 300.0),
    Subject("firewall", lambda _: read_firewall(), 60.0),
    Subject("network_managers", lambda circumstances: read_network_managers(circumstances.root), 60.0),
    Subject("kubernetes", lambda now: _CLUSTER.read_kubernetes(now.root), 60.0),
    # The API itself is asked at most every ten minutes.
    Subject("kubernetes_api", lambda now: _CLUSTER.read_api(now.root, now.docker), 60.0),
)
