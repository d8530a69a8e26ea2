"""What calico/node was told, or found, that it then refused to start with, held against what this host is.

It exits when another node record has its address (node/pkg/lifecycle/startup/startup.go@v3.32.1). That record is right
more often than not: what is wrong is the address that this host was given, or the name.
"""

from ipaddress import ip_address

from calico_agent.checks.commands import logs_here
from calico_agent.checks.records import delete_node
from calico_agent.checks.sentences import cure_here, env_of, owner_of
from calico_agent.expected.local_node import chosen
from calico_agent.expected.view import View
from calico_agent.model.container.container import Container, LogHint
from calico_agent.model.network.address import Family, address_in

_REFUSED = "address-conflict"


def explained(view: View, container: Container, hint: LogHint | None) -> tuple[str, str]:
    """Return evidence and cure for a container whose log ends with `hint`; None where no line explains the end."""
    if hint is None:
        evidence, cure = (
            f"its log has no line that explains it: {logs_here(view)}",
            f"docker start {container.name}; if it ends again, {logs_here(view)} says why"
            if container.runtime == "docker" and not container.pod
            else f"the kubelet starts it again; {logs_here(view)} --previous says why it ended",
        )
    else:
        evidence, cure = f"its log: {hint.line}", hint.cure
    here = _given_bridge(view, container) or (_refused(view, hint) if hint and hint.code == _REFUSED else None)
    return (f"{here[0]}; {evidence}", here[1]) if here else (evidence, cure)


def _given_bridge(view: View, container: Container) -> tuple[str, str] | None:
    """Evidence and cure when the container was told to register the address of a container bridge."""
    for variable, family in (("IP", Family.IPV4), ("IP6", Family.IPV6)):
        given = container.env_value(variable)
        wanted = chosen(view.identity, family)
        held = next((one for one in view.local.bridges() if one.interface.ip == address_in(given)), None)
        if held is not None and wanted is not None:
            evidence = f"it was started with {variable}={given}, the address of {owner_of(held)}"
            return evidence, cure_here(view, env_of(wanted))
    return None


def _refused(view: View, hint: LogHint) -> tuple[str, str] | None:
    """Evidence and cure when calico/node refused an address of which this host knows whose it is."""
    try:
        address = ip_address(hint.address)
    except ValueError:
        return None
    wanted, held = chosen(view.identity, Family(address.version)), view.local.candidate(address)
    name = view.identity.name.name
    bridge = next((one for one in view.local.bridges() if one.interface.ip == address), None)
    if bridge is not None:
        evidence = f"{address} is the address of {owner_of(bridge)} on this host itself, and on {hint.node} too"
        return (evidence, cure_here(view, env_of(wanted))) if wanted is not None else None
    if held is None:
        evidence = f"no link of this host has {address}"
        return (evidence, cure_here(view, env_of(wanted))) if wanted is not None else None
    if name is not None and hint.node == name and view.local.name != name:
        evidence = (
            f"{address} ({held.link}) is this host's own, and node {name} is this host; it was started as {view.me}"
        )
        return evidence, cure_here(view, f"NODENAME={name}")
    evidence = f"{address} ({held.link}) is this host's own"
    if wanted is not None and wanted.ip != address:
        return f"{evidence}, and its node's is {wanted.ip}", cure_here(view, env_of(wanted))
    return evidence, (
        f"if {hint.node} is an old name of this machine: {delete_node(view, hint.node)}; "
        f"else start calico/node on {hint.node} with its own address (IP=)"
    )
