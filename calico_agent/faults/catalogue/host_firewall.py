"""Catalogue: the host's own firewall."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType

_entry = partial(Entry, condition=ConditionType.HOST_PREPARED)

ENTRIES = (
    _entry(
        "HOST-FIREWALL",
        "this host's firewall drops what nodes send each other",
        """\
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
    ),
    _entry(
        "HOST-FIREWALL-PODS",
        "this host's firewall drops what it forwards for pods",
        """\
Packets of pods are forwarded by their hosts. Docker sets the policy of FORWARD to DROP, firewalld
and the iptables service of some distributions reject what is forwarded. Felix accepts what
Calico's policies allow: up to Calico v3.15 before all rules of the host, since v3.16 by the last
rule of FORWARD, after them; and only in the tables of the one kind of iptables that it uses. Node
ports whose pods are elsewhere need kube-proxy's accept (chain KUBE-FORWARD).

Found by following such packets, which Calico's policies are taken to allow, through every rule that
is in force. Before calico/node has run here its rules are added in thought, for the release that
its image names.

Let the networks of the pods pass, in the place that drops them, as the cure says.""",
    ),
)
