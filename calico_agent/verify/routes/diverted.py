"""What is said of packets that policy rules take away from the main table."""

from collections.abc import Iterator
from dataclasses import replace

from calico_agent.model.address import IPNetwork
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.policy import RuleAction, table_name
from calico_agent.verify.catalogue import finding
from calico_agent.verify.routes.expected import ExpectedRoute
from calico_agent.verify.routes.fate import fate_with
from calico_agent.verify.routes.judge import Judge
from calico_agent.verify.routes.policy import Diversion, Diversions
from calico_agent.verify.routes.words import whose
from calico_agent.verify.view import View

DIVERTED = "RT-DIVERTED"


def diverted(view: View, route: ExpectedRoute, diversion: Diversion) -> Finding:
    """Packets for an expected route that do not get to it."""
    return _finding(view, route.prefix, whose(route), diversion, f"wanted: {route.prefix} {route.way}; ")


def find_diverted(view: View, elsewhere: Diversions, judge: Judge) -> Iterator[Finding]:
    """Packets for the pods of this host, and for a part of the addresses of another node that get elsewhere."""
    for prefix, diversion in elsewhere.own.items():
        yield _finding(view, prefix, f"{prefix}, pods of this host", diversion)
    for prefix, (around, diversion) in elsewhere.parts.items():
        if judge.verdict(around.way, diversion.paths):
            yield _finding(view, prefix, f"{prefix}, a part of {whose(around)}", diversion)
    for source, (route, diversion) in elsewhere.senders.items():
        if judge.verdict(route.way, diversion.paths):
            whom = f"pods of other nodes that come from {source}, of this host"
            yield replace(_finding(view, source, whom, diversion), severity=Severity.WARNING)


def _finding(view: View, prefix: IPNetwork, whom: str, diversion: Diversion, wanted: str = "") -> Finding:
    """The fault is this host's, whoever's pods it is about."""
    rule = diversion.rule
    table = table_name(rule.table)
    if rule.action is RuleAction.TABLE:
        what = f"a policy rule leads packets to {whom}, into table {table} before the main table is asked"
        effect = fate_with(diversion.paths[0])
    else:
        what = f"a policy rule refuses packets to {whom}"
        effect = f"packets to it are refused on this host ({rule.action.name.lower()})"
    return finding(
        DIVERTED,
        str(prefix),
        what,
        why=f"{wanted}rule: {rule}{f'; found: {diversion}' if diversion.paths else ''}",
        effect=effect,
        cure=f"ip {'-6 ' if prefix.version == 6 else ''}rule del priority {rule.priority} {rule.words} on this host, "
        "if nothing else needs it",
        node=view.me,
        prefix=prefix,
    )
