"""The settings that stages need, as plain values. The configuration file is read and validated elsewhere (`config`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from calico_agent.model.address import IPInterface
from calico_agent.model.container import Mount


class Mode(Enum):
    """`observe` touches nothing and only reports; `supervise` owns the calico/node container."""

    OBSERVE = "observe"
    SUPERVISE = "supervise"


@dataclass(frozen=True, slots=True)
class AddressSettings:
    """How the address of one family is found.

    `method` is `auto`, `none` (this family is not used) or `configured`; `configured` carries the address. A
    configured address without a prefix length has the full one (/32, /128) and takes its link's.
    """

    method: str = "auto"
    configured: IPInterface | None = None


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How address and name are found. An empty `name` means the host name."""

    name: str = ""
    ipv4: AddressSettings = field(default_factory=AddressSettings)
    ipv6: AddressSettings = field(default_factory=lambda: AddressSettings(method="none"))


@dataclass(frozen=True, slots=True)
class DatastoreSettings:
    """Where the datastore is, and what proves who we are. Paths are paths of this host.

    `origin` says where these settings come from: the configuration, or the container they were taken from.
    """

    endpoints: tuple[str, ...]
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    origin: str = "configuration"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The calico/node container as configured: what is not identity and not datastore."""

    image: str = ""
    name: str = "calico-node"
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class SuperviseSettings:
    """How the container is kept running. Backoff doubles from `backoff_initial` to `backoff_max`."""

    backoff_initial: timedelta = timedelta(seconds=1)
    backoff_max: timedelta = timedelta(minutes=5)
    stable_after: timedelta = timedelta(minutes=2)
    start_deadline: timedelta = timedelta(seconds=60)
    take_over: bool = False
