"""Blocks that a node claims and whose own record is gone: IPAM does not know any more which addresses are in use there.

IPAM writes the block before it confirms the claim, and deletes it before the claim (libcalico-go/lib/ipam at v3.28.5),
so a confirmed claim without its block is what somebody deleted, or a backup lacked. BIRD goes by the claim and
advertises the block all the same; Felix goes by the block.
"""

from collections.abc import Iterator

from calico_agent.checks.records import claim_on_block, deleted, in_kubernetes
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.blocks import RT_BLOCK_GONE
from calico_agent.model.finding import Finding, Severity, Writer


def find_lost_blocks(view: View, expectation: Expectation) -> Iterator[Finding]:
    """Yield each of them."""
    for lost in expectation.lost_blocks:
        node = lost.node or view.me
        claim = claim_on_block(view, node, lost.block)
        yield RT_BLOCK_GONE.finding(
            str(lost.block),
            f"node {node} claims {lost.block}, and the record of this block is gone",
            why=f"{claim} is confirmed, and there is no block of that name",
            effect="IPAM gives its addresses away again, though pods have them"
            + ("" if lost.by_bgp else "; Felix takes the routes to them away"),
            cure=f"write the block again from a backup of {'the API' if in_kubernetes(view) else 'etcd'}; else "
            f"{deleted(view, claim)} and start the pods of {node} anew",
            node=node,
            prefix=lost.block,
            severity=Severity.WARNING if lost.by_bgp else Severity.ERROR,
            writer=Writer.BIRD if lost.by_bgp else Writer.FELIX,
        )
