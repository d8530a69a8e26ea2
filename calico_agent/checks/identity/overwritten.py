"""This node's record holds an address that calico/node here did not write: another machine uses the name.

calico/node writes the address that it was given at each start, and so does one on another machine that was started with
the same name (node/pkg/lifecycle/startup/startup.go@v3.32.1): the record is of whoever was started last.
"""

from calico_agent.checks.commands import restart_here
from calico_agent.checks.sentences import cut_off, in_family
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_NOT_LOCAL
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import Family, IPInterface, address_in


def find_overwritten(view: View, node: Node, family: Family, registered: IPInterface) -> Finding | None:
    """Return the finding, if calico/node runs here with an address of this host, while another one is registered."""
    container = view.local.container
    if container is None or not container.running or view.starting:
        return None
    variable = "IP" if family is Family.IPV4 else "IP6"
    written = container.env_value(variable)
    given = address_in(written)
    if given is None or view.local.candidate(given) is None:
        return None
    holders = view.cluster.holders.get(registered.ip, ()) if view.cluster is not None else ()
    holder = next((name for name in holders if name != node.name), "")
    who = f"another machine uses the name {node.name}, or somebody changed its record"
    cure = f"{restart_here(view)} registers {variable}={written} again, which it was given"
    if holder:  # calico/node does not start with an address of another record
        who = f"somebody gave its record the address of node {holder}"
    else:
        # In this order: while this record has that host's address, calico/node there refuses it under another name.
        cure = f"{cure}; then on the host with {registered.ip}: start calico/node with a NODENAME of its own"
    return IP_NOT_LOCAL.finding(
        in_family(node.name, family),
        f"node {node.name} is registered with {registered.ip}, which no link of this host has: {who}",
        why=f"calico/node here registered {given} when it started; {registered.ip} was registered after that",
        effect=cut_off(view, registered.ip),
        cure=cure,
        node=node.name,
        family=family,
    )
