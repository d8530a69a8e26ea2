"""What the kernel of a host must offer before calico/node starts there."""

from calico_agent.model.finding import ConditionType, Fault, Severity

HOST_RPFILTER = Fault(
    code="HOST-RPFILTER",
    title="the kernel's check of source addresses does not suit Felix",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Felix before v3.12 relies on the kernel (rp_filter) to keep pods from sending with addresses of
others. Where net.ipv4.conf.all.rp_filter is 2 (loose) it ends at its start, again and again, unless
IgnoreLooseRPF is true. systemd's own sysctl.d files set 2 on many distributions. Later releases
check sources themselves, and any value does.

Found in net.ipv4.conf.all.rp_filter, in those of the links of pods, and by the tag of the image of
calico/node.

`sysctl -w net.ipv4.conf.all.rp_filter=1`, and the same in that file of /etc/sysctl.d which is read
last.""",
)

HOST_CONNTRACK = Fault(
    code="HOST-CONNTRACK",
    title="the kernel's table of connections is nearly full",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Every connection of every pod takes an entry. When the table is full the kernel drops the first
packet of each new connection and writes `nf_conntrack: table full, dropping packet` into its log:
some connections hang, others do not.

Found in net.netfilter.nf_conntrack_count and nf_conntrack_max: a warning from 80 % on, a failure
from 98 % on.

Make it larger with `sysctl -w net.netfilter.nf_conntrack_max=1000000`, which is what calicoctl
does, or with kube-proxy's --conntrack-min. An entry takes some 300 bytes.""",
)

HOST_MODULE = Fault(
    code="HOST-MODULE",
    title="the kernel lacks something that this Calico needs",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Felix's rules need some parts of netfilter and ipset, and each encapsulation its kind of tunnel. A
slim kernel package leaves some out; after an upgrade of the kernel the modules of the running one
may be gone until the next boot.

Found in modules.dep, modules.builtin, /proc/modules, /sys/module and the kernel's configuration;
only what this Calico uses counts: the pools say which encapsulation.

`modprobe NAME` where the module is there, else install the package with the other modules of the
running kernel, or reboot into the new one.""",
)

HOST_MTU = Fault(
    code="HOST-MTU",
    title="packets are larger than what the host's link carries",
    severity=Severity.WARNING,
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
A tunnel puts 20 (IPIP), 50 (VXLAN) or 60 (WireGuard) bytes around each packet, and what is then
too large for the host's link is fragmented, or refused by an ICMP message. Where a firewall drops
either of them, connections hang as soon as much is sent.

Found by comparing the MTU of tunnel devices and of the links of pods, and those in the CNI
configuration and Felix's settings, with that of the link that has the node's address. What the
network between the hosts carries is not known here.

Set the MTU that the finding names, on all nodes, and start the pods anew: a link keeps the MTU with
which it was made.""",
)

HOST_CLOCK = Fault(
    code="HOST-CLOCK",
    title="the clock of this host goes wrong",
    severity=Severity.WARNING,
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Certificates that were just made are not valid yet for a clock that is behind, and expired ones are
for one that is ahead of the rest. Logs of several hosts cannot be laid side by side.

Found by comparing it with the Date of an HTTP answer of etcd's members: a warning from 5 seconds
on, a failure from 5 minutes on. Of several members the one in the middle counts.

Look whether a time service runs and is in step: `timedatectl`, `chronyc tracking`.""",
)
