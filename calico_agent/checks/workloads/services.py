"""Blackholes that BIRD puts on service addresses, where Calico advertises these.

To advertise a network BIRD needs a route to it, and gets a blackhole (serviceClusterIPs and others of
BGPConfiguration). Those of ranges confd keeps from the kernel (calico_kernel_programming in bird_ipam.cfg.template of
v3.22.0 to v3.32.1); those of single addresses it does not (updateGlobalRoutes in confd/pkg/backends/calico/client.go
@v3.31.7). What comes in, from routers or pods, was given another destination by kube-proxy before the kernel
looks for a route. What this host itself sends gets a route first, and only then another destination (nat in the chain
OUTPUT): it ends in the blackhole. With IPVS the host has the addresses itself.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import inside
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_SERVICES
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.route import PROTOCOL_BIRD, RouteAttributes, RouteType

_IPVS = "kube-ipvs0"
_NONE = 'calicoctl patch bgpconfiguration default --patch \'{"spec":{"serviceClusterIPs":[]}}\''
_NO_BLOCK = {4: 20, 6: 116}  # a block is never larger, so that a blackhole of BIRD's is not what is left of one


def find_services(view: View, prefix: IPNetwork, path: RouteAttributes) -> Iterator[Finding]:
    """Yield what is said of a route to something that is in no pool and no block."""
    told = view.cluster is not None and prefix in view.cluster.bgp.services
    if path.type is not RouteType.BLACKHOLE or path.protocol != PROTOCOL_BIRD:
        return
    if not told and prefix.prefixlen >= _NO_BLOCK[prefix.version]:
        return
    by_ipvs = view.kernel.link(_IPVS) if view.kernel is not None else None
    if by_ipvs is not None and any(held.address in prefix for held in by_ipvs.addresses):
        return
    whose = "the service addresses that BGPConfiguration default advertises" if told else "which is in no pool"
    yield RT_SERVICES.finding(
        str(prefix),
        f"BIRD drops what this host itself sends to {prefix}, {whose}",
        why=f"found: blackhole {prefix} proto bird",
        effect="programs of this host (the kubelet, the API server, pods of its network) do not reach services there; "
        "packets of pods and of routers do, as kube-proxy gives them another destination before",
        cure=f"if no router needs a route to them: {_withdrawal(prefix)}; else kube-proxy in its mode ipvs"
        if told
        else f"{inside(view)} grep -rn {prefix} /etc/calico/confd/config",
        node=view.me,
        prefix=prefix,
    )


def _withdrawal(prefix: IPNetwork) -> str:
    """Return how a network is advertised no more: a single address is one of external services or load balancers."""
    if prefix.prefixlen < prefix.max_prefixlen:
        return _NONE
    field = "serviceExternalIPs or serviceLoadBalancerIPs"
    return f"take {prefix} out of {field} (calicoctl get bgpconfiguration default -o yaml)"
