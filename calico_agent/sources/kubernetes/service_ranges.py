"""The range of service addresses, from the control plane's programs where they run on this host.

Elsewhere at least one of the addresses: kubelet tells every pod that of the API, and so kube-proxy where it is a pod.

Only root's are believed: any user can call a process kube-apiserver.
"""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network

import psutil

from calico_agent.model.calico.service_ranges import ServiceRange, ServiceRanges
from calico_agent.model.network.address import address_in
from calico_agent.model.observation import Unreadable
from calico_agent.sources.host.processes import ENDED, command_line, in_our_network, is_root, pids_named
from calico_agent.sources.kubernetes.decode.service_ranges import decode_service_ranges

# As the kernel cuts names: 15 characters.
_PROGRAMS = {
    "kube-apiserver": "kube-apiserver",
    "kube-controller": "kube-controller-manager",
    "kube-proxy": "kube-proxy",
}
_API_SERVER = "KUBERNETES_SERVICE_HOST"


def read_service_ranges() -> ServiceRanges | Unreadable:
    """All that are named."""
    try:
        return ServiceRanges(tuple(dict.fromkeys(_ranges())))
    except OSError as error:
        return Unreadable("services", f"the processes of this host cannot be read: {error.strerror}", "denied")


def _ranges() -> Iterator[ServiceRange]:
    for pid in pids_named(_PROGRAMS):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            program = _PROGRAMS.get(process.name()[:15])
            if not program or not is_root(process) or not in_our_network(pid):
                continue
            yield from decode_service_ranges(program, command_line(process))
            if (server := address_in(process.environ().get(_API_SERVER, ""))) is not None:
                yield ServiceRange(ip_network(server), f"{_API_SERVER} of {program}")
