"""What is said of blocks that several nodes claim, and of nodes to whose blocks nothing can lead."""

from collections.abc import Collection, Iterator

from calico_agent.checks.commands import registered_again, started_anew_on
from calico_agent.checks.records import claim_on_block, deleted
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.node.registration import NODE_NO_ADDRESS, NODE_NO_RECORD
from calico_agent.faults.routes.blocks import RT_DUPLICATE_AFFINITY
from calico_agent.model.finding import ConditionType, Finding, Severity
from calico_agent.text import counted, listed


def find_double_claims(view: View, expectation: Expectation) -> Iterator[Finding]:
    """Yield blocks that several nodes claim."""
    for claim in expectation.double_claims:
        names = listed(claim.claimants)
        others = [name for name in claim.claimants if name != claim.owner]
        owner = claim.owner or "nobody"
        yield RT_DUPLICATE_AFFINITY.finding(
            str(claim.block),
            f"block {claim.block} is claimed by {names}",
            why=f"the block itself says {owner}; affinity keys of {listed(tuple(others))} say otherwise",
            effect="each of them advertises it and drops what belongs to the other"
            if len(claim.advertisers) > 1
            else f"{listed(claim.advertisers)} advertises it, and IPAM gives its addresses to pods of {owner}",
            cure=f"{'; '.join(deleted(view, claim_on_block(view, name, claim.block)) for name in others)}, if it is "
            f"pods of {owner} that have its addresses: calicoctl ipam check --show-all-ips"
            if len(claim.advertisers) > 1
            else "calicoctl ipam check --show-all-ips shows whose pods have its addresses: one of both words is wrong",
            node=claim.owner or view.me,
            prefix=claim.block,
        )


def find_unreachable(view: View, expectation: Expectation, without: Collection[str]) -> Iterator[Finding]:
    """Yield nodes with blocks to which nothing can lead, but those of which more is known."""
    if view.local.leaves_routing:
        return
    for node, blocks in sorted(expectation.unreachable.items()):
        if node in without:
            continue
        recorded = view.cluster is not None and node in view.cluster.nodes
        fault = NODE_NO_ADDRESS if recorded else NODE_NO_RECORD
        yield fault.finding(
            node,
            f"{counted(blocks, 'block')} of node {node}, but the datastore has no address for {node}",
            why="its record has none: calico/node there did not get one, or gave it up"
            if recorded
            else "it has no record",
            effect="no route leads to its pods",
            cure=started_anew_on(view, node, "IP=ADDRESS, one of its own")
            if recorded
            else f"if {node} is gone, release its blocks (calicoctl ipam check); else {registered_again(view, node)}",
            node=node,
            severity=Severity.WARNING,
            condition=ConditionType.ROUTES_IN_PLACE,
        )
