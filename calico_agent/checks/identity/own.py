"""This host's own identity: the name it runs under, its record, and the registered addresses.

Calico keeps what it once registered: an empty IP keeps the address of the record, and the nodename file outlives the
host name. So each is held against what this host should be.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import registered_again, restart_where
from calico_agent.checks.identity.change import is_lost
from calico_agent.checks.identity.mismatch import find_mismatch, knows_no_way
from calico_agent.checks.identity.overwritten import find_overwritten
from calico_agent.checks.identity.own_name import cure_of_name, find_name, other_name
from calico_agent.checks.records import delete_node
from calico_agent.checks.sentences import (
    address_given_up_first,
    cure_here,
    cut_off,
    env_of,
    in_family,
    own_address,
    owner_of,
)
from calico_agent.expected.agents import is_this_host
from calico_agent.expected.local_node import chosen, is_bridge
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CONFLICT, IP_NOT_LOCAL
from calico_agent.faults.node.identity import IP_AMBIGUOUS
from calico_agent.faults.node.registration import NODE_NO_ADDRESS, NODE_NO_RECORD
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import AddressChoice, Candidate
from calico_agent.model.network.address import Family, IPInterface
from calico_agent.text import listed


def find_identity(view: View) -> Iterator[Finding]:
    """Yield what is wrong with this host's own name, record and addresses."""
    yield from _refusals(view)
    yield from find_name(view)
    yield from _record(view)


def _refusals(view: View) -> Iterator[Finding]:
    severity = Severity.ERROR if view.supervised else Severity.WARNING
    effect = "calico-agent does not start calico/node" if view.supervised else ""
    name = view.identity.name
    if name.name is None and name.refused_by is not None and (view.supervised or view.local.name is None):
        yield name.refused_by.finding("name", name.refusal, effect=effect, node=view.me, severity=severity)
    for choice in (view.identity.ipv4, view.identity.ipv6):
        if choice.wanted and choice.chosen is None and not view.local.leaves_routing and not _settled(view, choice):
            fault = choice.refused_by or IP_AMBIGUOUS
            subject = f"IPv{choice.family}"
            yield fault.finding(
                subject, choice.refusal, effect=effect, node=view.me, family=choice.family, severity=severity
            )


def _settled(view: View, choice: AddressChoice) -> bool:
    """Whether nobody has to choose: calico/node already runs with an address against which nothing speaks, of this
    family or of the other one alone, or what it runs with cannot be known. Where no way leads to any node, nothing can
    speak for an address on a loopback or a dummy: what cuts this host off is told."""
    if view.supervised:
        return False
    if view.cluster is None and choice.refused_by is IP_AMBIGUOUS:
        return True
    node = view.local.node
    registered = (node.registered(choice.family) or node.ipv4 or node.ipv6) if node else None
    held = view.local.candidate(registered.ip) if registered else None
    if held is None or held.accepted:
        return held is not None
    return held.reason == "virtual-link" and knows_no_way(view, Family(held.interface.version))


def _record(view: View) -> Iterator[Finding]:
    if view.cluster is None or view.local.name is None:
        return
    node = view.local.node
    if node is None:
        if not view.starting:
            yield _no_record(view, view.local.name)
    elif node.ipv4 is None and node.ipv6 is None:
        if view.local.leaves_routing:
            return
        usable = filter(_may_be_found, (view.identity.ipv4, view.identity.ipv6))
        family = next((one.family for one in usable), Family.IPV4 if view.identity.ipv4.wanted else Family.IPV6)
        yield NODE_NO_ADDRESS.finding(
            node.name,
            f"node {node.name} is registered without any address",
            effect=cut_off(view),
            cure=own_address(view, family),
            node=node.name,
        )
    elif view.kernel is not None:
        for family in Family:
            registered = node.registered(family)
            if registered is not None and not is_lost(view, family, registered.ip):
                yield from _address(view, node, family, registered)


def _may_be_found(choice: AddressChoice) -> bool:
    return choice.chosen is not None or any(one.accepted for one in choice.candidates)


def _no_record(view: View, name: str) -> Finding:
    wanted = chosen(view.identity, Family.IPV4) or chosen(view.identity, Family.IPV6)
    settings = (f"NODENAME={name}", env_of(wanted)) if wanted else (f"NODENAME={name}",)
    registered = listed(tuple(sorted(view.cluster.nodes))) if view.cluster else ""
    container = view.local.container
    restart = registered_again(view, name, here=True) if container is not None else cure_here(view, *settings)
    return NODE_NO_RECORD.finding(
        name,
        f"node {name}, as which calico/node runs here, has no record in the datastore",
        why=f"the datastore has {registered or 'no node at all'}",
        effect=f"{cut_off(view)}; its blocks may be given to other nodes while its pods still use them",
        cure=f"{restart} registers it again; pods whose block was freed need a new address",
        node=name,
    )


def _address(view: View, node: Node, family: Family, registered: IPInterface) -> Iterator[Finding]:
    """What is wrong with one registered address of this host's own record: the gravest thing only."""
    held = view.local.candidate(registered.ip)
    wanted = chosen(view.identity, family)
    cure = own_address(view, family)
    if held is None and (other := find_overwritten(view, node, family, registered)) is not None:
        yield other
    elif held is None:
        yield IP_NOT_LOCAL.finding(
            in_family(node.name, family),
            f"node {node.name} is registered with {registered.ip}, which no link of this host has",
            why=f"this host should have {wanted.ip} ({_link(view, family)})" if wanted else "",
            effect=cut_off(view, registered.ip),
            cure=f"{_if_another(view, node, wanted)}{address_given_up_first(view, family)}{cure}",
            node=node.name,
            family=family,
        )
    elif is_bridge(held):
        yield IP_BRIDGE.finding(
            in_family(node.name, family),
            f"node {node.name}, this host, is registered with {registered.ip}, the address of {owner_of(held)}",
            why=_bridge_evidence(view, family, held, wanted),
            effect=cut_off(view, registered.ip),
            cure=cure,
            node=node.name,
            family=family,
        )
    elif others := [name for name in _holders(view, registered) if name != node.name]:
        mine = next((name for name in others if is_this_host(view, name)), "")
        yield IP_CONFLICT.finding(
            in_family(node.name, family),
            f"node {node.name}, this host, and node {listed(tuple(others))} are both registered with {registered.ip}",
            why=f"{registered.ip} is on {held.link} of this host{_started_as(node.name, mine)}",
            effect="the two have no session with each other, and the other nodes have one for both",
            cure=_of_two_names(view, node.name, mine, others[0]),
            node=node.name,
            family=family,
            bars_start=wanted is not None and wanted.ip == registered.ip,  # else a start is the cure
        )
    else:
        yield from find_mismatch(view, node, held)


def _if_another(view: View, node: Node, wanted: IPInterface | None) -> str:
    """What comes before the cure where this machine is called quite otherwise than its node."""
    if not (name := other_name(view)):
        return ""
    address = (env_of(wanted),) if wanted is not None else ()
    return f"if {node.name} is another machine: {cure_of_name(view, name, *address)}; else "


def _started_as(name: str, mine: str) -> str:
    return f"; this host is node {mine}, and its calico/node was started as {name}" if mine else ""


def _of_two_names(view: View, name: str, mine: str, other: str) -> str:
    """`mine` is the name that this host should have, where the other holder of the address is a record of that name."""
    if mine:
        again = f"then {restart_where(view, name, f'the host that {name} really is')}, if there is one"
        return f"{cure_here(view, f'NODENAME={mine}')}; {again}"
    old = f"if {other} is an old name of this machine: {delete_node(view, other)}"
    return f"{old}; else give {other} its own address (IP=)"


def _holders(view: View, registered: IPInterface) -> tuple[str, ...]:
    return view.cluster.holders.get(registered.ip, ()) if view.cluster else ()


def _link(view: View, family: Family) -> str:
    choice = view.identity.of(family)
    return ", ".join(part for part in (choice.link, choice.rule) if part)


def _bridge_evidence(view: View, family: Family, held: Candidate, wanted: IPInterface | None) -> str:
    evidence = f"{held.interface} {held.link} {held.evidence}"
    return f"{evidence}; this host should have {wanted.ip} ({_link(view, family)})" if wanted else evidence
