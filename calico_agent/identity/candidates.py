"""The candidates: every address of every link, with a verdict and the evidence for it.

An address is rejected by what the host shows about it (who made the link, what it is connected to, what the cluster
says), not by how the link is called: names are guesses. Each test answers with its evidence as a phrase that follows
the address and the link ("172.17.0.1/16 docker0 ..."), or with nothing.
"""

from collections.abc import Callable
from enum import StrEnum

from calico_agent.identity import links
from calico_agent.identity.evidence import Evidence
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.observation import Unreadable


class Rejection(StrEnum):
    """Why an address cannot be the node's, for machines."""

    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    DOCKER_NETWORK = "docker-network"
    CALICO_POOL = "calico-pool"
    VRF = "vrf"
    VIRTUAL_LINK = "virtual-link"
    BRIDGE_WITHOUT_PORT = "bridge-without-port"
    CONTAINER_VETH = "container-veth"
    ON_OTHER_HOSTS = "on-other-hosts"
    TENTATIVE = "tentative"
    DEPRECATED = "deprecated"
    TEMPORARY = "temporary"
    FLOATING = "floating"
    LINK_DOWN = "link-down"
    NO_CARRIER = "no-carrier"
    POOL_OVERLAP = "pool-overlap"
    LINK_NAME = "link-name"


# What no configuration can make right: other nodes cannot reach such an address, whatever was meant. Everything else
# is a presumption: an address that was written down by hand overrides it, and so does stronger evidence (`weighing`).
NEVER = frozenset(
    {
        Rejection.LOOPBACK,
        Rejection.LINK_LOCAL,
        Rejection.DOCKER_NETWORK,
        Rejection.CALICO_POOL,
        Rejection.CONTAINER_VETH,
        Rejection.ON_OTHER_HOSTS,
        Rejection.TENTATIVE,
    }
)


def candidates(around: Evidence) -> tuple[Candidate, ...]:
    """Return all addresses of this host in the kernel's order, each with the first evidence against it."""
    return tuple(judge(link, held, around) for link in around.kernel.links for held in link.addresses)


def judge(link: Link, held: LinkAddress, around: Evidence) -> Candidate:
    """Return the verdict on one address."""
    for reason, test in _TESTS:
        if evidence := test(link, held, around):
            return Candidate(held.interface, link.name, reason, evidence)
    return Candidate(held.interface, link.name)


def _loopback(_link: Link, held: LinkAddress, _: Evidence) -> str:
    if held.address.is_loopback:
        return "is a loopback address"
    return "is valid inside this host only (scope host)" if held.scope == "host" else ""


def _link_local(_link: Link, held: LinkAddress, _: Evidence) -> str:
    return "is link-local: valid on one link only" if held.address.is_link_local else ""


def _docker_network(link: Link, held: LinkAddress, around: Evidence) -> str:
    # A bridge with a physical port may be given to Docker (dockerd --bridge br0): it still is the host's interface.
    # And a corporate network may contain Docker's 172.17.0.0/16: a link that leads out is never judged by subnet.
    if links.leads_out(link, around.kernel):
        return ""
    if isinstance(around.docker, Unreadable):
        if link.kind == "bridge" and links.named_like_docker(link):
            return f"is Docker's by its name or MAC address (Docker itself cannot be asked: {around.docker.reason})"
        return ""
    for network in around.docker.networks:
        in_subnet = link.kind == "bridge" and any(held.address in subnet for subnet in network.subnets)
        if network.bridge == link.name or held.address in network.gateways or in_subnet:
            return f"belongs to Docker's network {network.name!r} (docker network ls)"
    return ""


def _calico_pool(link: Link, held: LinkAddress, around: Evidence) -> str:
    if links.leads_out(link, around.kernel) or (links.is_announced(link) and held.address not in around.in_blocks):
        return ""
    pool = _pool(held, around)
    return f"lies in {pool}: it is a pod's or a tunnel's" if pool else ""


def _vrf(link: Link, _: LinkAddress, around: Evidence) -> str:
    vrf = links.vrf_of(link, around.kernel)
    if vrf is None:
        return ""
    return f"is in the VRF {vrf.name}: its routes are not in the main table, where Calico's are"


def _pool_overlap(_link: Link, held: LinkAddress, around: Evidence) -> str:
    # A pool that is made later does not move this node: it is told as an overlap, and the node stays where it is.
    if held.address in around.own_registered:
        return ""
    pool = _pool(held, around)
    return f"lies in {pool}, from which pods get addresses: pool and host network must not overlap" if pool else ""


def _pool(held: LinkAddress, around: Evidence) -> str:
    """What of Calico's IPAM an address lies in. A pool that gives no addresses to pods only has the blocks it gave
    before, as has one that was deleted."""
    if isinstance(around.datastore, Unreadable):
        return ""
    pools = (pool for pool in around.datastore.pools if pool.gives_addresses and held.address in pool.cidr)
    block = around.in_blocks.get(held.address)
    named = next((f"the IP pool {pool.name} ({pool.cidr})" for pool in pools), "")
    return named or (f"the IPAM block {block}" if block is not None else "")


def _virtual_link(link: Link, _: LinkAddress, around: Evidence) -> str:
    if link.loopback:
        return "is on the loopback device: others reach it only if a routing protocol announces it"
    below = links.ground(link, around.kernel)
    kind = links.VIRTUAL_KINDS.get(below.kind)
    return f"is on {_made_on(link, below)}{kind}" if kind else ""


def _made_on(link: Link, below: Link) -> str:
    return "" if below is link else f"a {link.kind} of {below.name}, which is "


def _bridge_without_port(link: Link, _: LinkAddress, around: Evidence) -> str:
    bridge = links.ground(link, around.kernel)
    if bridge.kind != "bridge" or links.bridge_leads_out(bridge, around.kernel):
        return ""
    what = f"is on {_made_on(link, bridge)}a bridge without"
    names = [port.name for port in links.ports(bridge, around.kernel)]
    if not names:
        return f"{what} any port: it leads nowhere"
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{what} a physical port (its ports: {shown})"


def _container_veth(link: Link, _: LinkAddress, around: Evidence) -> str:
    bridge = next((other for other in around.kernel.links if other.index == link.master), None)
    if link.kind != "veth" or bridge is None or bridge.kind == "vrf":
        return ""
    return f"is on one end of a veth pair that is a port of {bridge.name}"


def _on_other_hosts(_link: Link, held: LinkAddress, around: Evidence) -> str:
    holders = around.shared.get(held.address, ())
    if not holders:
        return ""
    shown = ", ".join(holders[:3]) + (", ..." if len(holders) > 3 else "")
    return f"is an address that other hosts carry too ({shown}): it cannot tell this one from them"


def _tentative(_link: Link, held: LinkAddress, _: Evidence) -> str:
    return "is not usable yet, or a duplicate on its link (duplicate address detection)" if held.tentative else ""


def _deprecated(_link: Link, held: LinkAddress, _: Evidence) -> str:
    return "is deprecated: the kernel no longer uses it for new connections" if held.deprecated else ""


def _temporary(_link: Link, held: LinkAddress, _: Evidence) -> str:
    return "is a temporary (privacy) address: it changes" if held.temporary else ""


def _floating(link: Link, held: LinkAddress, around: Evidence) -> str:
    same_family = [other for other in link.addresses if other.family is held.family and other is not held]
    if ":" in held.label and any(":" not in other.label for other in same_family):
        return f"is an alias or a floating address, by its label {held.label}"
    # DHCPv6 leases an address without its network (RFC 8415), which a router advertises: that one is not floating.
    if held.network.num_addresses > 1 or (held.leased and held.family is Family.IPV6):
        return ""
    for other_link in around.kernel.links:
        for other in other_link.addresses:
            wider = other.network.num_addresses > 1 and held.address in other.network
            if wider and links.leads_out(other_link, around.kernel):
                return f"is a single address beside {other.interface} ({other_link.name}): a floating address (VRRP)"
    return ""


def _link_down(link: Link, held: LinkAddress, around: Evidence) -> str:
    # A link that is switched off, or a cable that is pulled, does not make this host another node: where the cluster
    # knows it by this address, choosing another one would move the node, and move it back afterwards.
    if link.up or held.address in around.own_registered:
        return ""
    return "is on a link that is switched off (ip link set up)"


def _no_carrier(link: Link, held: LinkAddress, around: Evidence) -> str:
    return "" if link.running or held.address in around.own_registered else "is on a link without carrier"


def _link_name(link: Link, _: LinkAddress, around: Evidence) -> str:
    # Only a second piece of evidence: the first is a virtual link that is not known to lead anywhere.
    virtual = link.kind == "veth" and not links.leads_out(link, around.kernel)
    if virtual and links.skipped_by_calico(link.name):
        return "is on a veth pair without a default route, and named like a container's"
    return ""


_Test = Callable[[Link, LinkAddress, Evidence], str]

# The most telling evidence first: docker0 is without carrier, too, but that is not why it is wrong.
_TESTS: tuple[tuple[Rejection, _Test], ...] = (
    (Rejection.LOOPBACK, _loopback),
    (Rejection.LINK_LOCAL, _link_local),
    (Rejection.DOCKER_NETWORK, _docker_network),
    (Rejection.CALICO_POOL, _calico_pool),
    (Rejection.VRF, _vrf),
    (Rejection.VIRTUAL_LINK, _virtual_link),
    (Rejection.BRIDGE_WITHOUT_PORT, _bridge_without_port),
    (Rejection.CONTAINER_VETH, _container_veth),
    (Rejection.ON_OTHER_HOSTS, _on_other_hosts),
    (Rejection.TENTATIVE, _tentative),
    (Rejection.DEPRECATED, _deprecated),
    (Rejection.TEMPORARY, _temporary),
    (Rejection.FLOATING, _floating),
    (Rejection.LINK_DOWN, _link_down),
    (Rejection.NO_CARRIER, _no_carrier),
    (Rejection.POOL_OVERLAP, _pool_overlap),
    (Rejection.LINK_NAME, _link_name),
)
