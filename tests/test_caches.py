"""Caches make a pass quicker and change no verdict: every recording is judged with caches, and without any."""

import random
from typing import Any

from calico_agent.model.last_value_cache import Caches
from tests.places import DATA
from tests.replay import read_capture
from tests.replay.judge import assess_observation

HOSTS = sorted(path.parent for path in DATA.glob("calico-*/*/host*/bird.txt"))


class Nothing(Caches):
    """Caches that keep nothing."""

    def value(self, function: object, make: Any, *inputs: Any, **named: Any) -> Any:  # noqa: ARG002 - none is kept
        return make(*inputs, **named)


def test_what_a_cache_holds_of_another_host_changes_no_verdict() -> None:
    seen = {host: read_capture(host.parent, host.name) for host in HOSTS}
    shuffled = random.Random(7).sample(HOSTS, len(HOSTS))
    with Caches().in_use():
        found = {host: assess_observation(seen[host]) for host in (*HOSTS, *shuffled)}
    assert len(found) > 60
    with Nothing().in_use():
        assert [str(host) for host in HOSTS if found[host] != assess_observation(seen[host])] == []
