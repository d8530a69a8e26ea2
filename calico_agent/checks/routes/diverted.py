"""What is said of packets that policy rules take away from the main table."""

from collections.abc import Iterator
from dataclasses import replace

from calico_agent.checks.route_verifier import RouteVerifier
from calico_agent.checks.routes.policy_rules import PolicyRouteOverride, PolicyRouteOverrides, answers
from calico_agent.checks.routes.route_findings import whose
from calico_agent.checks.sentences import ip_tool
from calico_agent.checks.traffic_impact import fate_with
from calico_agent.expected.pods import host_routes
from calico_agent.expected.routes import ExpectedRoute
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_DIVERTED
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import RuleAction, table_name
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import host_prefix


def diverted(view: View, route: ExpectedRoute, diversion: PolicyRouteOverride) -> Finding:
    """Return packets for an expected route that do not get to it."""
    return _finding(view, route.prefix, whose(route), diversion, f"wanted: {route.prefix} {route.way}; ")


def find_diverted(view: View, elsewhere: PolicyRouteOverrides, judge: RouteVerifier) -> Iterator[Finding]:
    """Yield packets for the pods of this host, and for a part of the addresses of another node that get elsewhere."""
    for prefix, diversion in elsewhere.own.items():
        yield _finding(view, prefix, f"{prefix}, pods of this host", diversion)
    for prefix, (around, diversion) in elsewhere.parts.items():
        if judge.verdict(around.way, diversion.paths):
            yield _finding(view, prefix, f"{prefix}, a part of {whose(around)}", diversion)
    for source, (route, diversion) in elsewhere.senders.items():
        if judge.verdict(route.way, diversion.paths):
            whom = f"pods of other nodes that come from {source}, of this host"
            yield replace(_finding(view, source, whom, diversion), severity=Severity.WARNING)


def find_answers(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield what this host sends to its own pods from its registered address, where a rule leads that elsewhere."""
    for family in Family:
        own = view.local.registered(family)
        if own is None or kernel.holder(own.ip) is None:
            continue
        pods = (route.address for route in host_routes(kernel) if route.gateway is None)
        if (found := answers(kernel, own.ip, pods)) is not None:
            yield _answer(view, own.ip, *found)


def _answer(view: View, own: IPAddress, pod: IPAddress, diversion: PolicyRouteOverride) -> Finding:
    rule, source = diversion.rule, host_prefix(own)
    whom = f"what this host sends from {own} to its own pods"
    into = f" into table {table_name(rule.table)} before the main table is asked"
    removal = f"{ip_tool(own.version)} rule del priority {rule.priority} {rule.words}"
    pool = view.cluster.pools.covering(key_of(host_prefix(pod))) if view.cluster is not None else None
    throw = f"{ip_tool(own.version)} route add throw {pool.cidr if pool else host_prefix(pod)} table {rule.table}"
    leads = rule.action is RuleAction.TABLE
    return RT_DIVERTED.finding(
        str(source),
        f"a policy rule {'leads' if leads else 'refuses'} {whom}{into if leads else ''}",
        why=f"rule: {rule}; found for {pod}: {diversion}",
        effect="connections between this host and its pods fail, as probes of the kubelet and those to programs in the "
        "host's network",
        cure=f"{throw} on this host, and the same in its network configuration; or {removal}, if nothing else needs it"
        if leads
        else f"{removal} on this host, if nothing else needs it",
        node=view.me,
        prefix=source,
    )


def _finding(view: View, prefix: IPNetwork, whom: str, diversion: PolicyRouteOverride, wanted: str = "") -> Finding:
    """The fault is this host's, whoever's pods it is about."""
    rule = diversion.rule
    table = table_name(rule.table)
    if rule.action is RuleAction.TABLE:
        what = f"a policy rule leads packets to {whom}, into table {table} before the main table is asked"
        effect = fate_with(diversion.paths[0])
    else:
        what = f"a policy rule refuses packets to {whom}"
        effect = f"packets to it are refused on this host ({rule.action.name.lower()})"
    return RT_DIVERTED.finding(
        str(prefix),
        what,
        why=f"{wanted}rule: {rule}{f'; found: {diversion}' if diversion.paths else ''}",
        effect=effect,
        cure=f"{ip_tool(prefix.version)} rule del priority {rule.priority} {rule.words} on this host, "
        "if nothing else needs it",
        node=view.me,
        prefix=prefix,
    )
