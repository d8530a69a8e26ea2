"""Pod CIDRs that overlap, with host-local IPAM."""

from dataclasses import replace

import pytest

from calico_agent.model.observation import Observation
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from tests.checks.case import Case, check
from tests.checks.cluster import DATASTORE, HEALTHY, also, block, claim, routed, stored, via

LOCAL = DatastoreSettings((), kubernetes=KubernetesSettings(pod_cidrs=True))


def given(*more: tuple[str, str], without: str = "") -> Observation:
    """The healthy cluster with these pod CIDRs more, each with its route."""
    blocks = (*(one for one in DATASTORE.blocks if str(one.cidr) != without), *(block(*one) for one in more))
    routes = [via(cidr, f"10.77.0.1{name[-1]}") for name, cidr in more]
    claims = (*DATASTORE.affinities, *(claim(*one) for one in more))
    seen = stored(also(HEALTHY, *routes) if not without else routed(*routes), blocks=blocks, affinities=claims)
    return replace(seen, datastore_settings=LOCAL)


CASES = {
    "one inside of another": Case(
        given(("host3", "192.168.2.0/25")),
        {"RT-POD-CIDRS 192.168.2.0/26": set()},
        says=("the pod CIDR 192.168.2.0/26 of node host2 lies in 192.168.2.0/25, that of node host3",),
    ),
    "the same twice: of the records of both the last one is the block": Case(
        given(("host3", "192.168.2.0/26"), without="192.168.2.0/26"),
        {"RT-POD-CIDRS 192.168.2.0/26": set()},
        says=("nodes host2 and host3 have the same pod CIDR", "kubectl delete node host3"),
        unsaid=("blockaffinities", "etcdctl"),
    ),
    "side by side": Case(given(), {}),
    "two of one node": Case(given(("host2", "192.168.2.0/27")), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_pod_cidrs(case: str) -> None:
    check(CASES[case])
