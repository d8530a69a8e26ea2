"""The model held against every recording: from the same records it computes the recorded routes and sessions.

What is not as recorded stands in `EXPLAINED`, with its reason. A recording is a moment, the model a settled state.
"""

from pathlib import Path

import pytest

from tests.worlds.recorded import differences, registered

DATA = Path(__file__).parent.parent / "data"
HOSTS = sorted(path.parent.relative_to(DATA).as_posix() for path in DATA.glob("calico-*/*/host*/ip-route.json"))

ENDPOINTS = "for most VXLAN devices of others Felix writes a route to their address; nothing depends on it (`onlink`)"
BIRD_0_3_1 = "this BIRD takes a route with the right gateway for its own, whatever its device"

# How many lines differ, and why.
EXPLAINED = {
    "calico-v2.3/address-already-in-use/host3": (1, "a pod of the node that this host was before has left its link"),
    "calico-v2.3/ipip-mode-changed-while-stopped/host1": (4, BIRD_0_3_1),
    "calico-v3.31.7/address-already-in-use/host1": (1, "host2 was stopped less than 120 s before"),
    "calico-v3.31.7/bird-hung/host2": (2, "BIRD does not answer, so no session was recorded"),
    "calico-v3.31.7/name-kept-in-nodename-file/host2": (1, "its kernel is as before, when host3 had docker0's address"),
    "calico-v3.31.7/name-of-another-host/host1": (1, "host2 ended its sessions less than 120 s before"),
    "calico-v3.31.7/node-record-deleted/host3": (2, "without a record confd leaves BIRD's configuration as it was"),
    "calico-v3.31.7/vxlan-always/host1": (2, ENDPOINTS),
    "calico-v3.31.7/vxlan-always/host3": (2, ENDPOINTS),
    "calico-v3.31.7/vxlan-docker-bridge-address/host1": (2, ENDPOINTS),
    "calico-v3.31.7/vxlan-docker-bridge-address/host2": (2, ENDPOINTS),
    "calico-v3.31.7/vxlan-docker-bridge-address/host3": (2, ENDPOINTS),
    "calico-v3.32.1/felix-hung/host1": (1, "the route that CNI wrote, without Felix's metric, is exported for itself"),
    "calico-v3.32.1/felix-hung/host2": (2, "Felix hangs: the route to the new pod is the one that CNI wrote"),
    "calico-v3.32.1/felix-hung/host3": (1, "the route that CNI wrote, without Felix's metric, is exported for itself"),
}


KEPT = "it was given no address, so that the one of the record stays: another host wrote it"

# What start-up would have written otherwise: how many fields, and why.
REGISTERED = {
    "calico-v2.3/name-of-another-host/host2": (1, "host3 was started with the same name after it"),
    "calico-v3.31.7/name-kept-in-nodename-file/host2": (1, KEPT),
    "calico-v3.31.7/name-of-another-host/host2": (1, KEPT),
}


@pytest.mark.parametrize("recorded", HOSTS)
def test_the_model_computes_what_was_recorded(recorded: str) -> None:
    found = list(differences((DATA / recorded).parent, recorded.rpartition("/")[2]))
    expected, why = EXPLAINED.get(recorded, (0, ""))
    assert len(found) == expected, (why, found)


@pytest.mark.parametrize("recorded", HOSTS)
def test_start_up_writes_the_record_that_was_recorded(recorded: str) -> None:
    """Each host starts for the first time, with what it was given there and the links that it has."""
    found = list(registered((DATA / recorded).parent, recorded.rpartition("/")[2]))
    expected, why = REGISTERED.get(recorded, (0, ""))
    assert len(found) == expected, (why, found)


def test_every_explanation_is_of_a_recording() -> None:
    assert EXPLAINED.keys() | REGISTERED.keys() <= set(HOSTS)
