"""How worlds are hunted for failures: what fails is shrunk, can be made again, and is not lost when the hunt ends."""

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from multiprocessing import Event
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.worlds import again
from tests.worlds.faults import FAULTS
from tests.worlds.hunt import Batch, Failure, Found, hunt, kind_of, look_at
from tests.worlds.shown import shown
from tests.worlds.strategies import Case, cases


def crowded(case: Case) -> list[str]:
    """A property that does not hold."""
    return [f"crowded: {len(case.world.hosts)} hosts"] if len(case.world.hosts) > 2 else []


CROWDED = Batch(7, size=20, holds=crowded)


def test_what_does_not_hold_is_shrunk_to_the_smallest_world() -> None:
    failure = look_at(CROWDED).failures["crowded"]
    assert failure.smallest
    assert (len(failure.case.walk), len(failure.case.world.hosts), len(failure.case.world.pools)) == (1, 3, 1)
    assert not any(one.pods[1:] for one in failure.case.world.hosts)


def test_what_is_known_is_not_shrunk_again() -> None:
    assert look_at(CROWDED, known=["crowded"]) == Found(20)


def test_what_the_agent_raises_is_a_failure_of_its_world() -> None:
    def raising(_case: Case) -> list[str]:
        raise ValueError("no such thing")

    (kind,) = look_at(Batch(7, holds=raising)).failures
    assert kind == "raised ValueError in raising"


def test_what_was_found_stays_when_the_time_is_over_before_it_was_shrunk() -> None:
    looked: list[Case] = []

    def first(case: Case) -> list[str]:
        looked.append(case)
        return ["wrong"]

    found = look_at(Batch(7, holds=first), over=lambda: bool(looked))
    assert (found.worlds, found.failures["wrong"].smallest) == (1, False)


def test_every_fault_gets_from_the_process_that_found_it_to_the_one_that_tells_it() -> None:
    assert all(pickle.loads(pickle.dumps(fault)) is fault for fault in FAULTS)


def test_a_smallest_world_takes_the_place_of_another_one() -> None:
    small = look_at(CROWDED).failures["crowded"]
    first = replace(small, smallest=False)
    whole = Found(1, {"crowded": first})
    whole.add(Found(2, {"crowded": small}))
    whole.add(Found(3, {"crowded": first}))
    assert whole == Found(6, {"crowded": small})


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
@given(cases())
def test_what_is_printed_makes_the_same_case_again(case: Case) -> None:
    assert eval(shown(case), vars(again)) == case


def test_kinds_have_no_names_of_hosts() -> None:
    assert kind_of("silent: BIRD does not run: on host1: nothing") == "silent: BIRD does not run"
    assert kind_of("WARNING IP-PREFIX: on host1 of host2: it is") == "WARNING IP-PREFIX"


def test_a_hunt_counts_what_all_processes_did_and_tells_a_failure_once() -> None:
    told: list[Failure] = []
    batches = [replace(CROWDED, number=number) for number in range(4)]
    found = hunt(batches, 2, Event(), told.append)
    assert [one.smallest for one in told] == [True]
    assert found.worlds > CROWDED.size


def test_a_hunt_begins_nothing_when_its_time_is_over() -> None:
    assert hunt([Batch(7, until=0)], 2, Event(), lambda _: None) == Found(0)


def test_ctrl_c_ends_it_with_what_was_found(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = (sys.executable, "-m", "tests.worlds", "--seconds", "600", "--seed", "7", "--workers", "2")
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert "2 processes" in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        last, _ = run.communicate(timeout=120)
    assert "worlds in" in last.splitlines()[-1]
    assert run.returncode == ("0 kinds" not in last)
    assert list(tmp_path.iterdir()) == [], "hypothesis leaves nothing where it was started"
