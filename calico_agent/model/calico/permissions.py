"""What Calico needs to be allowed by the Kubernetes API, by release.

The permissions are those of Calico's own ClusterRoles without which something does not work. That of its etcd
installations (v2.6/.../rbac.yaml, v3.3/.../rbac.yaml and manifests/calico-etcd.yaml@calico v3.32.1) has what the CNI
plugin asks about each pod and what calico/node marks on its node; that of the Kubernetes datastore
(v3.0/.../rbac-kdd.yaml, manifests/calico.yaml@calico v3.32.1) has all of Calico's data.
"""

from dataclasses import dataclass
from itertools import product

from calico_agent.model.calico.release import Release
from calico_agent.model.host.kubernetes_api import Holder, Permission

CALICO_GROUP = "crd.projectcalico.org"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission, since which release it is needed, and what does not work without it.

    `optional`: pods get their network all the same. `pools`: needed only where pods get their addresses from Calico's
    pools, `ranges`: only where they get them from the range of their node.
    """

    permission: Permission
    without: str
    since: Release = (2, 0)
    optional: bool = False
    pools: bool = False
    ranges: bool = False


_NO_POD = "no pod of this host gets its network"
_BLIND = "calico/node does not get the cluster's data"
_IDLE = "calico/node does not start on a new cluster"
_STATUS = "Kubernetes is not told that the network of this node is up"
_SERVICES = "calico/node cannot advertise the addresses of services"

_READ, _WATCH, _CHANGE = ("get", "list", "watch"), ("list", "watch"), ("get", "list", "create", "update", "delete")
_SETTINGS = ("ippools", "felixconfigurations", "bgpconfigurations", "clusterinformations")
_FIRST_DATA = (*_SETTINGS, "bgppeers", "globalnetworkpolicies", "networkpolicies")
_MORE_DATA = ("hostendpoints", "globalnetworksets", "networksets")
_ADDRESSES = ("blockaffinities", "ipamblocks", "ipamhandles")


def _each(
    verbs: tuple[str, ...],
    resources: tuple[str, ...],
    without: str,
    since: Release = (2, 0),
    *,
    group: str = "",
    optional: bool = False,
    pools: bool = False,
) -> tuple[Need, ...]:
    return tuple(
        Need(Permission(verb, resource, group), without, since, optional, pools)
        for resource, verb in product(resources, verbs)
    )


_PLUGIN = (
    *_each(("get",), ("pods",), _NO_POD),
    # cni-plugin#457: a namespace may say which pools its pods are of.
    *_each(("get",), ("namespaces",), _NO_POD, (3, 3)),
    Need(Permission("get", "nodes"), _NO_POD, ranges=True),
)
_PLUGIN_OF_KUBERNETES = (
    *_PLUGIN,
    *_each(("patch",), ("pods/status",), _NO_POD, (3, 10)),
    *_each(("get",), ("clusterinformations",), _NO_POD, (3, 0), group=CALICO_GROUP),
    *_each(("get", "list"), ("ippools",), _NO_POD, (3, 10), group=CALICO_GROUP, pools=True),
    *_each(("get",), ("ipamconfigs",), _NO_POD, (3, 10), group=CALICO_GROUP, pools=True),
    *_each(_CHANGE, _ADDRESSES, _NO_POD, (3, 10), group=CALICO_GROUP, pools=True),
)
_NODE = (
    *_each(("patch",), ("nodes/status",), _STATUS, (3, 10), optional=True),
    *_each(_WATCH, ("services", "endpoints"), _SERVICES, (3, 10), optional=True),
)
_NODE_OF_KUBERNETES = (
    *_each(_READ, ("nodes",), _BLIND, (3, 0)),
    *_each(_WATCH, ("pods", "namespaces"), _BLIND, (3, 0)),
    *_each(_READ, _FIRST_DATA, _BLIND, (3, 0), group=CALICO_GROUP),
    *_each(("create", "update"), _SETTINGS, _IDLE, (3, 0), group=CALICO_GROUP),
    *_each(_WATCH, ("serviceaccounts",), _BLIND, (3, 10)),
    *_each(_WATCH, ("networkpolicies",), _BLIND, (3, 10), group="networking.k8s.io"),
    *_each(("update", "patch"), ("nodes/status",), "calico/node cannot register its addresses", (3, 10)),
    *_each(_READ, _MORE_DATA, _BLIND, (3, 10), group=CALICO_GROUP),
    *_each((*_CHANGE, "watch"), ("blockaffinities",), _BLIND, (3, 10), group=CALICO_GROUP, pools=True),
    *_each(_CHANGE, ("ipamblocks", "ipamhandles"), _BLIND, (3, 10), group=CALICO_GROUP, pools=True),
    *_each(_READ, ("bgpfilters",), _BLIND, (3, 26), group=CALICO_GROUP),
)
_NEEDS = {
    (Holder.CNI, False): _PLUGIN,
    (Holder.CNI, True): _PLUGIN_OF_KUBERNETES,
    (Holder.NODE, False): _NODE,
    (Holder.NODE, True): _NODE_OF_KUBERNETES,
}


def needs(holder: Holder, *, kubernetes_datastore: bool) -> tuple[Need, ...]:
    """All that one part of Calico's may need, of every release."""
    return _NEEDS[holder, kubernetes_datastore]
