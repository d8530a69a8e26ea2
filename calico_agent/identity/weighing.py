"""What speaks against an address, held against what speaks for it.

How a link is made, or which flags an address has, is a presumption: a fabric that routes to every host announces each
host's address on its loopback or a dummy device, and an alias is what was configured second. It yields to evidence of
use: BGP sessions that begin at the address with which this host is registered, this machine's claim with that address,
the choice that calico/node runs with, and the kernel, where all of its ways out begin at this one address.
"""

from dataclasses import replace

from calico_agent.identity import links
from calico_agent.identity.candidates import NEVER, Rejection
from calico_agent.identity.kernel_sources import OTHER_NODES, WayOut, alike, ways_out
from calico_agent.identity.question import AddressQuestion
from calico_agent.identity.sticky import lapse, still
from calico_agent.model.identity import Candidate

# What the kernel's own use refutes, if it sends from there to other nodes and elsewhere too. A bridge inside the host
# is none of these, nor is a privacy address, which the kernel prefers by its very nature.
_REFUTED_BY_KERNEL = frozenset(
    {Rejection.VIRTUAL_LINK, Rejection.FLOATING, Rejection.POOL_OVERLAP, Rejection.LINK_NAME, Rejection.DEPRECATED}
)


def weigh(question: AddressQuestion) -> AddressQuestion:
    """Return the same question; candidates whose rejection yields say to what."""
    ways = ways_out(question)
    weighed = replace(question, candidates=tuple(_weighed(one, question, ways) for one in question.candidates))
    kept = question.kept
    if kept is None or lapse(kept, weighed.candidates):
        return weighed
    here = still(kept, weighed.candidates)
    candidates = tuple(
        replace(one, yields="it was chosen before") if one is here and not one.accepted else one
        for one in weighed.candidates
    )
    return replace(weighed, candidates=candidates)


def _weighed(candidate: Candidate, question: AddressQuestion, ways: tuple[WayOut, ...]) -> Candidate:
    if candidate.accepted:
        return candidate
    if _speaks(candidate, question):
        return replace(candidate, yields="this host is registered with it and has BGP sessions from it")
    if _claimed(candidate, question):
        return replace(candidate, yields="this host is registered with it and claimed its name with it")
    if _sends(candidate, question, ways):
        return replace(candidate, yields="the kernel itself sends from it")
    return candidate


def _speaks(candidate: Candidate, question: AddressQuestion) -> bool:
    """Whether other hosts demonstrably know this host by the address.

    An address that other hosts carry too is another matter on a bridge: there it is the same on all of them.
    """
    address, around = candidate.interface.ip, question.around
    if address not in around.own_registered or address not in around.speaking:
        return False
    link = around.kernel.link(candidate.link)
    if candidate.reason == Rejection.ON_OTHER_HOSTS:
        return link is not None and link.kind != "bridge"
    return candidate.reason not in NEVER


def _claimed(candidate: Candidate, question: AddressQuestion) -> bool:
    """Whether an agent on this machine chose the address, and the cluster has it so."""
    address, around = candidate.interface.ip, question.around
    return address in around.claimed and address in around.own_registered and candidate.reason not in NEVER


def _sends(candidate: Candidate, question: AddressQuestion, ways: tuple[WayOut, ...]) -> bool:
    """Whether the address is where all of the kernel's ways out begin.

    From the loopback or a dummy device the kernel sends only if a route tells it to, or no link out has an address.
    With others, as a VPN, it is a matter of where to: to other nodes, and not only to them. What the kubelet was given
    as its address is as good as a way out. Where another address of its network has nothing against it, the kernel's
    choice is no more than order.
    """
    if any(not one.reason for one in alike(candidate, question)):
        return False
    address = candidate.interface.ip
    heard = [way for way in ways if way.addresses]
    if candidate.reason not in _REFUTED_BY_KERNEL or any(way.addresses != (address,) for way in heard):
        return False
    stated = question.around.kubelet is not None and address in question.around.kubelet.node_ips
    link = question.around.kernel.link(candidate.link)
    if link is not None and links.is_announced(link) and candidate.reason == Rejection.VIRTUAL_LINK:
        return bool(heard) or stated
    return bool(heard) and heard[0].rule == OTHER_NODES and (stated or len(heard) > 1)
