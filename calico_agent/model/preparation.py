"""What was read for the preflight (`verify.host`), beside what every pass reads."""

from dataclasses import dataclass

from calico_agent.model.certificate import Credentials, EtcdServers
from calico_agent.model.clocks import Clocks
from calico_agent.model.disk import Disks
from calico_agent.model.engine import Engine
from calico_agent.model.firewall import Firewall
from calico_agent.model.kubernetes import Kubernetes
from calico_agent.model.kubernetes_api import KubernetesApi
from calico_agent.model.listener import Listeners
from calico_agent.model.modules import Modules
from calico_agent.model.network_managers import NetworkManagers
from calico_agent.model.other_cni import OtherCni
from calico_agent.model.services import ServiceRanges
from calico_agent.model.sysctl import Sysctls
from calico_agent.model.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Preparation:
    """A field for each subject, None where it was not read. Fields are named as the readers of
    `observe.preparation`."""

    sysctls: Sysctls | Unreadable | None = None
    modules: Modules | Unreadable | None = None
    listeners: Listeners | Unreadable | None = None
    clocks: Clocks | Unreadable | None = None
    disks: Disks | Unreadable | None = None
    engine: Engine | Unreadable | None = None
    credentials: Credentials | Unreadable | None = None
    etcd_servers: EtcdServers | Unreadable | None = None
    services: ServiceRanges | Unreadable | None = None
    other_cni: OtherCni | Unreadable | None = None
    firewall: Firewall | Unreadable | None = None
    network_managers: NetworkManagers | Unreadable | None = None
    kubernetes: Kubernetes | Unreadable | None = None
    kubernetes_api: KubernetesApi | Unreadable | None = None
