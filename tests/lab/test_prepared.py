"""Hosts that work: the preflight has nothing against any of them."""

import json
from collections import Counter

import pytest

from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.real]


@pytest.mark.parametrize("shape", ["cluster", "overlay"])
def test_nothing_is_said_against_a_host_that_works(shape: str, request: pytest.FixtureRequest) -> None:
    lab: Lab = request.getfixturevalue(shape)
    for host in ("host1", "host2", "host3"):
        found = lab.exec(host, "calico-agent", "preflight", "--json")
        checks = json.loads(found.stdout)["checks"]
        said = [f"{one['code']}: {one['what']}" for one in checks if one["verdict"] in {"warning", "failure"}]
        assert (said, found.returncode) == ([], 0), host
        assert Counter(one["verdict"] for one in checks)["ok"] >= 20, checks
