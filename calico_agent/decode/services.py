"""The range of service addresses, by the command lines of the programs that give them out (kube-apiserver, and
kube-controller-manager, which gives nodes no addresses of it)."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from calico_agent.model.services import ServiceRange

_FLAG = "--service-cluster-ip-range"


def decode_service_ranges(program: str, arguments: Sequence[str]) -> Iterator[ServiceRange]:
    """One for each family; what is no network is left out."""
    for at, argument in enumerate(arguments):
        name, given, value = argument.partition("=")
        if name != _FLAG:
            continue
        for text in (value if given else "".join(arguments[at + 1 : at + 2])).split(","):
            try:
                yield ServiceRange(ip_network(text.strip(), strict=False), f"{_FLAG} of {program}")
            except ValueError:
                continue
