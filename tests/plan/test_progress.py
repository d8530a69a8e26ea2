"""What says something about calico/node itself, and what only that nobody can see it or that nobody else is there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.program import Program
from calico_agent.model.network.address import Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.plan.progress import progress_of
from tests.checks.cluster import AT, CONTAINER, HEALTHY, look, peered, session


def bird(since: timedelta) -> tuple[Program, ...]:
    return (Program("bird", 11, AT - since, AT - timedelta(minutes=5)),)


@pytest.mark.parametrize(
    ("code", "programs", "seen"),
    [
        pytest.param("timeout", None, True, id="BIRD hangs"),
        pytest.param("refused", None, True, id="nobody is behind BIRD's socket"),
        pytest.param("absent", (), True, id="there is no socket, and no BIRD runs"),
        pytest.param(
            "absent", bird(timedelta(seconds=1)), True, id="there is no socket yet, BIRD begins again and again"
        ),
        pytest.param("absent", bird(timedelta(minutes=5)), False, id="BIRD runs for long: its socket is elsewhere"),
        pytest.param("refused", (), True, id="nobody is behind its socket, and no BIRD runs"),
        pytest.param("refused", bird(timedelta(seconds=1)), True, id="the same, and BIRD begins again and again"),
        pytest.param("refused", bird(timedelta(minutes=5)), False, id="a socket of before; BIRD has another one"),
        pytest.param("absent", None, False, id="there is no socket, and nobody can see the processes"),
        pytest.param("denied", None, False, id="the agent may not ask BIRD"),
        pytest.param("error", None, False, id="the agent has no file descriptors left"),
        pytest.param("malformed", None, False, id="BIRD is of another version and answers otherwise"),
    ],
)
def test_what_is_seen_of_bird(code: str, programs: tuple[Program, ...] | None, seen: bool) -> None:
    silent = replace(HEALTHY, bird=Unreadable("BIRD", "it is so", code))
    assert progress_of(silent, look(silent), replace(CONTAINER, programs=programs)).seen is seen
    assert progress_of(HEALTHY, look(HEALTHY), CONTAINER).seen


@pytest.mark.parametrize(
    ("errors", "alone"),
    [
        pytest.param(("Socket: Connection refused", "Socket: No route to host"), True, id="all peers are away"),
        pytest.param(("Socket: Connection refused", "Socket: Connection closed"), False, id="one refuses this host"),
        pytest.param(("Socket: Connection refused", ""), False, id="of one nothing is known"),
    ],
)
def test_whether_any_peer_is_there(errors: tuple[str, ...], alone: bool) -> None:
    sessions = tuple(session(f"10.77.0.1{number}", "Active", error) for number, error in enumerate(errors, start=2))
    down = peered(*sessions)
    assert progress_of(down, look(down), CONTAINER).alone is alone
    one = peered(session("10.77.0.12"), *sessions[1:])
    assert not progress_of(one, look(one), CONTAINER).alone
    assert progress_of(one, look(one), CONTAINER).established == 1


def test_a_link_that_is_down_leaves_nobody_to_have_a_session_with() -> None:
    silent = peered(session("10.77.0.12", "Connect"), session("10.77.0.13", "Connect"))
    assert not progress_of(silent, look(silent), CONTAINER).alone
    assert isinstance(silent.kernel, Kernel)
    unplugged = replace(silent, kernel=replace(silent.kernel, links=(Link(2, "eth0", running=False),)))
    assert progress_of(unplugged, look(unplugged), CONTAINER).alone
