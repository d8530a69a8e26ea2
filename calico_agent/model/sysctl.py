"""The kernel's settings (sysctl) that Calico depends on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

IP_FORWARD = "net.ipv4.ip_forward"
IPV6_FORWARDING = "net.ipv6.conf.all.forwarding"


@dataclass(frozen=True, slots=True)
class Sysctls:
    """Settings by name, as they are in this network namespace; one that the kernel does not have is not there.

    `unread` says of others why they could not be read.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int | None:
        """A setting that is a number; None where it is not there, or not known."""
        try:
            return int(self.values[name])
        except (KeyError, ValueError):
            return None
