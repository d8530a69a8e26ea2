"""Whether the host's own firewall lets through what Calico needs: BGP and tunnels between nodes, and packets of pods.

A firewall of which a part could not be read proves nothing good, while what one of its rules drops is dropped all the
same. Where Felix has not run yet its rules are added in thought: `felix_rules`.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from calico_agent.checks.preflight.firewall.felix_rules import TOLD, Tunnels, by_ebpf, has_felix, ways, with_felix
from calico_agent.checks.preflight.firewall.firewall_cures import forward, let_in, words_of
from calico_agent.checks.preflight.firewall.judged import Judged, judge, merged
from calico_agent.checks.preflight.firewall.traffic import (
    Traffic,
    answers_of_bgp,
    between_nodes,
    networks_of,
    of_pods,
    of_services,
    other_nodes,
    own_address,
    pools_of,
    tunnels_of,
)
from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.release import coming_release
from calico_agent.checks.preflight.uses import environment, uses_family
from calico_agent.expected.view import View
from calico_agent.faults.preflight.network import HOST_FIREWALL, HOST_FIREWALL_PODS
from calico_agent.model.calico.release import Release
from calico_agent.model.finding import Fault
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.firewall import Firewall
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.unreadable import Unreadable
from calico_agent.text import listed

_TO_NODES = frozenset(("BGP", "VXLAN", "IPIP", "WireGuard"))
_WHY = {
    "BGP": "without BGP there are no routes between this host's pods and the others'",
    "VXLAN": "packets between pods of different nodes travel in VXLAN, and are lost while routes look right",
    "IPIP": "packets between pods of different nodes travel in IPIP, and are lost while routes look right",
    "WireGuard": "packets between pods of different nodes travel in WireGuard, and are lost while routes look right",
    "pods": "what this host forwards for pods is lost, whatever Calico's policies allow and routes say",
    "services": "a node port answers only where the pod is on the same node",
}


def check_firewall(view: View) -> Iterator[Check]:
    """Yield a line for each kind of packet, by family."""
    firewall = known(view.preparation.firewall)
    if isinstance(firewall, Unreadable):
        what = f"the firewall is not known: {firewall.reason}"
        yield Check(HOST_FIREWALL, Verdict.UNKNOWN, what, _WHY["pods"], "nft list ruleset")
        return
    for family in (family for family in Family if uses_family(view, family)):
        asked = tuple(_asked(view, firewall, family))
        told = {name: value for name, value in environment(view).items() if name in TOLD}
        judged = _JUDGED[family](firewall, family, coming_release(view), told, tunnels_of(view, family), asked)
        for name, group in groupby(judged, key=lambda one: one.traffic.name):
            found = list(group)
            check = _check_nodes if name in _TO_NODES else _check_pods
            yield check(view, firewall, family, found, max(found, key=lambda one: one.gravity))
        if by_ebpf(firewall):
            what = "what the firewall does to packets of pods is not known: Felix's eBPF dataplane forwards them"
            yield Check(HOST_FIREWALL_PODS, Verdict.UNKNOWN, what, subject=_named("packets between pods", family))


_Asked = tuple[Traffic, Mapping[str, IPAddress]]


def _asked(view: View, firewall: Firewall, family: Family) -> Iterator[_Asked]:
    """Which packets are followed, each with the nodes that it may come from or go to."""
    nodes = other_nodes(view, family)
    dialled = _dialled(view, family, nodes)
    for name, kinds in groupby(between_nodes(view, family), key=lambda traffic: traffic.name):
        yield from ((traffic, nodes) for traffic in kinds)
        if name == "BGP" and dialled:
            yield answers_of_bgp(view, family), dialled
    if by_ebpf(firewall):
        return
    yield from ((traffic, {}) for traffic in of_pods(view, family))
    if firewall.masquerading.services:
        yield from ((traffic, {}) for traffic in of_services(view, family))


def _judge_all(
    firewall: Firewall,
    family: Family,
    release: Release | None,
    told: Mapping[str, str],
    tunnels: Tunnels,
    asked: tuple[_Asked, ...],
) -> tuple[Judged, ...]:
    """By the rules that are there; before Felix has written its own, by each way in which it may write them."""
    if has_felix(firewall):
        return tuple(judge(firewall, traffic, nodes) for traffic, nodes in asked)
    name = "ip" if family is Family.IPV4 else "ip6"
    to_come = [with_felix(firewall, name, way, release, tunnels) for way in ways(firewall, release, told)]
    return tuple(merged([judge(one, traffic, nodes) for one in to_come]) for traffic, nodes in asked)


# Rules are read once a minute, and followed only when they or the nodes have changed.
_JUDGED = {family: LastValueCache(_judge_all) for family in Family}


def _dialled(view: View, family: Family, nodes: Mapping[str, IPAddress]) -> Mapping[str, IPAddress]:
    """The nodes to which this host opens the session; in Calico v2 both sides try."""
    own, release = own_address(view, family), coming_release(view)
    both = own is None or (release is not None and release[0] == 2)
    return nodes if both else _LOWER[family](str(own), nodes)


def _lower(own: str, nodes: Mapping[str, IPAddress]) -> Mapping[str, IPAddress]:
    return {name: address for name, address in nodes.items() if str(address) < own}


_LOWER = {family: LastValueCache(_lower) for family in Family}


def _check_nodes(view: View, firewall: Firewall, family: Family, found: list[Judged], worst: Judged) -> Check:
    cure = let_in(worst.culprits[0], worst.traffic, networks_of(view, family, worst.dropped)) if worst.culprits else ""
    severity = Verdict.FAILURE if _is_vital(view, family, worst) else Verdict.WARNING
    return _check(HOST_FIREWALL, firewall, family, found, worst, severity, cure)


def _check_pods(view: View, firewall: Firewall, family: Family, found: list[Judged], worst: Judged) -> Check:
    cure = forward(worst.culprits[0], [pool.cidr for pool in pools_of(view, family)]) if worst.culprits else ""
    severity = Verdict.FAILURE if worst.traffic.name == "pods" else Verdict.WARNING
    return _check(HOST_FIREWALL_PODS, firewall, family, found, worst, severity, cure)


def _is_vital(view: View, family: Family, judged: Judged) -> bool:
    """Whether something does not work now: of BGP, only the side that opens the session need be let in."""
    nodes = other_nodes(view, family)
    if judged.traffic.port and judged.traffic.name == "BGP":
        dialled = _dialled(view, family, nodes).keys()
        needed = nodes.keys() - dialled if judged.traffic.way == "from" else dialled
        return not needed.isdisjoint(judged.dropped)
    return not nodes.keys().isdisjoint(judged.dropped)


def _check(
    fault: Fault, firewall: Firewall, family: Family, found: list[Judged], worst: Judged, severity: Verdict, cure: str
) -> Check:
    subject = _subject(found[0].traffic, family)
    why = _WHY[found[0].traffic.name]
    if worst.dropped:
        what = f"{_packets(worst)} are dropped by {words_of(worst.culprits[0])}"
        return Check(fault, severity, what, why, cure, subject)
    if worst.unclear_for:
        rule = worst.unclear[0] if worst.unclear else "rules that are not there yet"
        what = f"whether {_packets(worst)} pass the firewall cannot be told: it depends on {rule}"
        return Check(fault, Verdict.UNKNOWN, what, why, subject=subject)
    if firewall.unread:
        what = f"{subject}: nothing that was read drops it, but {firewall.unread[0].reason}"
        return Check(fault, Verdict.UNKNOWN, what, why, subject=subject)
    return Check(fault, Verdict.OK, f"the firewall lets {subject} pass", subject=subject)


def _subject(traffic: Traffic, family: Family) -> str:
    name = {"pods": "packets between pods", "services": "node ports"}.get(traffic.name, traffic.name)
    port = f" ({traffic.detail})" if traffic.detail else ""
    return _named(f"{name}{port}", family)


def _named(what: str, family: Family) -> str:
    return what if family is Family.IPV4 else f"{what} over IPv6"


def _packets(judged: Judged) -> str:
    traffic = judged.traffic
    if traffic.name in {"pods", "services"}:
        return f"packets {traffic.way}"
    nodes = sorted(judged.dropped or judged.unclear_for)
    where = listed(tuple(nodes)) if nodes != [""] else "other nodes"
    if not traffic.detail:
        return f"answers of {traffic.name} {traffic.way} {where}"
    return f"packets of {traffic.name} ({traffic.detail}) {traffic.way} {where}"
