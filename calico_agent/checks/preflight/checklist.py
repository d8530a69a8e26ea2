"""The one list of checks, in the order in which they are printed, and the findings that they give."""

from collections.abc import Callable, Iterable, Iterator

from calico_agent.checks.preflight.cluster.cni import check_cni
from calico_agent.checks.preflight.cluster.kube_proxy import check_kube_proxy
from calico_agent.checks.preflight.cluster.kubelet import check_kubelet
from calico_agent.checks.preflight.cluster.kubernetes_api import check_kubernetes_api
from calico_agent.checks.preflight.cluster.other_cni import check_other_cni
from calico_agent.checks.preflight.cluster.pools import check_pools
from calico_agent.checks.preflight.firewall.firewall import check_firewall
from calico_agent.checks.preflight.machine.certificates import check_certificates, check_etcd_servers
from calico_agent.checks.preflight.machine.clock import check_clock
from calico_agent.checks.preflight.machine.conntrack import check_conntrack
from calico_agent.checks.preflight.machine.disks import check_disks
from calico_agent.checks.preflight.machine.engine import check_engine
from calico_agent.checks.preflight.machine.ip_forward import check_forwarding
from calico_agent.checks.preflight.machine.kernel_modules import check_modules
from calico_agent.checks.preflight.machine.mtu import check_mtu
from calico_agent.checks.preflight.machine.network_managers import check_network_managers
from calico_agent.checks.preflight.machine.ports import check_ports
from calico_agent.checks.preflight.machine.source_check import check_source_check
from calico_agent.expected.view import View
from calico_agent.model.finding import ConditionType, Finding, Severity
from calico_agent.model.preflight import Check, Verdict

CHECKS: tuple[Callable[[View], Iterator[Check]], ...] = (
    check_kubelet,
    check_cni,
    check_kube_proxy,
    check_kubernetes_api,
    check_forwarding,
    check_source_check,
    check_conntrack,
    check_modules,
    check_mtu,
    check_ports,
    check_clock,
    check_firewall,
    check_network_managers,
    check_disks,
    check_engine,
    check_certificates,
    check_etcd_servers,
    check_pools,
    check_other_cni,
)
"""Each says something of its subject in any case: what does not apply here, or cannot be told, is a line, too."""

_SEVERITIES = {Verdict.WARNING: Severity.WARNING, Verdict.FAILURE: Severity.ERROR}


def checks_of(view: View) -> tuple[Check, ...]:
    """Return all of them; none where nothing was read for them."""
    if view.observation.preparation is None:
        return ()
    return tuple(one for check in CHECKS for one in check(view))


def find_unprepared(view: View, checks: Iterable[Check]) -> Iterator[Finding]:
    """Yield a finding for each check that is not as it should be. What cannot be told is no finding.

    A check of another condition's code only shows what the rule of that code finds.
    """
    for one in checks:
        ours = one.fault.condition is ConditionType.HOST_PREPARED
        if ours and (severity := _SEVERITIES.get(one.verdict)) is not None:
            yield one.fault.finding(
                one.subject or view.me,
                one.what,
                effect=one.why,
                cure=one.cure,
                node=view.me,
                severity=severity,
            )
