"""The kinds of objects that are read, where the API has them, and how each of them is followed.

Of Calico's two groups there is one: v3 alone where a cluster was set up so (k8s/discovery.go of libcalico-go in
projectcalico/calico@v3.32.1).
"""

from dataclasses import dataclass

from calico_agent.sources.datastore.kubernetes.client import METADATA, ONE_METADATA
from calico_agent.sources.datastore.kubernetes.decode import AFFINITIES, BLOCKS, NODES, PREFIXES

V1, V3 = "crd.projectcalico.org", "projectcalico.org"
_VERSIONS = {V1: "v1", V3: "v3"}
_JSON = "application/json"
STAMP = "clusterinformations/"
"""A kind of one small object: a list of it tells where the API is."""


@dataclass(frozen=True, slots=True)
class FollowedKind:
    """Objects of one kind: `prefix` begins their keys, `path` is where the API has them.

    `listed_as` and `watched_as` are what is asked for of each. `cached`: they are listed from the server's memory.
    `polled`: they are listed now and then, and not watched.
    """

    prefix: str
    path: str
    listed_as: str = _JSON
    watched_as: str = _JSON
    cached: bool = False
    polled: bool = False


def group_of(groups: frozenset[str], told: str = "") -> str | None:
    """Which of Calico's groups counts; None where there is none. `told`: what CALICO_API_GROUP says, if anything."""
    if told in _VERSIONS and told in groups:
        return told
    if V1 in groups:
        return V1
    return V3 if V3 in groups else None


def kinds_of(group: str, *, large: bool, pod_cidrs: bool) -> tuple[FollowedKind, ...]:
    """What is read of a cluster, and how.

    In a small one all of it is watched, as confd and Felix do. In a large one that costs the API too much: every
    kubelet writes its Node, and blocks change with every pod. There affinities alone are watched, which name owner and
    network of each block; single blocks are asked for when they are needed, and all else is listed now and then.
    With host-local IPAM (`pod_cidrs`) blocks are in the specification of the Nodes, and else their metadata does.
    """
    without = {BLOCKS, AFFINITIES} if pod_cidrs else {BLOCKS} if large else set()
    return tuple(_kind(group, prefix, large=large, pod_cidrs=pod_cidrs) for prefix in PREFIXES if prefix not in without)


def path_of(group: str, prefix: str) -> str:
    """Where the API has the objects of a kind."""
    plural = prefix.rstrip("/")
    return "/api/v1/nodes" if prefix == NODES else f"/apis/{group}/{_VERSIONS[group]}/{plural}"


def _kind(group: str, prefix: str, *, large: bool, pod_cidrs: bool) -> FollowedKind:
    metadata = prefix == NODES and not pod_cidrs
    return FollowedKind(
        prefix,
        path_of(group, prefix),
        listed_as=METADATA if metadata else _JSON,
        watched_as=ONE_METADATA if metadata else _JSON,
        cached=large,
        polled=large and prefix != AFFINITIES,
    )
