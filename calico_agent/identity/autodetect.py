"""What Calico's own methods would choose: the same addresses in the same order, right or wrong.

Calico walks the links from the newest to the oldest and takes the first global unicast address on a link whose name
passes. It looks at nothing else: not at the link's state, its kind, or the routes. Only `can-reach=` asks the kernel,
for the source address of a packet to that destination, and `kubernetes-internal-ip` the Kubernetes API, for the first
InternalIP of the Node. The first-found list of names is used by `skip-interface=` too
and by no other method (node/pkg/lifecycle/startup/autodetection/{autodetection_methods,filtered}.go@v3.32.1).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from calico_agent.identity.links import skipped_by_calico, skipped_by_old_calico
from calico_agent.identity.question import AddressQuestion
from calico_agent.model.calico.autodetection import CalicoMethod, MethodKind
from calico_agent.model.identity import Candidate, Opinion
from calico_agent.model.network.address import IPAddress


def matches(method: CalicoMethod, question: AddressQuestion) -> tuple[Candidate, ...]:
    """Return all candidates that the method accepts, Calico's choice first."""
    if method.kind is MethodKind.CAN_REACH:
        return tuple(_reaching(method, question))
    if method.kind is MethodKind.INTERNAL_IP:
        return tuple(filter(None, map(question.candidate, question.around.internal)))
    return tuple(candidate for candidate in _in_calicos_order(question.candidates) if _passes(method, candidate))


def calico_itself(question: AddressQuestion) -> tuple[Opinion, ...]:
    """Return what calico/node would take without IP and method; with the list of names of old releases where that
    differs.
    """
    now = _first_found("Calico itself", question, skipped_by_calico)
    old = _first_found("Calico v1.1-v2.6", question, skipped_by_old_calico)
    return (now,) if now.answers == old.answers else (now, old)


def _first_found(rule: str, question: AddressQuestion, skips: Callable[[str], bool]) -> Opinion:
    taken = next((one for one in _in_calicos_order(question.candidates) if not skips(one.link)), None)
    if taken is None:
        return Opinion(rule, (), "first-found finds no address, and calico/node would not start")
    doubt = "" if taken.accepted else f", which {taken.evidence}"
    return Opinion(rule, (taken.interface,), f"first-found would take {taken.interface.ip} ({taken.link}){doubt}")


def _passes(method: CalicoMethod, candidate: Candidate) -> bool:
    if method.kind is MethodKind.INTERFACE:
        return method.names(candidate.link)
    if method.kind is MethodKind.CIDR:
        return method.covers(candidate.interface.ip)
    return not skipped_by_calico(candidate.link) and not method.names(candidate.link)


def _in_calicos_order(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Links from the last to the first, the addresses of each in the kernel's order."""
    links = [tuple(held) for _, held in groupby(candidates, key=attrgetter("link"))]
    for held in reversed(links):
        yield from (candidate for candidate in held if _is_global_unicast(candidate.interface.ip))


def _is_global_unicast(address: IPAddress) -> bool:
    """As Go's IsGlobalUnicast: private and reserved addresses are, broadcast is not."""
    special = address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast
    return not special and str(address) != "255.255.255.255"


def _reaching(method: CalicoMethod, question: AddressQuestion) -> Iterator[Candidate]:
    destinations = question.around.reachable.get(method.destination, ())
    for source in question.around.kernel.lookups:
        if source.destination in destinations and source.address and source.address.version == question.family:
            candidate = question.candidate(source.address)
            if candidate is not None:
                yield candidate
