"""The settings that stages need, as plain values. The configuration file is read and validated elsewhere (`config`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from calico_agent.model.calico.autodetection import CalicoMethod
from calico_agent.model.container.container import Mount
from calico_agent.model.container.image import PullPolicy
from calico_agent.model.container.run_options import RunOptions
from calico_agent.model.network.address import IPInterface


class Mode(Enum):
    """`observe` touches nothing and only reports; `supervise` owns the calico/node container."""

    OBSERVE = "observe"
    SUPERVISE = "supervise"


class OnChange(Enum):
    """What becomes of a running calico/node when this host's name or address changed."""

    REPLACE = "replace"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class AddressSettings:
    """How the address of one family is found.

    `method` is `auto`, `none` (this family is not used), `configured` or `calico`; `configured` carries the address,
    `calico` one of Calico's own methods, and `allow_rejected` whether that one may yield an address against which
    something speaks. A configured address without a prefix length has the full one (/32, /128) and takes its link's.
    """

    method: str = "auto"
    configured: IPInterface | None = None
    calico: CalicoMethod | None = None
    allow_rejected: bool = False


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How address and name are found. An empty `name` means the host name.

    `as_written`: node names may have capitals and underscores, and a host name keeps its own, as in Calico 2.x.
    """

    name: str = ""
    as_written: bool = False
    ipv4: AddressSettings = field(default_factory=AddressSettings)
    ipv6: AddressSettings = field(default_factory=lambda: AddressSettings(method="none"))


class EtcdApi(Enum):
    """How Calico uses etcd: v3.x its API v3, v2.x its API v2. One etcd may serve both; they share no data."""

    V3 = "v3"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """How the Kubernetes API is reached where it is the datastore.

    By a kubeconfig and one of its contexts (empty: the current one), or by a server with the files of a service
    account. Paths are those of the file system at `root`. `runs_plugins`: a program that the kubeconfig names to make
    the credential is run. `by_service`: the server is the cluster's address of a service. `pod_cidrs`: IPAM is
    host-local, and a node's blocks are its pod CIDRs. `api_group`: of the two that Calico may use, this counts where
    both are there; empty: what the API has decides.
    """

    kubeconfig: str = ""
    context: str = ""
    server: str = ""
    ca_file: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure: bool = False
    root: str = "/"
    runs_plugins: bool = False
    by_service: bool = False
    pod_cidrs: bool = False
    api_group: str = ""


@dataclass(frozen=True, slots=True)
class DatastoreSettings:
    """Where the datastore is, and what proves who we are. Paths are paths of this host.

    `timeout` is the deadline of each call (s). `origin` says where these settings come from: the configuration, or the
    container they were taken from. `kubernetes` is set where the datastore is the Kubernetes API and not etcd.
    """

    endpoints: tuple[str, ...]
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    api: EtcdApi = EtcdApi.V3
    timeout: float = 5.0
    origin: str = "configuration"
    kubernetes: KubernetesSettings | None = None

    @property
    def kind(self) -> str:
        """A word for the kind of datastore it is."""
        return "kubernetes" if self.kubernetes is not None else self.api.value

    @property
    def called(self) -> str:
        """What it is called in sentences."""
        return "the Kubernetes API" if self.kubernetes is not None else "etcd"

    @property
    def is_of_calico_2(self) -> bool:
        """True if Calico 2.x uses this datastore."""
        return self.api is EtcdApi.V2


class Preset(Enum):
    """The generation of calico/node, which decides its usual environment and mounts (`plan.presets`)."""

    V3 = "v3"
    KUBERNETES = "kubernetes"
    V1_3 = "v1.3"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The calico/node container as configured: what is not identity and not datastore.

    `env` and `mounts` add to those of the preset and win over them. `without` are variables and destinations of the
    preset that are not given. `kubeconfig` is the one for calico/node where the Kubernetes API is its
    datastore; empty for that of the agent.
    """

    image: str = ""
    name: str = "calico-node"
    preset: Preset = Preset.V3
    kubeconfig: str = ""
    without: frozenset[str] = frozenset()
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    options: RunOptions = field(default_factory=RunOptions)


class DriftPolicy(Enum):
    """What to do about a container of ours that is not the wanted one any more."""

    REPLACE = "replace"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class SuperviseSettings:
    """How the container is kept running. Backoff doubles from `backoff_initial` to `backoff_max`.

    Start-up that takes longer than `start_deadline`, and a BIRD that does not answer for `hung_deadline`, are met with
    a restart. `respect_stop`: one that somebody stopped with `docker stop` stays stopped. `on_identity_change` is what
    becomes of one that runs under another name or address than this host's now. `pull` is when the image is fetched.
    """

    backoff_initial: timedelta = timedelta(seconds=1)
    backoff_max: timedelta = timedelta(minutes=5)
    stable_after: timedelta = timedelta(minutes=2)
    start_deadline: timedelta = timedelta(seconds=60)
    hung_deadline: timedelta = timedelta(seconds=60)
    on_drift: DriftPolicy = DriftPolicy.REPLACE
    on_identity_change: OnChange = OnChange.REPLACE
    respect_stop: bool = False
    take_over: bool = False
    pull: PullPolicy = PullPolicy.MISSING


@dataclass(frozen=True, slots=True)
class AccessFiles:
    """Paths, empty for none: the port's certificate and its key, the authorities of clients, and clients' tokens."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    token: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those that are named."""
        return tuple(Path(one) for one in (self.cert, self.key, self.client_ca, self.token) if one)

    def exposes(self, address: str) -> str:
        """Return why the agent must not answer on this address with these files; empty where it may."""
        if ip_address(address).is_loopback or (self.cert and (self.client_ca or self.token)):
            return ""
        lacks = [] if self.cert else ["with cert_file and key_file"]
        lacks += [] if self.client_ca or self.token else ["with client_ca_file or token_file"]
        return f"other machines reach {address}, which [http] allows only {' and '.join(lacks)}"
