"""A record of the datastore that could not be understood, and which of Calico's resources it is."""

from dataclasses import dataclass
from enum import Enum


class ResourceKind(Enum):
    """Calico's own names of what it stores, whatever the datastore and the generation of its keys.

    api/pkg/apis/projectcalico/v3 and libcalico-go/lib/apis/internalapi of projectcalico/calico@v3.32.1.
    """

    NODE = "Node"
    IP_POOL = "IPPool"
    IPAM_BLOCK = "IPAMBlock"
    BLOCK_AFFINITY = "BlockAffinity"
    BGP_CONFIGURATION = "BGPConfiguration"
    BGP_PEER = "BGPPeer"
    BGP_FILTER = "BGPFilter"
    CLUSTER_INFORMATION = "ClusterInformation"
    FELIX_CONFIGURATION = "FelixConfiguration"


@dataclass(frozen=True, slots=True)
class BadKey:
    """A key whose value could not be understood: it is reported, the rest goes on.

    `key` is where the datastore has it, for people: no rule looks into it. `kind` and `name` are those of the resource
    (a block's name is its network, `10.233.64.0/26`); `kind` is None where it is not Calico's own.
    """

    key: str
    reason: str
    kind: ResourceKind | None
    name: str
