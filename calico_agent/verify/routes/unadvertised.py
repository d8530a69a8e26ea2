"""Pods in use of which their node tells nobody by BGP, so that no route to them can be expected.

BIRD on a node advertises the blocks that the node claims: its affinity keys, and of these only the confirmed ones
(confd/pkg/backends/calico/client.go@v3.28.5). A claim is pending for milliseconds while IPAM makes it; one that stays
so, or is gone while the block names the node, is what a crash left behind. Nothing in a pool with disableBGPExport is
advertised, and no single address outside all pools.
"""

from collections import Counter
from collections.abc import Iterator

from calico_agent.model.finding import Finding, Writer
from calico_agent.model.node import AffinityState, Block
from calico_agent.verify.catalogue import finding
from calico_agent.verify.routes.expected import Expectation
from calico_agent.verify.view import View
from calico_agent.verify.words import block_key, counted


def find_unadvertised(view: View, expectation: Expectation) -> Iterator[Finding]:
    """Blocks without a claim that counts, pools that are not exported, addresses outside all pools."""
    silent = expectation.unadvertised
    for block, state in silent.blocks:
        yield _unclaimed(view, block, state)
    for pool, blocks in silent.pools:
        yield finding(
            "RT-NOT-EXPORTED",
            pool.name,
            f"no node advertises its pods in pool {pool.name} ({pool.cidr}): the pool is not exported by BGP",
            why=f"disableBGPExport is set; {counted(blocks, 'block')} in use",
            effect="no route leads to these pods from any other node",
            cure=f'calicoctl patch ippool {pool.name} -p \'{{"spec": {{"disableBGPExport": false}}}}\', '
            "if they are to be reached",
        )
    for node, number in sorted(Counter(one.node for one in silent.addresses).items()):
        yield finding(
            "RT-NOT-EXPORTED",
            node,
            f"node {node} does not advertise {counted(number, 'address')} in use there: no pool contains them",
            why="their pool was deleted, and their block is nobody's",
            effect="no route leads to these pods from any other node",
            cure="create the pool again (calicoctl apply), or start the pods anew in one that exists",
            node=node,
        )


def _unclaimed(view: View, block: Block, state: AffinityState | None) -> Finding:
    node = block.owner or view.me
    claim = "is gone" if state is None else f"is {state.value}"
    key = block_key(node, block.cidr)
    return finding(
        "RT-UNCLAIMED",
        str(block.cidr),
        f"node {node} does not advertise {block.cidr}, where its pods have their addresses: its claim on it {claim}",
        why=f"the block says host:{node}; {key} {'does not exist' if state is None else f'says {state.value}'}",
        effect=f"no route leads to these pods of {node} from any other node",
        cure=f'a new pod on {node} has IPAM repair it; else etcdctl put {key} \'{{"state":"confirmed"}}\'',
        node=node,
        prefix=block.cidr,
        writer=Writer.BIRD,
    )
