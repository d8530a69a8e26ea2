"""The other nodes' records, as far as this host can judge them.

An address that this host carries itself, or one inside a container bridge's network here, cannot be another host's: a
packet to it never leaves this machine. That is seen from every host of the cluster, and names the culprit.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import started_anew_on
from calico_agent.checks.identity.own_name import runs_as_another
from calico_agent.checks.identity.suspects import bridge_around, impossible, suspects, true_address
from calico_agent.checks.records import delete_node
from calico_agent.checks.sentences import claimed_by, in_family, owner_of
from calico_agent.expected.agents import is_this_host
from calico_agent.expected.local_node import is_bridge
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CONFLICT, IP_ELSEWHERE
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import ConditionType, Finding
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family, IPAddress, IPInterface
from calico_agent.model.network.route import host_prefix
from calico_agent.text import listed


def find_peers(view: View) -> Iterator[Finding]:
    """Yield what is wrong with the registered addresses of the other nodes."""
    if view.cluster is None or view.local.name is None:
        return
    # Under another node's name, the record that holds our address is no thief's: it is our own.
    runs = view.local.container is not None and view.local.container.alive
    elsewhere = runs_as_another(view) or (view.supervised and not runs)  # the next start is under the wanted name
    own = {view.local.name, view.identity.name.name if elsewhere else None}
    bridges = view.local.bridges()
    networks = tuple(found.interface.network for found in bridges)
    for node, registered in suspects(view.cluster, frozenset(view.local.addresses), networks):
        if node.name in own:
            continue
        if reason := impossible(node, registered):
            yield _nobodys(view, node, registered, reason)
            continue
        held = view.local.candidate(registered.ip)
        bridge = bridge_around(registered, bridges, view) if held is None or is_bridge(held) else None
        if bridge is not None:
            yield _bridge(view, node, registered, bridge)
        elif held is not None and not is_bridge(held):
            yield from _ours(view, node, held)
        elif held is None:
            yield from _shared(view, node, registered)


def _nobodys(view: View, node: Node, registered: IPInterface, impossible: str) -> Finding:
    true = true_address(view, node, registered)
    name = in_family(node.name, registered.version)
    setting = f"{'IP' if registered.version == 4 else 'IP6'}={true[0] if true else 'ADDRESS'}"
    return IP_ELSEWHERE.finding(
        name,
        f"node {node.name} is registered with {registered.ip}, {impossible}",
        why=f"its true address is {true[0]}: {true[1]}" if true else "no other host can send to such an address",
        effect=_effect(view, node),
        cure=started_anew_on(view, node.name, setting),
        node=node.name,
        family=registered.version,
        condition=_condition(view),
    )


def _effect(view: View, node: Node) -> str:
    session = f"no BGP session with {node.name} can come up, and " if view.local.uses_bird else ""
    return f"{session}packets for the pods of {node.name} do not get there"


def _bridge(view: View, node: Node, registered: IPInterface, bridge: Candidate) -> Finding:
    whose = owner_of(bridge)
    if registered.ip == bridge.interface.ip:
        what = f"node {node.name} is registered with {registered.ip}, the address of {whose} (this host has it too)"
    else:
        network = bridge.interface.network
        what = f"node {node.name} is registered with {registered.ip}, inside {network}, the network of {whose} here"
    true = true_address(view, node, registered)
    why = f"{bridge.interface} {bridge.link} {bridge.evidence}"
    if true is not None:
        address, evidence = true
        why = f"{why}; its true address is {address}: {evidence}"
    setting = f"{'IP' if registered.version == 4 else 'IP6'}={true[0] if true else 'ADDRESS'}"
    return IP_BRIDGE.finding(
        in_family(node.name, registered.version),
        what,
        why=why,
        effect=_effect(view, node),
        cure=started_anew_on(view, node.name, setting),
        node=node.name,
        family=registered.version,
        condition=_condition(view),
    )


def _ours(view: View, node: Node, held: Candidate) -> Iterator[Finding]:
    address = held.interface.ip
    own = view.local.node.registered(Family(address.version)) if view.local.node else None
    if own is not None and own.ip == address:
        return  # our own record has it too: said there
    if is_this_host(view, node.name):
        return  # this host is that node, and its calico/node was given another name: said there
    old = f"if {node.name} is an old name of this machine: {delete_node(view, node.name)}; else "
    true = true_address(view, node, held.interface) if not held.accepted else None
    evidence = "" if held.accepted else f"; {held.interface} {held.link} {held.evidence}"
    setting = f"{'IP' if address.version == 4 else 'IP6'}={true[0]}" if true else "its own address (IP=)"
    yield IP_CONFLICT.finding(
        in_family(node.name, address.version),
        f"node {node.name} is registered with {address}, which is an address of this host ({held.link})",
        why=f"this host is node {view.me}{claimed_by(view, node.name)}{evidence}",
        effect=f"packets for the pods of {node.name} do not leave this host",
        # An address that can be no node's tells of no old name: hosts have such ones in common, or in turns.
        cure=f"{old if held.accepted else ''}{started_anew_on(view, node.name, setting)}",
        node=node.name,
        prefix=host_prefix(address),
        condition=_condition(view),
        bars_start=address in view.identity.addresses and node.name != view.identity.name.name,
    )


def _shared(view: View, node: Node, registered: IPInterface) -> Iterator[Finding]:
    holders = view.cluster.holders.get(registered.ip, ()) if view.cluster else ()
    others = tuple(name for name in holders if name not in {node.name, view.local.name})
    if not others:
        return
    yield IP_CONFLICT.finding(
        in_family(node.name, registered.version),
        f"node {node.name} is registered with {registered.ip}, and so is node {listed(others)}",
        why=_listed_interfaces(view, registered.ip, (node.name, *others)),
        effect="both share one BGP session: the routes to the pods of one of them are wrong or missing",
        cure=f"give the wrong one its own address (IP=), or {delete_node(view, node.name)} if it is an old name",
        node=node.name,
        prefix=host_prefix(registered.ip),
        condition=_condition(view),
    )


def _listed_interfaces(view: View, address: IPAddress, names: tuple[str, ...]) -> str:
    """Which of the nodes really had this address on a link, by what they recorded themselves."""
    assert view.cluster is not None
    words = []
    for name in names:
        seen = [found for _, addresses in view.cluster.nodes[name].interfaces for found in addresses]
        if seen:
            words.append(f"{name} {'has' if address in seen else 'has not'} {address} on its own links")
    return "; ".join(words)


def _condition(view: View) -> ConditionType:
    """What another node's wrong address breaks here: the session with it, and without BIRD the routes to it."""
    return ConditionType.BGP_ESTABLISHED if view.local.uses_bird else ConditionType.ROUTES_IN_PLACE
