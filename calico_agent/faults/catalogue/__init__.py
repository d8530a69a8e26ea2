"""Every code that a finding can have, with its explanation for people (`calico-agent explain CODE`).

A file for each kind of trouble. Codes are an interface: alerts and runbooks name them, and a code is never given
another meaning.
"""

from collections.abc import Mapping
from types import MappingProxyType

from calico_agent.faults.catalogue import (
    bgp,
    bird,
    blocks,
    container,
    guards,
    host_cluster,
    host_firewall,
    host_kernel,
    host_machine,
    host_network_managers,
    identity,
    names,
    pods,
    routes,
    sources,
    supervision,
    underlay,
)
from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Finding, Severity, Writer
from calico_agent.model.network.address import IPNetwork

_TABLES = (
    identity.ENTRIES,
    names.ENTRIES,
    guards.ENTRIES,
    sources.ENTRIES,
    container.ENTRIES,
    supervision.ENTRIES,
    bird.ENTRIES,
    bgp.ENTRIES,
    routes.ENTRIES,
    pods.ENTRIES,
    blocks.ENTRIES,
    underlay.ENTRIES,
    host_cluster.ENTRIES,
    host_kernel.ENTRIES,
    host_machine.ENTRIES,
    host_firewall.ENTRIES,
    host_network_managers.ENTRIES,
)

CATALOGUE: Mapping[str, Entry] = MappingProxyType({entry.code: entry for table in _TABLES for entry in table})


def finding(
    code: str,
    subject: str,
    what: str,
    *,
    why: str = "",
    effect: str = "",
    cure: str = "",
    node: str = "",
    prefix: IPNetwork | None = None,
    severity: Severity | None = None,
    condition: ConditionType | None = None,
    bars_start: bool = False,
    writer: Writer | None = None,
    instance: str = "",
    early: bool = False,
    device: str = "",
    beneath: IPNetwork | None = None,
) -> Finding:
    """A finding of a catalogued code, with the entry's severity and condition unless others are given."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        subject=subject,
        severity=entry.severity if severity is None else severity,
        condition=condition or entry.condition,
        what=what,
        why=why,
        effect=effect,
        cure=cure,
        node=node,
        prefix=prefix,
        bars_start=bars_start,
        writer=writer,
        instance=instance,
        early=early,
        device=device,
        beneath=beneath,
    )
