"""What Docker's events say about the end of a container. Lines as the Engine prints them, shortened."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.sources.docker.decode.events import EventFilter, asked_to_stop


def event(action: str, signal: str = "") -> str:
    attributes = {"name": "calico-node", **({"signal": signal} if signal else {})}
    return json.dumps({"Type": "container", "Action": action, "Actor": {"ID": "4dd5", "Attributes": attributes}})


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        pytest.param((), False, id="it ended by itself"),
        pytest.param((event("kill", "9"),), False, id="docker kill"),
        pytest.param((event("kill", "15"), event("stop")), True, id="docker stop"),
        pytest.param((event("kill", "15"),), True, id="docker stop, and the last word is not said yet"),
        pytest.param((event("kill", "37"), event("stop")), True, id="docker stop of an image with a signal of its own"),
        pytest.param((event("kill", "1"),), False, id="a SIGHUP some time before"),
        pytest.param((event("kill", "15"), event("stop"), event("start")), False, id="it was started since"),
        pytest.param((event("stop"), event("start"), event("kill", "9")), False, id="restarted, then it crashed"),
        pytest.param((event("stop"), '{"Type": "cont'), True, id="a line that was cut off"),
        pytest.param(("[]", "3", '{"Action": "stop", "Actor": null}'), False, id="something else"),
    ],
)
def test_asked_to_stop(events: tuple[str, ...], *, asked: bool) -> None:
    assert asked_to_stop("\n".join(events)) is asked


def test_the_question_ends_now_so_that_the_answer_ends() -> None:
    end = datetime(2026, 11, 23, 4, tzinfo=UTC)
    asked = EventFilter("4dd5", end, end + timedelta(seconds=2)).parameters
    assert float(asked["until"]) == (end + timedelta(seconds=2)).timestamp()
    assert float(asked["since"]) < end.timestamp()
    assert json.loads(asked["filters"])["container"] == ["4dd5"]
