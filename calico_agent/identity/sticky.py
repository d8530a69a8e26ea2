"""The last choice: when it still holds, and what is kept of a choice.

A node's address is its place in the cluster. Moving it costs every session and every route to this host, so it is not
moved because a link was added, a cable pulled, another address configured first, a pool made over it, or because
another rule came to another opinion; only when the address is gone or something new says that nobody reaches it. What
the configuration or the kubelet states comes before it.
"""

from dataclasses import replace
from datetime import datetime

from calico_agent.identity.candidates import NEVER, Rejection
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.identity import (
    AddressChoice,
    Candidate,
    Identity,
    KeptAddress,
    KeptIdentity,
    LostAddress,
)
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.observation import Unreadable

# What ends a last choice. The rest says that the address comes back to use by itself (a cable, a link), in which order
# it was configured (an alias), or what the cluster did later (a pool).
_ENDING = NEVER | {
    Rejection.VIRTUAL_LINK,
    Rejection.BRIDGE_WITHOUT_PORT,
    Rejection.LINK_NAME,
    Rejection.VRF,
}


def lapse(kept: KeptAddress, candidates: tuple[Candidate, ...]) -> str:
    """Return why a kept address no longer holds, in words that follow it; empty while it does."""
    here = still(kept, candidates)
    if here is None:
        return "is on no link of this host any more"
    if here.accepted or here.reason == kept.reason or here.reason not in _ENDING:
        return ""
    return here.evidence if here.link == kept.link else f"has moved to {here.link}, and {here.evidence}"


def still(kept: KeptAddress, candidates: tuple[Candidate, ...]) -> Candidate | None:
    """Return where the kept address is now: preferably on the link where it was, else on one that nothing speaks
    against.
    """
    held = [candidate for candidate in candidates if candidate.interface.ip == kept.interface.ip]
    return min(held, key=lambda one: (one.link != kept.link, not one.accepted), default=None)


def lost(kept: KeptAddress | None, choice: AddressChoice) -> LostAddress | None:
    """Return the kept address, if it holds no longer and is not chosen anew."""
    if kept is None or not choice.wanted or (choice.chosen is not None and choice.chosen.ip == kept.interface.ip):
        return None
    why = lapse(kept, choice.candidates)
    return LostAddress(kept, why) if why else None


def remember(
    kept: KeptIdentity,
    identity: Identity,
    machine_id: str,
    in_use: frozenset[IPAddress],
    now: datetime,
    *,
    names: frozenset[str],
) -> KeptIdentity:
    """Return what to keep after a pass. `in_use` are the addresses that calico/node runs with or is registered with
    here, `names` the names that it runs under.

    A choice is kept when calico/node has got it, not before: it may have been made while the datastore could not be
    read, or for a kubelet that came and went. One that was lost is kept until nothing uses it: so long its loss is to
    be reported.
    """
    kept = kept.of(machine_id)
    name, source = (kept.name, kept.name_source) if kept.machine_id == machine_id else ("", "")
    if identity.name.name in names and identity.name.name != name:
        name, source = identity.name.name or "", identity.name.source
    return KeptIdentity(
        machine_id=machine_id,
        name=name,
        name_source=source,
        ipv4=_remembered(kept.ipv4, identity.ipv4, in_use, now),
        ipv6=_remembered(kept.ipv6, identity.ipv6, in_use, now),
    )


def _remembered(
    kept: KeptAddress | None, choice: AddressChoice, in_use: frozenset[IPAddress], now: datetime
) -> KeptAddress | None:
    if not choice.wanted:
        return None
    if choice.chosen is None or choice.chosen.ip not in in_use:
        return kept
    if kept is not None and choice.lost is not None and kept.interface.ip in in_use:
        return kept
    if kept is not None and kept.interface.ip == choice.chosen.ip:
        return kept if kept.link == choice.link else replace(kept, link=choice.link)
    taken = next((one for one in choice.candidates if _is(one, choice)), None)
    return KeptAddress(choice.chosen, choice.link, choice.rule, now, taken.reason if taken else "")


def _is(candidate: Candidate, choice: AddressChoice) -> bool:
    return choice.chosen is not None and (candidate.interface.ip, candidate.link) == (choice.chosen.ip, choice.link)


def addresses_in_use(
    docker: Docker | Unreadable, datastore: Datastore | Unreadable, name: str | None
) -> frozenset[IPAddress]:
    """Return the addresses that calico/node was given here, and those that node `name` is registered with."""
    used: set[IPAddress] = set()
    if isinstance(datastore, Datastore) and name is not None and (node := datastore.node(name)) is not None:
        used |= {registered.ip for registered in (node.ipv4, node.ipv6) if registered is not None}
    if isinstance(docker, Docker):
        used |= docker.given_addresses
    return frozenset(used)


def names_in_use(docker: Docker | Unreadable) -> frozenset[str]:
    """Return the names that calico/node runs under here, as it was told."""
    if isinstance(docker, Unreadable):
        return frozenset()
    return frozenset(name for one in docker.containers if one.alive and (name := one.env_value("NODENAME")))


def kept_address(kept: KeptIdentity, family: Family) -> KeptAddress | None:
    """Return what is kept of one family."""
    return kept.ipv4 if family is Family.IPV4 else kept.ipv6
