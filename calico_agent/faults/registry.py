"""Every fault that is declared, by its code."""

from collections.abc import Mapping
from types import MappingProxyType

from calico_agent.faults import agent, datastore
from calico_agent.faults.bgp import bird, peering, sessions
from calico_agent.faults.node import (
    addresses,
    container,
    identity,
    kubernetes,
    names,
    programs,
    registration,
    supervision,
)
from calico_agent.faults.preflight import cluster, kernel, machine, network
from calico_agent.faults.routes import blocks, foreign, host_routes, links, pods, table, underlay
from calico_agent.model.finding import Fault

_MODULES = (
    agent,
    datastore,
    names,
    addresses,
    identity,
    supervision,
    programs,
    container,
    registration,
    kubernetes,
    bird,
    peering,
    sessions,
    links,
    blocks,
    foreign,
    pods,
    underlay,
    table,
    host_routes,
    kernel,
    machine,
    cluster,
    network,
)

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {one.code: one for module in _MODULES for one in vars(module).values() if isinstance(one, Fault)}
)
"""The declarations of all subjects: what `calico-agent explain CODE` and the reference page go through."""
