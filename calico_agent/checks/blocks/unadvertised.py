"""Pods in use whose blocks their node tells nobody about by BGP, so that no route to them can be expected.

BIRD on a node advertises the blocks that the node claims: its affinity keys, and of these only the confirmed ones
(confd/pkg/backends/calico/client.go@v3.28.5). A claim is pending for milliseconds while IPAM makes it; one that stays
so, or is gone while the block names the node, is what a crash left behind. The filter that keeps single addresses back
goes by the same claims (bird_aggr.cfg.template), so that BIRD then advertises each address of such a block that lies
in a pool. Nothing in a pool with disableBGPExport is advertised, and no single address outside all pools.
"""

from collections import Counter
from collections.abc import Iterator

from calico_agent.checks.records import claim_on_block, confirmed
from calico_agent.expected.pods import host_routes, is_lost
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.blocks import RT_NOT_EXPORTED, RT_POOL_GONE, RT_UNCLAIMED
from calico_agent.model.calico.node import AffinityState, Block, Borrowed
from calico_agent.model.finding import Finding, Severity, Writer
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.prefix import key_of
from calico_agent.text import counted, listed


def find_unadvertised(view: View, expectation: Expectation) -> Iterator[Finding]:
    """Yield blocks without a claim that counts, pools that are not exported, addresses outside all pools."""
    silent = expectation.unadvertised
    for block, state in silent.blocks:
        yield _unclaimed(view, block, state)
    for pool, blocks in silent.pools:
        yield RT_NOT_EXPORTED.finding(
            pool.name,
            f"no node advertises its pods in pool {pool.name} ({pool.cidr}): the pool is not exported by BGP",
            why=f"disableBGPExport is set; {counted(blocks, 'block')} in use",
            effect="no route leads to these pods from any other node",
            cure=f'calicoctl patch ippool {pool.name} -p \'{{"spec": {{"disableBGPExport": false}}}}\', '
            "if they are to be reached",
            family=pool.cidr.version,
        )
    if silent.addresses:
        yield _outside(view, silent.addresses)
    if silent.ownerless:
        yield _of_nobody(view, silent.ownerless)


def _of_nobody(view: View, found: tuple[Block, ...]) -> Finding:
    """Blocks in no pool that do not say who uses them: pods of this host in them prove that somebody does."""
    routes = host_routes(view.kernel) if view.kernel is not None else ()
    ours = [one.address for one in routes if one.gateway is None and any(one.address in block.cidr for block in found)]
    blocks = sorted((block.cidr for block in found), key=key_of)
    shown = listed(tuple(map(str, blocks)))
    whose = f"in use on this host: {listed(tuple(map(str, ours)))}" if ours else _WHOSE
    return _gone(
        blocks[0],
        f"addresses in use lie in no pool: the pool of {shown} was deleted",
        why=f"{_LOST.format(blocks=shown)}{whose}",
        severity=Severity.ERROR if ours else Severity.WARNING,
    )


def _outside(view: View, addresses: tuple[tuple[Borrowed, Block], ...]) -> Finding:
    """Addresses in no pool. That pods have them, and none leaked, is known of those that lead to pods here."""
    blocks = sorted({block.cidr for _, block in addresses}, key=key_of)
    nodes = Counter(one.node for one, _ in addresses)
    ours = [one.address for one, _ in addresses if one.node == view.local.name]
    proved = view.kernel is not None and any(not is_lost(view.kernel, address) for address in ours)
    shown, one_only = listed(tuple(map(str, blocks))), len(addresses) == 1
    ownerless = all(block.owner is None for _, block in addresses)
    return _gone(
        blocks[0],
        f"{'1 address' if one_only else f'{len(addresses)} addresses'} in use on "
        f"{counted(len(nodes), 'node')} {'lies' if one_only else 'lie'} in no pool: the pool of {shown} was deleted",
        why=f"{_LOST.format(blocks=shown) if ownerless else ''}in use: "
        + listed(tuple(f"{number} on {node}" for node, number in sorted(nodes.items()))),
        severity=Severity.ERROR if proved else Severity.WARNING,
    )


_LOST = "nobody owns {blocks}: blocks lose their owner when their pool is deleted, and never get it back; "
_WHOSE = "blocks of Calico 2.x do not say who uses them"


def _gone(block: IPNetwork, what: str, *, why: str, severity: Severity) -> Finding:
    return RT_POOL_GONE.finding(
        str(block),
        what,
        why=why,
        effect="no node advertises them: no route leads to these pods from any other node",
        cure="create the pool again (calicoctl apply): each address is then advertised alone; or start these pods anew "
        "in a pool that exists",
        severity=severity,
        family=block.version,
    )


def _unclaimed(view: View, block: Block, state: AffinityState | None) -> Finding:
    node = block.owner or view.me
    claim = "is gone" if state is None else f"is {state.value}"
    key = claim_on_block(view, node, block.cidr)
    alone = view.cluster is not None and view.cluster.pools.covering(key_of(block.cidr)) is not None
    return RT_UNCLAIMED.finding(
        str(block.cidr),
        f"node {node} does not advertise {block.cidr}, where its pods have their addresses: its claim on it {claim}",
        why=f"the block says host:{node}; {key} {'does not exist' if state is None else f'says {state.value}'}",
        effect=f"BIRD on {node} advertises each of these pods alone; packets for addresses that no pod has "
        "follow the default route"
        if alone
        else f"no route leads to these pods of {node} from any other node",
        severity=Severity.WARNING if alone else None,
        cure=f"a new pod on {node} has IPAM repair it; else {confirmed(view, key)}",
        node=node,
        prefix=block.cidr,
        writer=Writer.BIRD,
    )
