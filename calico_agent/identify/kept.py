"""The last choice: when it still holds, and what is kept of a choice.

A node's address is its place in the cluster. Moving it costs every session and every route to this host, so it is not
moved because a link was added, a cable pulled, or another rule came to another opinion; only when the address is gone
or something new speaks against it. What the configuration or the kubelet states comes before it.
"""

from datetime import datetime
from ipaddress import ip_interface

from calico_agent.identify.candidates import Rejection
from calico_agent.identify.name_sources import LAST_CHOICE
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.container import Docker
from calico_agent.model.identity import (
    AddressChoice,
    Candidate,
    Identity,
    KeptAddress,
    KeptIdentity,
    LostAddress,
)
from calico_agent.model.node import Datastore
from calico_agent.model.observation import Unreadable

# The address is where it was, and comes back to use by itself.
_PASSING = frozenset({Rejection.LINK_DOWN, Rejection.NO_CARRIER})


def lapse(kept: KeptAddress, candidates: tuple[Candidate, ...]) -> str:
    """Why a kept address no longer holds, in words that follow it; empty while it does."""
    held = [candidate for candidate in candidates if candidate.interface.ip == kept.interface.ip]
    if not held:
        return "is on no link of this host any more"
    here = next((candidate for candidate in held if candidate.link == kept.link), None)
    if here is None:
        return f"has moved to {held[0].link}"
    if here.reason and here.reason != kept.reason and here.reason not in _PASSING:
        return here.evidence
    return ""


def lost(kept: KeptAddress | None, choice: AddressChoice) -> LostAddress | None:
    """The kept address, if it holds no longer and is not chosen anew."""
    if kept is None or not choice.wanted or (choice.chosen is not None and choice.chosen.ip == kept.interface.ip):
        return None
    why = lapse(kept, choice.candidates)
    return LostAddress(kept, why) if why else None


def remember(
    kept: KeptIdentity, identity: Identity, machine_id: str, in_use: frozenset[IPAddress], now: datetime
) -> KeptIdentity:
    """What to keep after a pass. `in_use` are the addresses that calico/node runs with or is registered with here.

    A choice is kept when calico/node has got it, not before: it may have been made while the datastore could not be
    read. One that was lost is kept until nothing uses it: so long its loss is to be reported.
    """
    name = identity.name
    return KeptIdentity(
        machine_id=machine_id,
        name=name.name or kept.name,
        name_source=name.source if name.name and name.source != LAST_CHOICE else kept.name_source,
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
    if kept is not None and (kept.interface.ip, kept.link) == (choice.chosen.ip, choice.link):
        return kept
    taken = next((one for one in choice.candidates if _is(one, choice)), None)
    return KeptAddress(choice.chosen, choice.link, choice.rule, now, taken.reason if taken else "")


def _is(candidate: Candidate, choice: AddressChoice) -> bool:
    return choice.chosen is not None and (candidate.interface.ip, candidate.link) == (choice.chosen.ip, choice.link)


def addresses_in_use(
    docker: Docker | Unreadable, datastore: Datastore | Unreadable, name: str | None
) -> frozenset[IPAddress]:
    """The addresses that calico/node was given here, and those that node `name` is registered with."""
    used: set[IPAddress] = set()
    if isinstance(datastore, Datastore) and name is not None and (node := datastore.node(name)) is not None:
        used |= {registered.ip for registered in (node.ipv4, node.ipv6) if registered is not None}
    if isinstance(docker, Docker):
        living = (container for container in docker.containers if container.alive)
        given = (container.env_value(variable) for container in living for variable in ("IP", "IP6"))
        used |= {address for text in given if (address := _address(text)) is not None}
    return frozenset(used)


def _address(text: str) -> IPAddress | None:
    """The address of `10.0.0.13/24`; None for words like `autodetect`."""
    try:
        return ip_interface(text).ip
    except ValueError:
        return None


def kept_address(kept: KeptIdentity, family: Family) -> KeptAddress | None:
    """What is kept of one family."""
    return kept.ipv4 if family is Family.IPV4 else kept.ipv6
