"""Which findings explain which: one problem is a root cause with everything that follows from it.

Each rule says: a finding of these codes explains findings of those codes, if both are about the same node, the same
prefix or tunnel device, or if the cause lies in this host itself. What keeps BIRD from its work explains no route that
Felix writes, and the other way round. The first rule that finds a cause wins, so what is near stands before what is
far: a peer's own fault explains its missing session before a fault of this host does. `faults.correlate` joins findings
by them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from calico_agent.model.finding import Finding, Writer


class Link(Enum):
    """What cause and consequence have in common."""

    PREFIX = "the same prefix"
    NODE = "the same node"
    DEVICE = "the same tunnel device"
    HERE = "this host"


@dataclass(frozen=True, slots=True)
class Rule:
    """Findings of `causes` explain findings of `effects`; of those about routes only `writer`'s, where one is named."""

    causes: tuple[str, ...]
    effects: frozenset[str]
    link: Link
    writer: Writer | None = None

    def explains(self, one: Finding) -> bool:
        """Whether a finding of one of the effects is of this writer, or of one that is not known."""
        return self.writer is None or one.writer in {None, self.writer}


def _rule(causes: str, effects: Iterable[str], link: Link, writer: Writer | None = None) -> Rule:
    return Rule(tuple(causes.split()), frozenset(effects), link, writer)


_ROUTES = frozenset(
    {
        "RT-MISSING",
        "RT-FILTERED",
        "RT-BORROWED-MISSING",
        "RT-TUNNEL-ADDRESS",
        "RT-WRONG-NEXTHOP",
        "RT-WRONG-DEVICE",
        "RT-BLACKHOLE",
        "RT-UNREACHABLE",
        "RT-ECMP",
        "RT-TUNNEL",
    }
)
_TABLE = _ROUTES | {"RT-STALE", "RT-BLACKHOLE-MISSING"}
_WORKLOADS = frozenset({"RT-WORKLOAD-MISSING", "RT-WORKLOAD-ELSEWHERE"})  # Felix alone brings these, and no peer
_SESSIONS = frozenset({"BGP-DOWN", "BGP-NO-SESSION", "BGP-NO-REFLECTOR", "BGP-NO-ROUTES", "BGP-RECOVERING"})
_AWAY = _SESSIONS | _ROUTES | {"BGP-UNKNOWN-PEER", "RT-NEXTHOP-DEAD"}
_CONFIGURED = frozenset({"BGP-NO-SESSION", "BGP-STALE-SESSION", "BGP-STALE-AS"})
_BIRD = frozenset({"BIRD-DOWN", "BIRD-HUNG", "BIRD-UNREADABLE"})
_UNREAD = frozenset({"HOST-UNREADABLE", "KERNEL-UNREADABLE", "DOCKER-UNREADABLE", "DS-UNREADABLE", "BIRD-UNREADABLE"})
_RECORD = frozenset({"IP-NOT-LOCAL", "IP-BRIDGE", "IP-MISMATCH", "NODE-NO-RECORD", "NODE-NO-ADDRESS"})
_NO_CONTAINER = "SV-ABSENT SV-CRASHLOOP SV-STOPPED SV-EXITED SV-NOT-RUNNING"
_REFUSALS = "IP-AMBIGUOUS IP-NONE IP-REJECTED IP-UNKNOWN NAME-LOCALHOST NAME-INVALID NAME-UNKNOWN"
_GUARDS = "NAME-CLAIMED NAME-CLONED IP-CONFLICT SV-RIVAL SV-PORT"

RULES = (
    _rule("AGENT-FILES", _UNREAD | {"BIRD-HUNG"}, Link.HERE),
    # What is known about the prefix or the node itself.
    _rule("RT-DUPLICATE-AFFINITY", {"RT-UNCLAIMED"}, Link.PREFIX),
    _rule("RT-DUPLICATE-AFFINITY RT-UNCLAIMED RT-BLOCK-GONE", _TABLE, Link.PREFIX),
    _rule("IP-BRIDGE IP-CONFLICT NAME-TWICE IP-ELSEWHERE", _AWAY, Link.NODE),
    _rule("IP-BRIDGE IP-CONFLICT IP-ELSEWHERE IP-NOT-LOCAL", {"IP-PREFIX"}, Link.NODE),
    _rule("IP-CONFLICT", {"IP-CONFLICT"}, Link.PREFIX),
    _rule("RT-OVERLAP", _AWAY | {"RT-SHADOWED"}, Link.NODE),
    _rule("RT-OVERLAP", {"RT-FOREIGN", "RT-SHADOWED"}, Link.PREFIX),
    _rule("DS-BAD-KEY", _SESSIONS | _ROUTES | {"NODE-NO-RECORD", "BGP-UNKNOWN-PEER"}, Link.NODE),
    _rule("RT-NEXTHOP-DEAD RT-NEIGHBOUR", _SESSIONS | _ROUTES, Link.NODE),
    _rule("RT-TUNNEL-DEVICE", _ROUTES, Link.DEVICE),
    _rule("RT-LINK-DOWN", _SESSIONS | _TABLE | {"RT-NEXTHOP-DEAD", "DS-UNREADABLE", *_REFUSALS.split()}, Link.HERE),
    _rule("RT-LINK-DOWN", {"IP-CHANGED", "IP-NOT-LOCAL"}, Link.HERE),  # the kernel takes IPv6 addresses off it
    # What is wrong with this host: its name, then its record, then its container, then BIRD.
    _rule("NAME-MISMATCH NAME-CLAIMED NAME-CLONED", _RECORD, Link.NODE),
    _rule("NAME-MISMATCH", _SESSIONS | _TABLE | _WORKLOADS | _BIRD, Link.HERE),
    _rule(_REFUSALS, {"SV-ABSENT", "SV-NOT-RUNNING"}, Link.HERE),
    _rule(_GUARDS, {"SV-ABSENT", "SV-NOT-RUNNING", "SV-EXITED"}, Link.HERE),
    _rule("SV-IMAGE", {"SV-ABSENT", "SV-DRIFT"}, Link.HERE),
    _rule("SV-ROLLED-BACK", {"SV-DRIFT"}, Link.HERE),
    _rule(f"{_NO_CONTAINER} SV-STUCK", {"NODE-NO-RECORD"}, Link.NODE),
    _rule("NAME-MISMATCH", {"RT-WORKLOAD-UNKNOWN", "RT-WORKLOAD-GONE"}, Link.HERE),
    _rule("NAME-CLAIMED IP-CONFLICT", {"RT-WORKLOAD-GONE"}, Link.HERE),  # the pods of the host that has the name
    _rule("NODE-NO-RECORD", {"RT-WORKLOAD-UNKNOWN", "RT-TUNNEL-DEVICE"}, Link.HERE),
    _rule("RT-ADDRESS-TWICE", {"RT-TUNNEL-DEVICE"}, Link.HERE),
    _rule("RT-ADDRESS-TWICE", {"RT-WRONG-NEXTHOP", "RT-TUNNEL"}, Link.NODE),
    _rule("RT-ADDRESS-TWICE RT-SHADOWED", {"RT-TUNNEL-ADDRESS"}, Link.PREFIX),
    _rule("SV-RESTARTING", _BIRD, Link.HERE),  # what does not run now, before what did not last then
    _rule(_NO_CONTAINER, _SESSIONS | _TABLE | _WORKLOADS | _BIRD, Link.HERE),
    _rule("SV-CRASHLOOP", {"SV-STUCK", "SV-NOT-RUNNING"}, Link.HERE),
    _rule("IP-CHANGED", _SESSIONS | _TABLE | {"SV-DRIFT", "IP-NONE", "IP-AMBIGUOUS"}, Link.HERE),
    _rule("IP-BRIDGE IP-NOT-LOCAL IP-CONFLICT NODE-NO-RECORD NODE-NO-ADDRESS", _SESSIONS | _TABLE, Link.HERE),
    _rule("DOCKER-DOWN", {"BIRD-DOWN"}, Link.HERE),
    _rule("SV-STUCK", _BIRD, Link.HERE),
    _rule("NODE-NO-RECORD NODE-NO-ADDRESS", _BIRD, Link.HERE),
    _rule("BIRD-DOWN BIRD-HUNG SV-RESTARTING", _SESSIONS | _TABLE | {"BGP-STALE-SESSION"}, Link.HERE, Writer.BIRD),
    _rule("SV-CONFD", _CONFIGURED | _BIRD, Link.HERE),
    _rule("BIRD-DISABLED BIRD-LINK", _TABLE, Link.HERE, Writer.BIRD),
    _rule("BIRD-LINK", _SESSIONS, Link.HERE),
    _rule(f"{_NO_CONTAINER} SV-FELIX", {"RT-WIREGUARD"}, Link.HERE),
    _rule("SV-FELIX", _TABLE | _WORKLOADS | {"RT-TUNNEL-DEVICE"}, Link.HERE, Writer.FELIX),
    _rule("RT-TUNNEL-DEVICE", {"RT-STALE", "RT-BLACKHOLE-MISSING"}, Link.HERE, Writer.FELIX),
    _rule("BGP-PORT", _SESSIONS | _ROUTES, Link.HERE, Writer.BIRD),
    _rule("BGP-NO-PEERS BGP-ISOLATED", _ROUTES, Link.HERE, Writer.BIRD),
    _rule("DS-UNREADABLE", {"SV-STUCK"}, Link.HERE),
    _rule(f"{_GUARDS} BGP-PORT", {"HOST-PORT"}, Link.HERE),
    _rule("HOST-RPFILTER HOST-MODULE", {"SV-FELIX"}, Link.HERE),
    _rule("HOST-MODULE", {"RT-TUNNEL-DEVICE", "RT-WIREGUARD"}, Link.HERE),
    _rule("RT-NO-FORWARDING", {"HOST-FORWARD"}, Link.HERE),
    _rule("HOST-DISK", {"DS-SNAPSHOT", "SV-ABSENT", "SV-IMAGE"}, Link.HERE),
    _rule("HOST-CERTIFICATE", {"HOST-ETCD", "DS-FILE", "DS-UNREADABLE"}, Link.HERE),
    _rule("HOST-ETCD", {"DS-UNREADABLE"}, Link.HERE),
    _rule("HOST-OTHER-CNI", {"RT-TUNNEL-DEVICE"}, Link.HERE),
    _rule("KERNEL-UNREADABLE", {"IP-UNKNOWN"}, Link.HERE),
    _rule("HOST-UNREADABLE", {"NAME-UNKNOWN"}, Link.HERE),
    _rule("IP-MISMATCH", _SESSIONS | _ROUTES, Link.HERE),
    _rule("IP-MISMATCH IP-CHANGED", {"RT-SOURCE"}, Link.HERE),
    _rule("RT-TUNNEL-DEVICE", {"RT-SOURCE"}, Link.DEVICE),
    # A session and what came through it.
    _rule("BGP-STALE-AS", {"BGP-DOWN"}, Link.NODE),
    _rule("BGP-NAT", _SESSIONS | _ROUTES, Link.NODE),
    _rule("BGP-DOWN BGP-NO-SESSION BGP-NO-ROUTES BGP-NO-PATH", _ROUTES, Link.NODE, Writer.BIRD),
    _rule("BGP-DOWN BGP-NO-SESSION", {"BGP-RECOVERING", "BGP-NO-REFLECTOR"}, Link.NODE),
    _rule("BGP-NO-REFLECTOR", _ROUTES, Link.HERE, Writer.BIRD),
    _rule("RT-MISSING", {"RT-TUNNEL"}, Link.NODE),
    _rule("BGP-RECOVERING", _TABLE, Link.HERE, Writer.BIRD),
)
ALIKE = _ROUTES | {
    "RT-STALE",
    "RT-BLACKHOLE-MISSING",
    "RT-WORKLOAD-MISSING",
    "RT-WORKLOAD-UNKNOWN",
    "RT-WORKLOAD-ELSEWHERE",
    "RT-WORKLOAD-GONE",
    "RT-DIVERTED",
    "RT-FOREIGN",
    "RT-SHADOWED",
    "RT-SOURCE",
    "RT-OVERLAP",
    "RT-NEXTHOP-DEAD",
    "BGP-NO-PATH",
    "DS-BAD-KEY",
}
# One thing to do, whatever the number of nodes.
ONE_FOR_ALL = frozenset({"BGP-NAT"})


# Not knowing is a warning, whatever follows from it; any other cause weighs at least as much as its consequences.
BLIND = frozenset({"DS-UNREADABLE", "KERNEL-UNREADABLE", "HOST-UNREADABLE"})

# Named after the peer that is waited for or lost, it is this host that waits or loses.
ALWAYS_HERE = frozenset({"BGP-RECOVERING", "BGP-NO-REFLECTOR"})
BOTH_FAMILIES = frozenset({"BGP-PORT", "BGP-NO-PEERS", "RT-LINK-DOWN", "RT-TUNNEL-DEVICE"})
# Of several things of these kinds about one node each is a problem of its own; of many nodes they are one.
ALIKE_OF_MANY = frozenset(
    {
        "BGP-DOWN",
        "BGP-NO-SESSION",
        "BGP-STALE-SESSION",
        "RT-WIREGUARD",
        "NODE-NO-RECORD",
        "IP-PREFIX",
    }
)
