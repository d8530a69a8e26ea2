"""The log: one event a line, in both forms, for people, programs and the journal."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from calico_agent import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The standard library's logging belongs to the process, so to all tests."""
    root, ours = logging.getLogger(), logging.getLogger("calico_agent")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    structlog.reset_defaults()


def configured(level: str = "info", form: str = "logfmt", **environ: str) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream=stream, environ=environ)
    return stream


def log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("calico_agent.test")
    return logger


def test_logfmt_begins_with_time_level_and_event() -> None:
    stream = configured()
    log().info("condition", type="RoutesInPlace", was=None, message='two "words"')
    time, rest = stream.getvalue().split(" ", 1)
    assert time.startswith("time=20")
    assert time.endswith("Z")
    assert rest == (
        'level=info event=condition type=RoutesInPlace was= message="two \\"words\\"" logger=calico_agent.test\n'
    )


def test_json_has_the_same_fields() -> None:
    stream = configured(form="json")
    log().warning("problem", code="IP-BRIDGE", faults=["a b", "c"])
    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "problem",
        "code": "IP-BRIDGE",
        "faults": ["a b", "c"],
        "level": "warning",
        "logger": "calico_agent.test",
    }


def test_the_level_holds_and_can_change_for_loggers_that_exist() -> None:
    stream = configured("warning")
    bound = log().bind(pass_number=1)
    bound.info("hidden")
    assert stream.getvalue() == ""
    stream = configured("debug", "json")
    bound.debug("shown")
    assert json.loads(stream.getvalue())["event"] == "shown"


def test_configuring_twice_does_not_log_twice() -> None:
    configured()
    stream = configured()
    log().info("once")
    assert stream.getvalue().count("once") == 1


def test_under_systemd_a_line_has_its_priority_and_no_time() -> None:
    stream = configured("debug", JOURNAL_STREAM="8:1")
    log().debug("d")
    log().info("i")
    log().warning("w")
    log().error("e")
    assert stream.getvalue().splitlines() == [
        f"<{priority}>level={level} event={level[0]} logger=calico_agent.test"
        for priority, level in ((7, "debug"), (6, "info"), (4, "warning"), (3, "error"))
    ]


def test_libraries_are_heard_from_warning_upwards() -> None:
    stream = configured("debug")
    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("urllib3").warning("trouble with %s", "x")
    assert "chatter" not in stream.getvalue()
    assert 'level=warning event="trouble with x" logger=urllib3' in stream.getvalue()


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_traceback_is_one_line(form: str) -> None:
    stream = configured(form=form)
    try:
        int("boom")
    except ValueError:
        log().exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: invalid literal" in stream.getvalue()


def test_a_huge_value_is_cut() -> None:
    stream = configured()
    log().info("event", value="x" * 1_000_000)
    assert len(stream.getvalue()) < 3000


@pytest.mark.parametrize("form", ["logfmt", "json"])
@given(value=st.text() | st.lists(st.text(), max_size=3) | st.dictionaries(st.text(), st.integers(), max_size=3))
def test_whatever_the_value_an_event_is_one_printable_line(form: str, value: object) -> None:
    stream = configured(form=form)
    log().info("event", value=value)
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
