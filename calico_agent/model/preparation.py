"""What was read for the preflight (`checks.preflight`), beside what every pass reads."""

from dataclasses import dataclass

from calico_agent.model.calico.service_ranges import ServiceRanges
from calico_agent.model.container.engine import Engine
from calico_agent.model.host.certificate import Credentials, EtcdServers
from calico_agent.model.host.clocks import Clocks
from calico_agent.model.host.disk import Disks
from calico_agent.model.host.kernel_modules import Modules
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.host.kubernetes_api import KubernetesApi
from calico_agent.model.host.network_managers import NetworkManagers
from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.network.firewall import Firewall
from calico_agent.model.network.listener import Listeners
from calico_agent.model.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Preparation:
    """A field for each subject, None where it was not read. Fields are named as the readers of
    `sources.preparation`."""

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
