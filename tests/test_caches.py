"""A cache makes a pass quicker and changes no verdict: recordings are judged with caches, and then without."""

import random

import pytest

from calico_agent.model.last_value_cache import LastValueCache
from tests.places import DATA
from tests.replay import read_capture
from tests.replay.judge import assess_observation

HOSTS = sorted(path.parent for path in DATA.glob("calico-*/*/host*/bird.txt"))[::3]


def test_what_a_cache_holds_of_another_host_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {host: read_capture(host.parent, host.name) for host in HOSTS}
    shuffled = random.Random(7).sample(HOSTS, len(HOSTS))
    found = {host: assess_observation(seen[host]) for host in (*HOSTS, *shuffled)}
    monkeypatch.setattr(LastValueCache, "__call__", lambda cache, *inputs, **named: cache._make(*inputs, **named))
    assert len(found) > 20
    assert [str(host) for host in HOSTS if found[host] != assess_observation(seen[host])] == []
