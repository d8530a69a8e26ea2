"""The range of service addresses, by the command lines of the programs that give them out (kube-apiserver, and
kube-controller-manager, which gives nodes no addresses of it)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_network

from calico_agent.model.calico.service_ranges import ServiceRange
from calico_agent.sources.kubernetes.decode.flags import flag_values

_FLAG = "service-cluster-ip-range"


def decode_service_ranges(program: str, arguments: Sequence[str]) -> Iterator[ServiceRange]:
    """One for each family; what is no network is left out."""
    for text in flag_values(arguments, {_FLAG}).get(_FLAG, "").split(","):
        with suppress(ValueError):
            yield ServiceRange(ip_network(text.strip(), strict=False), f"--{_FLAG} of {program}")
