"""Facts of the machine itself: its name, its identity, what Calico left on its disk."""

from dataclasses import dataclass

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Kubelet:
    """The kubelet that runs on this host, by its command line.

    `node_ips` is --node-ip without the unspecified address, which only says which family is preferred.
    """

    pid: int
    node_ips: tuple[IPAddress, ...] = ()
    hostname_override: str = ""


@dataclass(frozen=True, slots=True)
class CniPlugin:
    """Calico's plugin in one CNI configuration file, with the name under which it registers pods.

    `nodename` is what is written there, else what `nodename_file` holds that is named there; empty for neither. (The
    plugin then reads /var/lib/calico/nodename, as calico/node does.) `error` says why a file could not be read,
    `behind` is the file that the runtime takes instead, because its name comes first. `mtu` is that of the links
    that it makes for pods, 0 where none is written.
    """

    file: str
    nodename: str = ""
    nodename_file: str = ""
    error: str = ""
    behind: str = ""
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """This machine. `fqdn` is its full name by /etc/hosts, empty when that gives none. `boot_id` is new at every boot.
    `long_up`: that was, and etcd answers since, so long ago that no sign of life from the boot before can be left
    (`model.name_lease`). `system_uuid` is that of the board, empty where nobody may read it.

    `nodename_file` is the content of /var/lib/calico/nodename, where calico/node keeps the name it last used and which
    it prefers to the host name (node/pkg/lifecycle/utils/utils.go:114@v3.32.1); None when there is no such file, or
    none that can be read and believed, and then `nodename_trouble` says why.
    """

    hostname: str
    machine_id: str = ""
    nodename_file: str | None = None
    fqdn: str = ""
    kubelet: Kubelet | None = None
    cni: tuple[CniPlugin, ...] = ()
    boot_id: str = ""
    long_up: bool = True
    nodename_trouble: str = ""
    system_uuid: str = ""
