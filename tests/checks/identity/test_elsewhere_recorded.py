"""A recorded healthy cluster in which the record of host2 has another address than host2: seen from the others.

The copies are edited: the record, and the session that BIRD on the others has to it.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from calico_agent.model.finding import Problem
from tests.places import DATA
from tests.replay import assess_capture

CAPTURES = DATA
OLD, TRUE = "10.77.0.128", "10.77.0.12"


def problems(capture: Path, host: str) -> tuple[Problem, ...]:
    return assess_capture(capture, host).problems


@pytest.fixture(params=["calico-ipip/ipip-always", "calico-ipip/ipip-felix-routes"])
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """host2 goes on with IP empty under the address that was registered before."""
    copy = tmp_path / "capture"
    shutil.copytree(CAPTURES / request.param, copy)
    records = copy / "etcd.jsonl"
    records.write_text(records.read_text().replace(f'"ipv4Address": "{TRUE}/24"', f'"ipv4Address": "{OLD}/24"'))
    for host in ("host1", "host3"):
        bird, routes = copy / host / "bird.txt", copy / host / "ip-route.json"
        text = bird.read_text().replace(f"Neighbor address: {TRUE}", f"Neighbor address: {OLD}")
        row = r"Mesh_10_77_0_12 BGP +master +up +(\S+) +Established"
        bird.write_text(re.sub(row, r"Mesh_10_77_0_128 BGP master start \1 Active Socket: No route to host", text))
        kept = [route for route in json.loads(routes.read_text()) if route.get("gateway") != TRUE]
        routes.write_text(json.dumps(kept))
    return copy


@pytest.mark.parametrize("host", ["host1", "host3"])
def test_the_record_is_the_cause_on_every_other_host(capture: Path, host: str) -> None:
    first, *others = problems(capture, host)
    assert (first.cause.code, first.cause.node, others) == ("IP-ELSEWHERE", "host2", [])
    assert f"node host2 is registered with {OLD}, and has {TRUE} instead" in first.cause.what
    assert f"IP={TRUE}" in first.cause.cure
    assert "BGP-DOWN" in {one.code for one in first.consequences}


def test_it_is_said_on_the_host_itself(capture: Path) -> None:
    assert "IP-NOT-LOCAL" in {problem.cause.code for problem in problems(capture, "host2")}
