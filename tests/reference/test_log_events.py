"""The page of the log tells of every event, with every field, and of no other."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.image import Pull
from calico_agent.model.report import Event, Report, Supervision
from calico_agent.report import changes, session_changes
from calico_agent.runtime import daemon
from calico_agent.state import history_writer
from tests.reference.log_events import EVENTS, FIELDS
from tests.reports import IDENTITY, NOW, blind_report, broken_report, finding, healthy_report, session

SPARE = {"count", "of", "code"}
"""What an event that stands for several has."""


def named() -> set[str]:
    """The names that the code has."""
    code = "".join(map(inspect.getsource, (changes, session_changes, daemon, history_writer)))
    found = re.findall(r'(?:_tell|Event|_event)\(\s*"(\w+)"', code) + re.findall(r'"event": "(\w+)"', code)
    return {*found, *re.findall(r'"(p(?:roblem|ull)_\w+)"', code)}


def reports() -> Iterator[Report]:
    """One after the other, so that everything changes once."""
    well, sick = healthy_report(), broken_report()
    assert well.container is not None
    ended = replace(well.container, state=ContainerState.EXITED, exit_code=1)
    cause = sick.problems[0]
    route = finding("RT-MISSING", "10.244.3.0/26")
    alone = replace(cause, problem=replace(cause.problem, cause=route, consequences=()), confirmed=False)
    joined = replace(cause, problem=replace(cause.problem, consequences=(route,)), times=4)
    later = replace(session("10.77.0.12", node="host2").session, since_at=NOW + timedelta(minutes=1))
    yield well
    yield replace(
        sick, problems=(alone,), container=ended, sessions=(session("10.77.0.12", "Active", "host2", "gone"),)
    )
    yield replace(sick, problems=(joined,), sessions=well.sessions[:1])
    yield replace(well, sessions=(replace(well.sessions[0], session=later), *well.sessions[1:]))
    for pull in (Pull("a:b", NOW), Pull("a:b", NOW, NOW, "no", 1), Pull("a:b", NOW, NOW + timedelta(1))):
        yield replace(well, supervision=Supervision(pull=pull))
    yield replace(blind_report(), identity=IDENTITY)


def happened() -> Iterator[Event]:
    before = None
    for report in reports():
        yield from changes.changes(before, report)
        before = report


def test_every_event_is_told_and_no_other() -> None:
    assert {event.name for event in EVENTS} == named()


def test_every_field_has_a_meaning() -> None:
    told = {field.removesuffix("?") for event in EVENTS for field in event.fields}
    assert told | SPARE == set(FIELDS)


def test_what_happens_has_the_fields_that_are_told() -> None:
    known = {event.name: event for event in EVENTS}
    seen = set()
    for event in happened():
        told = known[event.name]
        always = {field for field in told.fields if not field.endswith("?")}
        assert always <= set(event.fields) <= {field.removesuffix("?") for field in told.fields}, event.name
        assert event.level.value in told.levels
        seen.add(event.name)
    assert {name for name in known if name.startswith(("problem", "session", "pull", "cond", "cont", "ident"))} == seen
