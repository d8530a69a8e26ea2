"""An address that this host has and is registered with, against the one that it should have."""

from collections.abc import Iterator

from calico_agent.checks.sentences import in_family, own_address
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_MISMATCH
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import AddressChoice, Candidate, Opinion
from calico_agent.model.network.address import Family
from calico_agent.text import listed

# Rules whose answer says how the cluster reaches this host. The others only guess well.
_FIRM_RULES = frozenset({"configured", "method", "kubelet", "other nodes"})

# What a node is never meant to be registered with, and calico/node finds all the same.
_UNLIKELY = frozenset({"floating", "calico-pool", "virtual-link", "link-local", "temporary", "deprecated"})


def find_mismatch(view: View, node: Node, held: Candidate) -> Iterator[Finding]:
    """Yield what is said of the registered address `held`, which no other host and no bridge has."""
    choice = view.identity.of(Family(held.interface.version))
    if choice.chosen is not None:
        if choice.chosen.ip != held.interface.ip:
            yield from _another_chosen(view, node, held, choice)
    elif (way := _another_way(choice, held)) is not None:
        addresses = listed(tuple(str(one.ip) for one in way.answers))
        yield _mismatch(view, node, held, f"one of {addresses}", way.detail)
    elif not choice.wanted and not held.accepted and held.reason in _UNLIKELY:
        yield _unlikely(view, node, held)


def _another_chosen(view: View, node: Node, held: Candidate, choice: AddressChoice) -> Iterator[Finding]:
    assert choice.chosen is not None
    firm = choice.rule in _FIRM_RULES
    if held.accepted and not firm and not view.supervised:
        return  # two good addresses, and calico/node uses one of them: that is somebody's choice
    if not firm and knows_no_way(view, Family(held.interface.version)):
        return  # without its routes nothing speaks for an address on a loopback or a dummy
    wanted = choice.chosen.ip
    yield _mismatch(view, node, held, f"{wanted} ({choice.link})", f"{wanted} is chosen by the rule {choice.rule!r}")


def knows_no_way(view: View, family: Family) -> bool:
    """True if the kernel knows no way to any other node, and there are some."""
    lookups = () if view.kernel is None or view.cluster is None else view.kernel.lookups
    holders = view.cluster.holders if view.cluster is not None else {}
    asked = [one for one in lookups if one.destination.version == family and one.destination in holders]
    others = [one for one in asked if view.kernel is not None and view.kernel.holder(one.destination) is None]
    return bool(others) and all(one.address is None for one in others)


def _another_way(choice: AddressChoice, held: Candidate) -> Opinion | None:
    """What a firm rule says that leaves several addresses open, and the registered one is none of them."""
    return next(
        (
            one
            for one in choice.opinions
            if one.rule in _FIRM_RULES and len(one.answers) > 1 and held.interface not in one.answers
        ),
        None,
    )


def _mismatch(view: View, node: Node, held: Candidate, should: str, why: str) -> Finding:
    family = Family(held.interface.version)
    against = f"{held.interface} {held.link} {held.evidence}; " if held.evidence else ""
    return IP_MISMATCH.finding(
        in_family(node.name, family),
        f"node {node.name}, this host, is registered with {held.interface.ip} ({held.link}), but should have {should}",
        why=f"{against}{why}",
        effect="the other nodes reach this host's pods by the wrong network, or not at all",
        cure=own_address(view, family),
        node=node.name,
        family=family,
        severity=Severity.WARNING if held.accepted and not _cut_off(view, family) else Severity.ERROR,
    )


def _cut_off(view: View, family: Family) -> bool:
    """Whether BIRD has sessions, and none of them is up."""
    sessions = getattr(dict(view.daemons()).get(family), "sessions", ())
    return bool(sessions) and not any(one.established for one in sessions)


def _unlikely(view: View, node: Node, held: Candidate) -> Finding:
    """An address that something speaks against, where the agent was not asked to choose one (IPv6, mostly)."""
    version = held.interface.version
    better = [one.interface for one in view.local.candidates if one.accepted and one.interface.version == version]
    return IP_MISMATCH.finding(
        in_family(node.name, version),
        f"node {node.name}, this host, is registered with {held.interface.ip} ({held.link}), which {held.evidence}",
        why=f"what else this host has: {listed(tuple(map(str, better)))}" if better else "this host has no other one",
        effect="other nodes lose this host's pods when the address goes, or do not reach them at all",
        cure=own_address(view, Family(version)),
        node=node.name,
        family=version,
        severity=Severity.WARNING,
    )
