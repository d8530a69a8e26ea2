"""What a lab is made of: names, addresses, options, and where its files are.

Names and addresses are those of the recorded clusters (tests/data), so that shapes can be compared: host1 is
10.77.0.11 on eth0, the wire's end of the network is 10.77.0.1, where etcd listens.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.standin import build_standin

MAXIMUM_HOSTS = 9
STANDIN_IMAGE = "calico/node:standin"
WIRE_ADDRESS = IPv4Interface("10.77.0.1/24")
WIRE_ADDRESS6 = IPv6Interface("fd00:77::1/64")

_BASE = Path("/var/lib/calico-agent-lab")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class Kind(StrEnum):
    """What Calico's datastore is."""

    ETCD = "etcd"
    KUBERNETES = "kubernetes"


class Pool(StrEnum):
    """Encapsulation of the default IP pool."""

    NONE = "none"
    VXLAN = "vxlan"
    VXLAN_CROSS = "vxlan-cross"
    IPIP = "ipip"
    IPIP_CROSS = "ipip-cross"

    @property
    def is_ipip(self) -> bool:
        """Whether the kernel needs ipip links for it."""
        return self in {Pool.IPIP, Pool.IPIP_CROSS}

    @property
    def environment(self) -> dict[str, str]:
        """The settings of calico/node that make such a pool."""
        ipip = {Pool.IPIP: "Always", Pool.IPIP_CROSS: "CrossSubnet"}.get(self, "Never")
        vxlan = {Pool.VXLAN: "Always", Pool.VXLAN_CROSS: "CrossSubnet"}.get(self, "Never")
        return {"CALICO_IPV4POOL_IPIP": ipip, "CALICO_IPV4POOL_VXLAN": vxlan}


@dataclass(frozen=True, slots=True)
class Options:
    """How a lab was asked for; kept on disk, so that later commands agree with `up`."""

    hosts: int = 3
    pool: Pool = Pool.NONE
    ipv6: bool = False
    tls: bool = True
    image_archive: str = ""
    image: str = STANDIN_IMAGE
    datastore: Kind = Kind.ETCD
    containerd: int = 0
    """So many of the hosts, the last ones, have containerd and no Docker."""

    def __post_init__(self) -> None:
        if self.containerd and self.datastore is Kind.ETCD:
            raise LabError("--containerd: calico/node is started there as in a pod, so --datastore is kubernetes")
        if not 1 <= self.hosts <= MAXIMUM_HOSTS:
            raise LabError(f"--hosts {self.hosts}: a lab has 1 to {MAXIMUM_HOSTS} hosts")
        if self.image_archive and not Path(self.image_archive).is_file():
            raise LabError(f"--image-archive {self.image_archive}: no such file")

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts' names, host1 first."""
        return tuple(f"host{number}" for number in range(1, self.hosts + 1))

    def has_docker(self, host: str) -> bool:
        """Whether that one has a Docker Engine."""
        return host not in self.names[self.hosts - self.containerd :]

    def mode(self, host: str) -> str:
        """That of the agent there, which starts calico/node where Docker is."""
        return "supervise" if self.has_docker(host) else "observe"

    def archive(self) -> Path:
        """The image's archive; that of the stand-in is built if it is not there yet."""
        return Path(self.image_archive) if self.image_archive else build_standin(ipip=self.pool.is_ipip)

    def address(self, host: str) -> IPv4Interface:
        """A host's address on eth0. With ipip-cross the last one is behind a router: host3 is 10.77.1.13/24."""
        near = address(host)
        is_far = self.pool is Pool.IPIP_CROSS and host == self.names[-1]
        return IPv4Interface(f"{near.ip + 256}/{near.network.prefixlen}") if is_far else near

    @property
    def node_environment(self) -> dict[str, str]:
        """What calico/node is given on every host, without the datastore; neither IP nor NODENAME."""
        settings = {
            "NO_DEFAULT_POOLS": "",
            "CALICO_IPV4POOL_CIDR": "192.168.0.0/16",
            **self.pool.environment,
            "CALICO_NETWORKING_BACKEND": "bird",
            "CALICO_MANAGE_CNI": "false",
            "FELIX_IPV6SUPPORT": "true" if self.ipv6 else "false",
        }
        if self.ipv6:
            settings |= {"IP6": "autodetect", "CALICO_IPV6POOL_CIDR": "fd00:192::/112"}
        return settings

    def save(self, file: Path) -> None:
        """Write the options."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @staticmethod
    def load(file: Path) -> "Options":
        """Read what `save` wrote.

        Raises:
            LabError: no lab was started here.
        """
        try:
            values = json.loads(file.read_text())
        except FileNotFoundError:
            raise LabError("no lab is running; start one with: python -m tests.lab up") from None
        return Options(**{**values, "pool": Pool(values["pool"]), "datastore": Kind(values["datastore"])})


def lab_directory() -> Path:
    """The lab's directory: one for each lab name, so that two checkouts can each run a lab (CALICO_AGENT_LAB)."""
    name = os.environ.get("CALICO_AGENT_LAB", "calab")
    if not _NAME.fullmatch(name):
        raise LabError(f"CALICO_AGENT_LAB={name}: lower-case letters, digits and '-', at most 31")
    return _BASE / name


def address(host: str) -> IPv4Interface:
    """A host's address on eth0: host3 is 10.77.0.13/24."""
    return IPv4Interface(f"10.77.0.{10 + int(host.removeprefix('host'))}/24")


def address6(host: str) -> IPv6Interface:
    """A host's IPv6 address on eth0: host3 is fd00:77::13/64."""
    return IPv6Interface(f"fd00:77::{10 + int(host.removeprefix('host'))}/64")
