"""The address of before, which this host has no longer: what became of it, and who puts it right."""

from collections.abc import Iterator

from calico_agent.checks.sentences import cure_here, cut_off, env_of, in_family
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_CHANGED
from calico_agent.model.finding import Finding
from calico_agent.model.identity import AddressChoice, LostAddress
from calico_agent.model.network.address import Family, IPAddress


def find_identity_changes(view: View) -> Iterator[Finding]:
    """Yield IP-CHANGED for each address that was lost while calico/node runs with it."""
    for family in Family:
        choice = view.identity.of(family)
        if choice.lost is not None and _in_use(view, choice.lost.kept.interface.ip):
            yield _changed(view, choice, choice.lost)


def is_lost(view: View, family: Family, address: IPAddress) -> bool:
    """True if this is the address of before: then IP-CHANGED says what is wrong with it."""
    lost = view.identity.of(family).lost
    return lost is not None and lost.kept.interface.ip == address


def _in_use(view: View, address: IPAddress) -> bool:
    node, container = view.local.node, view.local.container
    registered = [] if node is None else [held.ip for held in (node.ipv4, node.ipv6) if held is not None]
    given = [] if container is None or not container.alive else [container.env_value(name) for name in ("IP", "IP6")]
    return address in registered or any(text.partition("/")[0] == str(address) for text in given)


def _changed(view: View, choice: AddressChoice, lost: LostAddress) -> Finding:
    kept, me = lost.kept, view.identity.name.name or view.me
    since = f"{kept.since:%Y-%m-%d %H:%M} UTC"
    if choice.chosen is None:
        why = f"no other address of this host can take its place: {choice.refusal}"
        cure = f"ip addr add {kept.interface} dev {kept.link}, or give this host another address"
    else:
        why = f"now {choice.chosen.ip} ({choice.link}) by the rule {choice.rule!r}"
        cure = cure_here(view, env_of(choice.chosen))
    return IP_CHANGED.finding(
        in_family(me, choice.family),
        f"{kept.interface.ip} ({kept.link}), the address of node {me} since {since}, {lost.why}",
        why=why,
        effect=cut_off(view, kept.interface.ip),
        cure=cure,
        node=me,
        family=choice.family,
    )
