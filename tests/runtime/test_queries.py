"""`calico-agent routes` and `calico-agent trace` beside a running daemon, and without one."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from calico_agent.config import Config
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.network.route_trace import NodeWay
from calico_agent.model.observation import Unreadable
from calico_agent.runtime.queries import RouteQueries
from tests.bench.cluster import BigCluster
from tests.bench.world import PROGRAM, World, big_host
from tests.patience import eventually
from tests.places import DATA
from tests.replay import read_capture
from tests.replay.judge import assess_observation


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Five nodes with two blocks each; the route to the first block of node-00003 is missing."""
    with big_host(tmp_path_factory.mktemp("explorer"), BigCluster(5, 10)) as world:
        world.write_routes(block for block in range(10) if block != 3)
        with world.agent():
            world.wait(lambda said: bool(said["routes"] and said["routes"]["present"] == 9))
            yield world


def ask(world: World, *arguments: str, once: bool = False) -> subprocess.CompletedProcess[str]:
    """The command's answer, by the daemon or by a look of its own."""
    how = ("--once", "--config", str(world.folder / "calico-agent.toml")) if once else ("--socket", world.socket_path)
    command = world.host.command(str(PROGRAM), *arguments, *how)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.real
@pytest.mark.parametrize("once", [False, True], ids=["by the daemon", "by itself"])
class TestCommands:
    def test_all_routes_are_listed_and_one_is_missing(self, world: World, once: bool) -> None:
        done = ask(world, "routes", once=once)
        assert (done.returncode, done.stderr) == (1, "")
        lines = done.stdout.splitlines()
        assert lines[-1] == "10 routes: 9 right, 1 missing"
        assert "160.0.0.192/26  node-00003  default  missing  via 10.64.0.5  nothing" in lines

    def test_what_is_listed_decides_the_exit_code(self, world: World, once: bool) -> None:
        right = ask(world, "routes", "--node", "node-00002", "--json", once=once)
        assert right.returncode == 0
        assert [row["state"] for row in json.loads(right.stdout)["routes"]] == ["right", "right"]
        assert ask(world, "routes", "--state", "missing", once=once).returncode == 1

    def test_a_trace_says_where_a_packet_goes(self, world: World, once: bool) -> None:
        right = ask(world, "trace", "160.0.0.7", once=once)
        assert (right.returncode, right.stdout.splitlines()[0]) == (
            0,
            "160.0.0.7 goes to node node-00000, as it should",
        )
        assert "  route         160.0.0.0/26 via 10.64.0.2 dev eth0 proto bird" in right.stdout
        wrong = ask(world, "trace", "160.0.0.200", "--json", once=once)
        assert wrong.returncode == 1
        assert json.loads(wrong.stdout)["right"] is False


@pytest.mark.real
def test_the_page_shows_what_the_daemon_knows_and_what_happened(world: World) -> None:
    page = eventually(lambda: world.page("/"), lambda page: "the agent started" in page)
    assert "the agent started" in page
    assert "10 routes: 9 right, 1 missing" in page
    assert re.search("5 nodes without encapsulation: 1 (broken|warning or suspicion), 4 fine", page)
    assert "160.0.0.7 goes to node node-00000, as it should" in world.page("/?address=160.0.0.7")
    assert "1 route: 1 missing" in world.page("/?state=missing")


def test_before_the_first_pass_nothing_is_known() -> None:
    assert isinstance(RouteQueries(Caches()).routes(), Unreadable)
    assert isinstance(RouteQueries(Caches()).ways(), Unreadable)


class Counted(Caches):
    """Caches that count what had to be made."""

    made = 0

    def value(self, function: object, make: Any, *inputs: Any, **named: Any) -> Any:
        def counted(*inputs: Any, **named: Any) -> Any:
            self.made += 1
            return make(*inputs, **named)

        return super().value(function, counted, *inputs, **named)


def test_who_asks_makes_nothing_again_that_the_pass_has_made() -> None:
    caches, observation = Counted(), read_capture(DATA / "calico-v3.31.7" / "healthy", "host1")
    with caches.in_use():
        identity = assess_observation(observation).identity
    made, queries = caches.made, RouteQueries(caches)
    queries.see(observation, identity, Config())
    rows = queries.routes()
    assert set(queries.ways()) == {NodeWay("host2", "none"), NodeWay("host3", "none")}  # type: ignore[arg-type]
    assert made
    assert not isinstance(rows, Unreadable)
    assert rows
    assert caches.made == made
