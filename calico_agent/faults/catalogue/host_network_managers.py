"""Catalogue: programs that configure the links of the host."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.HOST_PREPARED)

ENTRIES = (
    _entry(
        "HOST-NETWORK-MANAGER",
        "NetworkManager may take Calico's links for its own",
        """\
NetworkManager manages every link that nothing excepts: it may give a pod's link or a tunnel device
addresses and routes of its own, and take away those of Calico.

Found in its files ([keyfile] unmanaged-devices and [device] sections, in the order in which it
reads them) while it runs, and in udev's rule for veth links, which newer versions bring along.

Tell it to leave `cali*`, `tunl*`, `vxlan.calico` and the devices of WireGuard alone, as the cure
does, and reload it.""",
        Severity.WARNING,
    ),
    _entry(
        "HOST-NETWORKD",
        "systemd-networkd takes links or routes of Calico's for its own",
        """\
A .network file whose [Match] section is too wide makes systemd-networkd configure the links of pods
and tunnels: it deletes the addresses and routes that Calico gives them. From the links that are its
own it deletes, each time that it configures them (when it starts, and when a cable is back), every
route that it did not make, unless ManageForeignRoutes=no; likewise policy rules, which WireGuard
needs, unless ManageForeignRoutingPolicyRules=no.

Found in its own account of the links (/run/systemd/netif/links), in the .network files for those
that are not there yet, and in networkd.conf with its drop-ins, while it runs.

A file `00-calico.network` with `Unmanaged=yes` for Calico's links, and ManageForeignRoutes=no in
/etc/systemd/networkd.conf.d, as the cure writes them.""",
        Severity.WARNING,
    ),
)
