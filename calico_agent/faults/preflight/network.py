"""What lets packets in, out and through a host: ports, forwarding, firewall, network managers."""

from calico_agent.faults.bgp.peering import BGP_PORT
from calico_agent.faults.node.container import START_REFUSED
from calico_agent.faults.routes.links import RT_NO_FORWARDING
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

HOST_FORWARD = Fault(
    code="HOST-FORWARD",
    title="this host does not forward packets",
    condition=ConditionType.HOST_PREPARED,
    explained_by=(this_host(RT_NO_FORWARDING),),
    explanation="""\
The kernel drops every packet that is not its own: pods here reach nothing outside of this host, and
nobody reaches them. From v3.15 on Felix switches forwarding on when it starts, unless ipForwarding
is Disabled; older releases leave that to dockerd, or to you. A sysctl.d file, or a hardening tool
that is run later, switches it off again.

Found in net.ipv4.ip_forward, and net.ipv6.conf.all.forwarding where this node has an IPv6 address.
Before a calico/node is started that switches it on, 0 is no fault.

`sysctl -w net.ipv4.ip_forward=1` mends it at once. Remove what sets it to 0 in /etc/sysctl.conf or
/etc/sysctl.d, or it comes back with the next boot.""",
)

HOST_PORT = Fault(
    code="HOST-PORT",
    title="a port that calico/node listens on is another program's",
    condition=ConditionType.HOST_PREPARED,
    explained_by=(this_host(*START_REFUSED, BGP_PORT),),
    explanation="""\
BIRD waits for its peers on port 179, Felix tells its health on 9099 and its metrics on 9091, where
they are told to. Another BGP daemon (bird, FRR, a second calico/node) or an exporter may have the
port already.

Found by asking the kernel for the sockets that listen, and by looking for their owner among the
processes of this host, which takes root.

Stop the other program, or give Felix another port (healthPort, prometheusMetricsPort).""",
)

HOST_FIREWALL = Fault(
    code="HOST-FIREWALL",
    title="this host's firewall drops what nodes send each other",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
BGP (TCP, port 179 or listenPort), VXLAN (UDP 4789 or vxlanPort), IPIP (IP protocol 4) and WireGuard
(UDP 51820 and 51821) must pass between all nodes. Without BGP there are no routes; where a tunnel's
packets are dropped routes look right and pods do not reach each other.

Found by following such a packet through every rule that is in force, of iptables-legacy,
iptables-nft and nft: chains, jumps, sets, marks, policies. One that depends on what is not known
(a set of ipset, a match that is not understood) cannot be told. With `ACCEPT` in one table a packet
may still be dropped in another: nftables asks all of them. A rate limit is taken as not reached.

The cure is for the manager that owns the rules (firewall-cmd, ufw), or for the table itself; a rule
that is put into the table of a manager is gone when that reloads. Where several places drop it the
next one is told when the first is cured.""",
)

HOST_FIREWALL_PODS = Fault(
    code="HOST-FIREWALL-PODS",
    title="this host's firewall drops what it forwards for pods",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Packets of pods are forwarded by their hosts. Docker sets the policy of FORWARD to DROP, firewalld
and the iptables service of some distributions reject what is forwarded. Felix accepts what
Calico's policies allow: up to Calico v3.15 before all rules of the host, since v3.16 by the last
rule of FORWARD, after them; and only in the tables of the one kind of iptables that it uses. Node
ports whose pods are elsewhere need kube-proxy's accept (chain KUBE-FORWARD).

Found by following such packets, which Calico's policies are taken to allow, through every rule that
is in force. Before calico/node has run here its rules are added in thought, for the release that
its image names.

Let the networks of the pods pass, in the place that drops them, as the cure says.""",
)

HOST_NETWORK_MANAGER = Fault(
    code="HOST-NETWORK-MANAGER",
    title="NetworkManager may take Calico's links for its own",
    severity=Severity.WARNING,
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
NetworkManager manages every link that nothing excepts: it may give a pod's link or a tunnel device
addresses and routes of its own, and take away those of Calico.

Found in its files ([keyfile] unmanaged-devices and [device] sections, in the order in which it
reads them) while it runs, and in udev's rule for veth links, which newer versions bring along.

Tell it to leave `cali*`, `tunl*`, `vxlan.calico` and the devices of WireGuard alone, as the cure
does, and reload it.""",
)

HOST_NETWORKD = Fault(
    code="HOST-NETWORKD",
    title="systemd-networkd takes links or routes of Calico's for its own",
    severity=Severity.WARNING,
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
A .network file whose [Match] section is too wide makes systemd-networkd configure the links of pods
and tunnels: it deletes the addresses and routes that Calico gives them. From the links that are its
own it deletes, each time that it configures them (when it starts, and when a cable is back), every
route that it did not make, unless ManageForeignRoutes=no; likewise policy rules, which WireGuard
needs, unless ManageForeignRoutingPolicyRules=no.

Found in its own account of the links (/run/systemd/netif/links), in the .network files for those
that are not there yet, and in networkd.conf with its drop-ins, while it runs.

A file `00-calico.network` with `Unmanaged=yes` for Calico's links, and ManageForeignRoutes=no in
/etc/systemd/networkd.conf.d, as the cure writes them.""",
)
