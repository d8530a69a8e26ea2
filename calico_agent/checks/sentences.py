"""Sentences that several rules share: whose address something is, and how an address is given to calico/node."""

from functools import partial

from calico_agent.checks.commands import by_kubelet, started_anew
from calico_agent.checks.records import delete_node
from calico_agent.expected.local_node import chosen
from calico_agent.expected.view import View
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.container.container import Container
from calico_agent.model.identity import Candidate
from calico_agent.model.name_lease import NameLease, claim_on
from calico_agent.model.network.address import Family, IPAddress, IPInterface
from calico_agent.text import listed


def ip_tool(version: int) -> str:
    """Return the command for addresses, links and routes of a family."""
    return "ip -6" if version == 6 else "ip"


def in_family(name: str, version: int) -> str:
    """Return a node as the subject of a finding: IPv4 and IPv6 of one node can be wrong at the same time."""
    return name if version == 4 else f"{name} (IPv6)"


def owner_of(candidate: Candidate) -> str:
    """Return whose address this is: `Docker's bridge docker0`."""
    kind = "Docker's bridge" if candidate.reason == "docker-network" else "the bridge"
    return f"{kind} {candidate.link}"


def env_of(address: IPInterface) -> str:
    """Return the variable by which calico/node is given an address."""
    return f"{'IP' if address.version == 4 else 'IP6'}={address}"


def cure_here(view: View, *settings: str) -> str:
    """Return how calico/node on this host is given other settings: what the plan does, where it does something."""
    container, name = view.local.container, view.container_name
    if not view.supervised:
        more = "" if by_kubelet(view) else "; or run calico-agent in supervise mode"
        return f"{started_anew(view, *settings)}{more}"
    given = " ".join(settings)
    succession = view.succession
    if container is None:
        against = succession.barred or succession.stays
        return f"calico-agent does not make it: {against}" if against else _made(given)
    if all(container.env_value(variable) == value for variable, _, value in map(_parted, settings)):
        return f"docker restart {name} registers {given} again, which it was given"
    if succession.stays:
        return succession.on_purpose
    if succession.barred:
        return f"calico-agent does not replace the container while this holds: {succession.barred}"
    if container.alive and not container.running:
        return f"docker unpause {name}: calico-agent then replaces it with {given}"
    if container.managed and view.only_reports_drift and all(map(partial(_is_the_same_node, container), settings)):
        return f"docker rm -f {name}: calico-agent then makes it anew with {given}"
    if container.managed or view.takes_over:
        return f"calico-agent replaces the container with {given}"
    return f"docker rm -f {name}: calico-agent then makes one of its own with {given}"


def _made(given: str) -> str:
    return f"calico-agent makes the container with {given}"


def _is_the_same_node(container: Container, setting: str) -> bool:
    """Whether only the length of a prefix differs, which is drift and no other identity."""
    variable, _, value = _parted(setting)
    return container.env_value(variable).partition("/")[0] == value.partition("/")[0]


def _parted(setting: str) -> tuple[str, str, str]:
    return setting.partition("=")


def own_address(view: View, family: Family) -> str:
    """Return how calico/node on this host is given the address that this host should have, as far as that is known.

    Where several may be it, people choose; calico-agent makes no container then.
    """
    choice = view.identity.of(family)
    if choice.chosen is not None:
        return cure_here(view, env_of(choice.chosen))
    among = next((one.answers for one in choice.opinions if one.answers), ())
    among = among or tuple(one.interface for one in choice.candidates if one.accepted)
    if not among:
        return _without(view, family) or "`calico-agent detect` shows which addresses this host has"
    if len(among) == 1 and not choice.wanted:
        return cure_here(view, env_of(among[0]))
    right = f"the right one of {listed(tuple(map(str, among)))} (`calico-agent detect` shows what speaks for each)"
    if view.supervised:
        return f"write [identity] ipv{family} into the configuration: {right}"
    variable = "IP" if family is Family.IPV4 else "IP6"
    return f"{started_anew(view, f'{variable}=ADDRESS')}, {right}"


def _without(view: View, family: Family) -> str:
    """Return how a node that has an address of the other family is registered without one of this family.

    With `none` alone calico/node keeps what the record has (startup.go@v3.32.1). Empty where it needs one, and for 2.x.
    """
    node, settings = view.local.node, view.observation.datastore_settings
    own = node.registered(Family(10 - family)) if node is not None else None
    held = view.local.candidate(own.ip) if own is not None else None
    if node is None or held is None or not held.accepted or settings is None or settings.is_of_calico_2:
        return ""
    none = cure_here(view, f"{'IP' if family is Family.IPV4 else 'IP6'}=none")
    return f"this host has no IPv{family} address for it: {none}; then {_address_taken(node.name, family)}"


def address_given_up_first(view: View, family: Family) -> str:
    """Return what comes before a new address where another record still has that one: this record gives up its old one.

    Machines that came up with each other's addresses wait for each other for ever: calico/node does not start with an
    address that another record has, and keeps its own until it does (startup.go@v3.32.1). 2.x cannot patch a record.
    """
    node, wanted, settings = view.local.node, chosen(view.identity, family), view.observation.datastore_settings
    if view.cluster is None or node is None or wanted is None or settings is None or settings.is_of_calico_2:
        return ""
    holders = [name for name in view.cluster.holders.get(wanted.ip, ()) if name != node.name]
    return f"{_address_taken(node.name, family)} frees the old address; then " if holders else ""


def _address_taken(node: str, family: Family) -> str:
    field = "ipv4Address" if family is Family.IPV4 else "ipv6Address"
    return f"""calicoctl patch node {node} -p '{{"spec":{{"bgp":{{"{field}":null}}}}}}'"""


def as_before(view: View, name: str) -> str:
    """Return how this host becomes the node that it was: calico/node refuses an address that another record has."""
    return f"{delete_node(view, view.me)}, then start calico/node here as {name} again (NODENAME={name})"


def cut_off(view: View, address: IPAddress | None = None) -> str:
    """Return what it means for this host's pods that its record has `address`, which leads nowhere, or none at all.

    Without encapsulation and with IPIP, routes come by BGP. VXLAN needs none of it: there all routes stay and look
    right, and the packets inside the tunnel go to the wrong host.
    """
    pools = view.cluster.datastore.pools if view.cluster else ()
    ours = [pool for pool in pools if address is None or pool.cidr.version == address.version]
    tunnelled = any(_by_vxlan(pool) for pool in ours)
    effects = []
    if view.local.uses_bird:
        routes = not tunnelled or not all(_by_vxlan(pool) for pool in ours)
        alone = ", and this host gets no routes but those to its own pods" if routes else ""
        effects.append(f"the other nodes refuse its BGP sessions{alone}")
    if tunnelled:
        where = f"go to {address} instead of this host" if address else "go nowhere"
        effects.append(
            f"VXLAN packets of the other nodes for its pods {where}: they are lost, even where routes are right"
        )
    return "; ".join(effects)


def _by_vxlan(pool: Pool) -> bool:
    return pool.vxlan is not EncapsulationMode.NEVER


def since_when(claim: NameLease) -> str:
    """Return since when a claimed name is its holder's."""
    since = claim.owner.since if claim.owner else None
    return "at a time that is not known" if since is None else f"since {since:%Y-%m-%d %H:%M:%S} UTC"


def claimed_by(view: View, name: str) -> str:
    """Return who holds a name, as the end of a sentence; empty where nobody claimed it."""
    claim = claim_on(name, view.cluster.datastore.claims) if view.cluster else NameLease()
    return f"; the name {name} is claimed by {claim.holder} {since_when(claim)}" if claim.holder else ""
