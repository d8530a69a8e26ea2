"""Certificates that were renewed on this host and have not reached calico/node."""

from collections.abc import Iterator

from calico_agent.checks.commands import restart_here
from calico_agent.expected.view import View
from calico_agent.faults.node.supervision import SV_CERTIFICATE
from calico_agent.model.finding import Finding
from calico_agent.model.settings import DriftPolicy
from calico_agent.text import listed


def find_certificates(view: View) -> Iterator[Finding]:
    """Yield one for all files of which the container has another content."""
    container = view.local.container
    if container is None or not container.running or not container.outdated:
        return
    one = len(container.outdated) == 1
    restarted = (
        view.supervising is not None
        and container.managed
        and view.supervising.settings.on_drift is DriftPolicy.REPLACE
        and not view.succession.barred
    )
    yield SV_CERTIFICATE.finding(
        container.outdated[0],
        f"{listed(container.outdated)} {'was' if one else 'were'} renewed, and calico/node still has "
        f"the {'one' if one else 'ones'} of before",
        why=f"container {container.name} has mounted the file that was there when it was started",
        effect="none until the old one expires: then calico/node loses etcd, and follows the cluster no more",
        cure=f"calico-agent restarts {container.name}" if restarted else restart_here(view),
        node=view.me,
    )
