"""The rules that repeat a statement: of the configuration, of the kubelet, or of this agent's own last choice.

A statement is not believed blindly: this host must have the address, and what speaks against it counts.
"""

from calico_agent.identity.autodetect import matches
from calico_agent.identity.candidates import NEVER
from calico_agent.identity.question import AddressQuestion
from calico_agent.identity.sticky import lapse, still
from calico_agent.model.calico.autodetection import MethodKind
from calico_agent.model.identity import Candidate, KeptAddress, Opinion
from calico_agent.model.network.address import IPInterface, interface_of
from calico_agent.model.observation import Unreadable

CONFIGURED = "configured"
METHOD = "method"
KUBELET = "kubelet"
INTERNAL_IP = "InternalIP"
LAST_CHOICE = "last choice"
OWN_RECORD = "own record"

_NOT_ASKED = "the Kubernetes API tells of no Node of this host's name, or cannot be asked"


def configured(question: AddressQuestion) -> Opinion:
    """Return the address that is written in the configuration, if this host has it and nothing speaks strictly against
    it.
    """
    wanted = question.settings.configured
    if question.settings.method != "configured" or wanted is None:
        return Opinion(CONFIGURED, (), "no address is configured")
    candidate = question.candidate(wanted.ip)
    if candidate is None:
        return Opinion(CONFIGURED, (), f"{wanted.ip} is configured, but no link of this host has it")
    if candidate.reason in NEVER:
        return Opinion(CONFIGURED, (), f"{wanted.ip} is configured, but {_sentence(candidate)}")
    # Without a prefix length the configuration means the link's: Calico's CrossSubnet compares whole networks.
    whole = wanted.network.num_addresses == 1
    answer = candidate.interface if whole else interface_of(wanted.ip, wanted.network.prefixlen)
    return Opinion(CONFIGURED, (answer,), f"{wanted.ip} is configured{candidate.doubt}")


def calico_method(question: AddressQuestion) -> Opinion:
    """Return what the configured method of Calico's yields: its own answer, or the next one against which nothing
    speaks.

    The last choice is kept among those that the method accepts, so that a new link changes nothing. Calico's own answer
    (`allow_rejected`) is exactly that: it changes when Calico's would.
    """
    method = question.settings.calico
    assert method is not None
    found = matches(method, question)
    allowed = found if question.settings.allow_rejected else tuple(one for one in found if one.accepted)
    if not allowed:
        return Opinion(METHOD, (), f"{method.text} {_nothing(found, question)}")
    kept = question.kept
    last = next((one for one in allowed if _is_kept(one, kept)), None)
    if last is not None and kept is not None and not question.settings.allow_rejected:
        return Opinion(METHOD, (last.interface,), f"{method.text} accepts {_place(last)}, {_since(kept)}")
    first = allowed[0]
    passed_over = "" if first is found[0] else f", not {_place(found[0])}, which {found[0].evidence}"
    doubt = "" if first.accepted else f", although it {first.evidence} (allow_rejected)"
    return Opinion(METHOD, (first.interface,), f"{method.text} finds {_place(first)}{doubt}{passed_over}")


def kubelet(question: AddressQuestion) -> Opinion:
    """Return the address that this host's kubelet was given with --node-ip."""
    found = question.around.kubelet
    if found is None:
        return Opinion(KUBELET, (), "no kubelet runs here")
    stated = next((address for address in found.node_ips if address.version == question.family), None)
    if stated is None:
        return Opinion(KUBELET, (), f"kubelet (process {found.pid}) has no --node-ip of IPv{question.family}")
    said = f"kubelet (process {found.pid}) has --node-ip"
    candidate = question.candidate(stated)
    if candidate is None:
        return Opinion(KUBELET, (), f"{said} {stated}, which no link has")
    if not candidate.accepted:
        return Opinion(KUBELET, (), f"{said} {_place(candidate)}, which {candidate.evidence}")
    return Opinion(KUBELET, (candidate.interface,), f"{said} {_place(candidate)}")


def internal_ip(question: AddressQuestion) -> Opinion:
    """Return the InternalIP of this host's Kubernetes Node: what its kubelet found, where it was told nothing.

    A kubelet asks the resolver for the host name and then takes the default route (pkg/kubelet/nodestatus@kubernetes
    v1.31), so this is no better evidence than these.
    """
    found = next((one for one in question.around.internal if one.version == question.family), None)
    if found is None:
        return Opinion(INTERNAL_IP, (), f"the Kubernetes Node has no InternalIP of IPv{question.family}")
    candidate = question.candidate(found)
    said = "the Kubernetes Node has the InternalIP"
    if candidate is None:
        return Opinion(INTERNAL_IP, (), f"{said} {found}, which no link has")
    if not candidate.accepted:
        return Opinion(INTERNAL_IP, (), f"{said} {_place(candidate)}, which {candidate.evidence}")
    return Opinion(INTERNAL_IP, (candidate.interface,), f"{said} {_place(candidate)}")


def last_choice(question: AddressQuestion) -> Opinion:
    """Return the address that was chosen before, while it is as good as it was then."""
    kept = question.kept
    if kept is None:
        return Opinion(LAST_CHOICE, (), "none is remembered")
    why = lapse(kept, question.candidates)
    if why:
        return Opinion(LAST_CHOICE, (), f"{kept.interface.ip} ({kept.link}) {why}")
    candidate = still(kept, question.candidates)
    assert candidate is not None
    moved = "" if candidate.link == kept.link else f" on {kept.link}"
    return Opinion(LAST_CHOICE, (candidate.interface,), f"{_place(candidate)}, {_since(kept)}{moved}")


def own_record(question: AddressQuestion) -> Opinion:
    """Return the address under which the cluster knows this host, if it demonstrably works: BGP sessions begin there,
    or an agent on this machine chose it and claimed the name with it.

    A record alone is no evidence: calico/node writes whatever it was told or found.
    """
    around = question.around
    if isinstance(around.datastore, Unreadable):
        return Opinion(OWN_RECORD, (), f"the datastore cannot be read: {around.datastore.reason}")
    registered = [
        (node.name, held.ip) for node in around.own_records if (held := node.registered(question.family)) is not None
    ]
    if not registered:
        return Opinion(OWN_RECORD, (), f"no node record of this host has an IPv{question.family} address")
    answers: dict[IPInterface, None] = {}
    words: list[str] = []
    for name, address in registered:
        candidate = question.candidate(address)
        said = f"node {name} is registered with {address}"
        if candidate is None:
            words.append(f"{said}, which no link has")
        elif address not in around.speaking | around.claimed:
            words.append(f"{said} ({candidate.link}), and no BGP session that is established begins there")
        elif not candidate.accepted:
            words.append(f"{said} ({candidate.link}), which {candidate.evidence}")
        else:
            borne_out = "has BGP sessions from it" if address in around.speaking else "this machine claimed it"
            words.append(f"{said} ({candidate.link}), and {borne_out}")
            answers[candidate.interface] = None
    return Opinion(OWN_RECORD, tuple(answers), "; ".join(words))


def _nothing(found: tuple[Candidate, ...], question: AddressQuestion) -> str:
    if found:
        return f"finds {_place(found[0])}, which {found[0].evidence} (allow_rejected = true takes it all the same)"
    method = question.settings.calico
    if method is not None and method.kind is MethodKind.INTERNAL_IP:
        return f"finds nothing: {internal_ip(question).detail if question.around.internal else _NOT_ASKED}"
    if method is None or method.kind is not MethodKind.CAN_REACH:
        return "matches no address of this host"
    if not question.around.reachable.get(method.destination):
        return f"finds nothing: {method.destination} has no IPv{question.family} address, or its name is not resolved"
    return f"finds nothing: the kernel knows no way to {method.destination} from an address of this host"


def _is_kept(candidate: Candidate, kept: KeptAddress | None) -> bool:
    return kept is not None and (candidate.interface.ip, candidate.link) == (kept.interface.ip, kept.link)


def _since(kept: KeptAddress) -> str:
    return f"kept since {kept.since:%Y-%m-%d %H:%M} UTC, when the rule {kept.rule!r} chose it"


def _place(candidate: Candidate) -> str:
    return f"{candidate.interface.ip} ({candidate.link})"


def _sentence(candidate: Candidate) -> str:
    return f"{candidate.interface} {candidate.link} {candidate.evidence}"
