"""What one pass asks about pods and nodes, put to whoever can answer: the mirror, a recording, the datastore itself."""

from collections.abc import Callable, Collection
from dataclasses import replace

from calico_agent.expected.pods import (
    MOST_ASKED,
    away_from_owners,
    contested,
    former_names,
    lost_addresses,
    own_blocks,
    unclaimed_blocks,
    unled_links,
    with_asked,
)
from calico_agent.expected.view import View
from calico_agent.faults.bgp.bird import BIRD_LINK
from calico_agent.faults.node.kubernetes import NODE_NOT_READY
from calico_agent.model.assessment import Assessment, Key
from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.finding import Severity
from calico_agent.model.joining import Area
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import host_prefix
from calico_agent.model.observation import Observation, Unreadable

BlocksOf = Callable[[Collection[IPNetwork]], tuple[Block, ...]]
_BY_NODES = frozenset({Area.NAME, Area.ADDRESS, Area.NODE, Area.BGP, Area.ROUTES})

EndpointsOf = Callable[[frozenset[str], frozenset[int], frozenset[IPAddress]], WorkloadEndpoints | Unreadable | None]


def with_pods(view: View, blocks_of: BlocksOf, endpoints_of: EndpointsOf) -> Observation:
    """The view's observation with what is known of pods. The list of all pods is never asked for.

    `blocks_of` has the newest of some blocks, `endpoints_of` the records of some nodes' pods, for what these are to
    explain: links without a route, addresses that lead nowhere, and pods here in blocks of a node that this host may
    have been.
    """
    name, cluster, kernel = view.local.name, view.cluster, view.kernel
    if name is None or cluster is None or kernel is None:
        return view.observation
    led_away = tuple(contested(view, cluster, kernel))
    disputed = {route.address: block for route, block in led_away}
    former = former_names(view, cluster)
    stranded = any(route.gateway is None and cluster.blocks[key_of(block)].owner in former for route, block in led_away)
    away = away_from_owners(cluster, kernel)
    open_questions = {one.block for one in away} | unclaimed_blocks(cluster, kernel)
    unread = frozenset(sorted(open_questions, key=key_of)[:MOST_ASKED])
    wanted = own_blocks(cluster, name) | frozenset(disputed.values()) | unread
    blocks = {block.cidr: block for block in blocks_of(wanted)}
    held = frozenset(address for block in blocks.values() for address in block.held_by(name))
    holders = {address: blocks[cidr].holder(address) for address, cidr in disputed.items() if cidr in blocks}
    node = cluster.nodes.get(name)
    for _, address in node.tunnel_addresses() if node is not None else ():
        around = cluster.block_index.covering(key_of(host_prefix(address)))
        if around is not None and around.cidr in blocks:
            holders[address] = blocks[around.cidr].holder(address)
    given = {address: holder for address, holder in holders.items() if holder is not None}
    seen = replace(view.observation, held=held, given=given)
    if not cluster.datastore.blocks_read:
        seen = replace(seen, datastore=with_asked(cluster.datastore, away, blocks))
    unled = frozenset(link.index for link in unled_links(kernel))
    lost = frozenset(lost_addresses(replace(view, observation=seen), kernel))
    if not unled and not lost and not stranded:
        return seen
    return replace(seen, pods=endpoints_of(frozenset((name, *former)), unled, lost))


def suspects_of(assessment: Assessment) -> frozenset[str]:
    """The nodes with a finding that would follow from a node that is not ready."""
    findings = (one for problem in assessment.problems for one in (problem.cause, *problem.consequences))
    return frozenset(
        one.node for one in findings if one.node and any(NODE_NOT_READY in causes.faults for causes in one.fault.causes)
    )


def hanging_on_nodes(assessment: Assessment) -> frozenset[Key]:
    """The keys of findings that other records of nodes might not show: of nodes that are new, gone or readdressed.

    Not those that only inform.
    """
    findings = (one for problem in assessment.problems for one in (problem.cause, *problem.consequences))
    by_nodes = (one for one in findings if one.fault.area in _BY_NODES or one.fault is BIRD_LINK)
    return frozenset(one.key for one in by_nodes if one.severity is not Severity.INFO)
