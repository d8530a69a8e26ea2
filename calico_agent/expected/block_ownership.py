"""Who claims a block: its own word, and the affinity keys of the nodes."""

from dataclasses import dataclass

from calico_agent.expected.cluster import Cluster
from calico_agent.model.calico.node import AffinityState, Block
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.prefix import Key


@dataclass(frozen=True, slots=True)
class AffinityConflict:
    """A block that several nodes claim; `owner` is the block's own word, `advertisers` have a confirmed claim on it."""

    block: IPNetwork
    owner: str | None
    claimants: tuple[str, ...]
    advertisers: tuple[str, ...] = ()


def claim_state(cluster: Cluster, key: Key, block: Block) -> AffinityState | None:
    """Return the state of the owner's claim on its block, None when it has none."""
    claims = cluster.affinities.get(key, ())
    return next((claim.state for claim in claims if claim.node == block.owner), None)


def double_claim(cluster: Cluster, key: Key, block: Block) -> AffinityConflict | None:
    """Return the block as one that several nodes claim, None where there is one at most."""
    claims = cluster.affinities.get(key, ())
    confirmed = {claim.node for claim in claims if claim.state is AffinityState.CONFIRMED}
    claimants = confirmed | {block.owner} if block.owner and confirmed else confirmed
    if len(claimants) < 2:
        return None
    return AffinityConflict(block.cidr, block.owner, tuple(sorted(claimants)), tuple(sorted(confirmed)))
