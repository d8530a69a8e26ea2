"""What the checks of the cluster's part have in common: what was read of Kubernetes, and how Calico's is renewed."""

from calico_agent.checks.commands import delete_pod
from calico_agent.checks.preflight.known import known
from calico_agent.expected.view import View
from calico_agent.model.finding import Fault
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.unreadable import Unreadable

NOT_HERE = "this host is in no Kubernetes cluster"


def kubernetes_of(view: View, fault: Fault, about: str) -> Kubernetes | Check:
    """Return what was read; where it says nothing of a check, that check's only line. `about` is what the line is
    about.
    """
    found = known(view.preparation.kubernetes)
    if isinstance(found, Unreadable):
        return Check(fault, Verdict.UNKNOWN, f"{about}: {found.reason}")
    return found if found.here else Check(fault, Verdict.NOT_APPLICABLE, f"{about}: {NOT_HERE}")


def install_cni(view: View) -> str:
    """Return the command that has the install-cni of the DaemonSet write Calico's CNI files again on this host."""
    return delete_pod(view, view.me)
