"""What the nat table says of kube-proxy: does it hide the source of everything that goes to services?

With --masquerade-all every service has a rule that marks all packets to its address; without it the rule has one more
condition, `! -s` the pods' network or another way to know pods (pkg/proxy/iptables/proxier.go: in KUBE-SERVICES up to
v1.21, in KUBE-SVC-... since v1.22; pkg/proxy/ipvs/proxier.go: by a set for all services). Rules for external addresses
and node ports mark everything in any case.
"""

from collections.abc import Iterable

from calico_agent.model.network.firewall import Masquerading

_SERVICES = "-A KUBE-SERVICES "
_MARKS = (" -j KUBE-MARK-MASQ", " -j MARK ")
_IPVS = "--match-set KUBE-CLUSTER-IP "


def masquerading_of(lines: Iterable[str]) -> Masquerading:
    """The sum over all services."""
    services = hiding = 0
    for line in lines:
        if not line.startswith("-A KUBE-S"):
            continue
        marks = any(mark in line for mark in _MARKS)
        if line.startswith(_SERVICES) and _IPVS in line:
            services += marks
            hiding += marks and " dst,dst " in line and " ! " not in line
        elif "cluster IP" in line and " -d " in line:
            services += line.startswith(_SERVICES) and " -j KUBE-SVC-" in line
            hiding += marks and " ! " not in line and " -s " not in line
    return Masquerading(services, hiding)
