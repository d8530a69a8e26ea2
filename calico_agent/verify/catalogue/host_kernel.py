"""Catalogue: what the host's kernel must be like for Calico."""

from functools import partial

from calico_agent.model.finding import ConditionType
from calico_agent.verify.catalogue.entry import Entry

_entry = partial(Entry, condition=ConditionType.HOST_PREPARED)

ENTRIES = (
    _entry(
        "HOST-FORWARD",
        "this host does not forward packets",
        """\
The kernel drops every packet that is not its own: pods here reach nothing outside of this host, and
nobody reaches them. Felix switches forwarding on when it starts; a sysctl.d file, or a hardening
tool that is run later, switches it off again.

Found in net.ipv4.ip_forward, and net.ipv6.conf.all.forwarding where this node has an IPv6 address.
Before calico/node was started 0 is no fault.

`sysctl -w net.ipv4.ip_forward=1` mends it at once. Remove what sets it to 0 in /etc/sysctl.conf or
/etc/sysctl.d, or it comes back with the next boot.""",
    ),
)
