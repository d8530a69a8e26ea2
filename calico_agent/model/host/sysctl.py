"""The kernel's settings (sysctl) that Calico depends on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

IP_FORWARD = "net.ipv4.ip_forward"
IPV6_FORWARDING = "net.ipv6.conf.all.forwarding"
CONNTRACK_MAX = "net.netfilter.nf_conntrack_max"
CONNTRACK_COUNT = "net.netfilter.nf_conntrack_count"


@dataclass(frozen=True, slots=True)
class Sysctls:
    """Settings by name, as they are in this network namespace; one that the kernel does not have is not there.

    `unread` says of others why they could not be read. `rp_filters` are net.ipv4.conf.*.rp_filter by the name of the
    link, with `all` and `default`: 0 no check of source addresses, 1 strict, 2 loose; the greater one of a link's and
    of `all` holds for it (Documentation/networking/ip-sysctl.rst@v6.12).
    """

    values: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    rp_filters: Mapping[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int | None:
        """A setting that is a number; None where it is not there, or not known."""
        try:
            return int(self.values[name])
        except (KeyError, ValueError):
            return None
