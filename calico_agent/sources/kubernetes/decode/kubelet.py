"""What the kubelet was told about this host's name and address, by its command line.

Both are flags only; a KubeletConfiguration file cannot hold them, because it may be shared by many hosts
(cmd/kubelet/app/options/options.go@kubernetes v1.31).
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from calico_agent.model.host.machine import Kubelet
from calico_agent.model.network.address import IPAddress
from calico_agent.sources.kubernetes.decode.flags import flag_values

_NODE_IP, _HOSTNAME_OVERRIDE = "node-ip", "hostname-override"
_LONGEST_NAME = 253


def decode_kubelet(pid: int, command_line: Sequence[str]) -> Kubelet:
    """The kubelet with this command line. A value that is no address is as good as none: kubelet refuses it, too."""
    flags = flag_values(command_line[1:], {_NODE_IP, _HOSTNAME_OVERRIDE})
    return Kubelet(pid, tuple(_addresses(flags.get(_NODE_IP, ""))), flags.get(_HOSTNAME_OVERRIDE, "")[:_LONGEST_NAME])


def _addresses(text: str) -> Iterator[IPAddress]:
    """The addresses of a comma list, one of each family. 0.0.0.0 and :: leave the choice to kubelet.

    One with a scope is link-local, and no node's.
    """
    for item in text.split(",")[:2]:
        try:
            address = ip_address(item.strip())
        except ValueError:
            continue
        if not address.is_unspecified and "%" not in item:
            yield address
