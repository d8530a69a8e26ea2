"""The text of `status`: what a person reads first, and that nothing from outside can break it."""

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.assessment import StageReached
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.container.image import Pull
from calico_agent.model.container.program import Stage
from calico_agent.model.finding import ConditionType, Problem, Severity
from calico_agent.model.identity import AddressChoice, NameChoice, Opinion
from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report, Supervision, TimedCondition, TimedProblem
from calico_agent.report.as_text import TextOptions, render_line, render_status
from calico_agent.report.pages.page import WIDTH
from calico_agent.text import display_width
from tests.reports import BRIDGE, NOW, blind_report, broken_report, condition, finding, healthy_report, session


def text_of(report: Report) -> str:
    text = render_status(report, NOW)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert text.endswith("\n")
    assert all(line == line.rstrip() and line.isprintable() for line in text.splitlines())
    return text


def unwrapped(text: str) -> str:
    return " ".join(text.split())


class TestHealthyHost:
    def test_the_first_line_says_all(self) -> None:
        assert text_of(healthy_report()).splitlines()[0] == (
            "host1: all good (3 nodes, 2 sessions, 2 routes; checked 3 s ago)"
        )

    def test_conditions_are_aligned_with_their_age(self) -> None:
        assert "\n  RoutesInPlace       True      2 h 0 min  as it should be\n" in text_of(healthy_report())

    def test_the_facts_say_who_where_and_how_long(self) -> None:
        text = text_of(healthy_report())
        assert "\n  address    10.77.0.11/24 on eth0 (by source towards the datastore)\n" in text
        assert "\n  container  calico-node (calico/node:v3.31.7) running for 1 h 0 min\n" in text
        assert "\n  datastore  configuration; revision 4711, read 4 s ago, 3 nodes\n" in text
        assert "\n  routes     2 expected, 2 present\n" in text
        assert "\n  10.77.0.12  host2  node-to-node mesh  Established  02:41:10  1 imported, 1 exported\n" in text

    def test_the_environment_of_the_container_is_not_told(self) -> None:
        assert "do-not-tell" not in text_of(healthy_report())


class TestPause:
    def test_who_forgot_it_finds_it_below_the_verdict(self) -> None:
        pause = Pause("alice (uid 1000)", "disk", NOW - timedelta(days=3))
        lines = text_of(replace(healthy_report(), maintenance=Maintenance(pause))).splitlines()
        assert lines[:5] == [
            "host1: all good (3 nodes, 2 sessions, 2 routes); paused by alice (uid 1000) (checked 3 s ago)",
            "",
            "  paused     by alice (uid 1000) for 3 d 0 h, until somebody ends it (disk)",
            "  effect     calico-agent starts, stops and replaces nothing, whatever is said below",
            "  end        calico-agent resume",
        ]

    def test_its_end_is_said(self) -> None:
        pause = Pause("root", "", NOW, NOW + timedelta(hours=1))
        text = text_of(replace(healthy_report(), maintenance=Maintenance(pause)))
        assert "\n  paused     by root for 0 s, until 2026-11-23 04:00 UTC\n" in text

    def test_it_is_on_the_one_line_of_systemd(self) -> None:
        paused = replace(broken_report(), maintenance=Maintenance(Pause("root", "", NOW)))
        assert render_line(paused) == f"{render_line(broken_report())}; paused by root"


class TestBrokenHost:
    def test_the_first_words_name_cause_and_culprit(self) -> None:
        assert unwrapped(text_of(broken_report())).startswith(
            "host1: PROBLEM IP-BRIDGE: node host3 is registered with 172.17.0.1/16, "
            "the address of Docker's bridge docker0 (checked 3 s ago)"
        )

    def test_the_problem_has_its_four_parts_and_folds_its_consequences(self) -> None:
        text = text_of(broken_report())
        assert "\nPROBLEM IP-BRIDGE host3, for 3 min\n  what       node host3 is registered" in text
        for part in ("why", "effect", "cure"):
            assert re.search(rf"\n  {part:<6}     \S", text)
        assert "\n  explains   the session is Passive\n" in text
        assert "\n  explains   no route to 10.244.0.0/26 of host3 (and 12 more RT-MISSING)\n" in text
        assert text.count("10.244.") == 1

    def test_the_session_that_is_down_comes_first(self) -> None:
        text = text_of(broken_report())
        assert text.index("172.17.0.1  host3") < text.index("10.77.0.12  host2")

    def test_a_suspicion_says_when_it_is_certain(self) -> None:
        text = text_of(broken_report(confirmed=False))
        assert text.startswith("host1: good so far, but suspected: IP-BRIDGE")
        assert "\nSUSPECTED IP-BRIDGE host3, for 3 s, certain in 7 s\n" in text

    def test_warnings_are_called_so(self) -> None:
        warning = Problem(finding("RT-STALE", "10.244.9.0/26", severity=Severity.WARNING))
        report = replace(healthy_report(), problems=(TimedProblem(warning, NOW, confirmed=True),))
        assert "\nWARNING RT-STALE 10.244.9.0/26, for 0 s\n" in text_of(report)

    def test_what_comes_and_goes_is_counted(self) -> None:
        lost, report = Problem(finding("RT-MISSING", "10.244.1.0/26")), healthy_report()
        since = report.at - timedelta(minutes=2)
        flapping = TimedProblem(lost, since, confirmed=True, times=5)
        text = text_of(replace(report, problems=(flapping,)))
        assert "PROBLEM RT-MISSING 10.244.1.0/26, came 5 times in 2 min\n" in text
        text = text_of(replace(report, problems=(replace(flapping, away=True),)))
        assert "WARNING RT-MISSING 10.244.1.0/26, came 5 times in 2 min, away now\n" in text
        assert "\n  was        " in text, "the label does not touch what it is about"

    def test_many_problems_are_cut_with_their_number(self) -> None:
        problems = tuple(TimedProblem(Problem(finding("RT-MISSING", str(n))), NOW, confirmed=True) for n in range(500))
        text = text_of(replace(healthy_report(), problems=problems))
        assert "\nand 488 more problems\n" in text
        assert len(text.splitlines()) < 80

    def test_many_sessions_are_cut_with_the_broken_ones_shown(self) -> None:
        good = tuple(session(f"10.78.{n // 250}.{n % 250 + 1}", node=f"n{n}") for n in range(1000))
        bad = session("10.79.0.1", "Active", "broken", "Socket: Connection refused")
        text = text_of(replace(healthy_report(), sessions=(*good, bad)))
        assert re.search(r"10\.79\.0\.1 +broken .* Active .* Socket: Connection refused\n", text)
        assert "\n  and 981 more, 1000 established (calico-agent peers)\n" in text

    def test_a_source_that_cannot_be_read_is_named_with_the_reason(self) -> None:
        report = replace(healthy_report(), unreadable=(Unreadable("Docker", "permission denied on its socket"),))
        assert "\n  unread     Docker: permission denied on its socket\n" in text_of(report)

    def test_and_not_again_where_a_problem_has_said_it(self) -> None:
        unread = Unreadable("Docker", "permission denied on its socket")
        problem = Problem(finding("DOCKER-UNREADABLE", "Docker", what=f"Docker cannot be read: {unread.reason}"))
        report = replace(healthy_report(), unreadable=(unread,), problems=(TimedProblem(problem, NOW, confirmed=True),))
        assert "\n  unread" not in text_of(report)

    def test_without_a_daemon_it_says_that_it_looked_once(self) -> None:
        report = replace(healthy_report(), started_at=healthy_report().at)
        assert "\n  agent      0.1.0, mode supervise, looked once\n" in text_of(report)

    def test_a_refused_identity_says_why(self) -> None:
        healthy = healthy_report()
        identity = replace(
            healthy.identity,
            name=NameChoice(None, refusal="the host name is localhost"),
            ipv4=AddressChoice(healthy.identity.ipv4.family, refusal="two addresses are equally good"),
        )
        text = text_of(replace(healthy, identity=identity))
        assert "\n  address    no IPv4 address: two addresses are equally good\n" in text
        assert "\n  name       none: the host name is localhost\n" in text
        assert text.startswith("host1.example: ")

    def test_a_rule_that_would_choose_otherwise_is_named(self) -> None:
        healthy = healthy_report()
        doubt = Opinion("default route", (), ""), Opinion("other nodes", (ip_interface("10.88.0.11/24"),), "")
        identity = replace(healthy.identity, ipv4=replace(healthy.identity.ipv4, opinions=doubt))
        assert "although other nodes would give another" in unwrapped(text_of(replace(healthy, identity=identity)))

    def test_a_container_that_ended_says_how_and_when_it_is_tried_again(self) -> None:
        report = replace(
            healthy_report(),
            container=Container(
                "1", "calico-node", "i", ContainerState.EXITED, exit_code=1, finished_at=NOW - timedelta(seconds=8)
            ),
            supervision=Supervision("starting again", 4, next_attempt=NOW + timedelta(seconds=8)),
        )
        assert (
            "calico-node (i) exited with code 1 8 s ago, started 4 times by the agent; "
            "starting again (next attempt in 8 s)"
        ) in unwrapped(text_of(report))

    def test_a_start_that_is_under_way_says_how_far_it_has_come_and_what_shows_it(self) -> None:
        waiting = StageReached(Stage.STARTING, "no program runs yet; BIRD does not answer")
        said = unwrapped(text_of(replace(healthy_report(), stage=waiting)))
        assert "running for 1 h 0 min, starting (no program runs yet; BIRD does not answer)" in said
        ready = unwrapped(text_of(replace(healthy_report(), stage=StageReached(Stage.READY, "all is well"))))
        assert "running for 1 h 0 min, ready" in ready
        assert "all is well" not in ready

    def test_an_image_that_is_being_pulled_says_how_far_it_is(self) -> None:
        pull = Pull("calico/node:v3.31.7", NOW - timedelta(seconds=12), None, "", 0, 7, 3, 41_000_000, 120_000_000)
        going_on = replace(healthy_report(), supervision=Supervision(pull=pull))
        assert "\n  image      pulling calico/node:v3.31.7, 3 of 7 layers, 41 of 120 MB, for 12 s\n" in text_of(
            going_on
        )
        again = replace(going_on, supervision=Supervision(pull=replace(pull, failures=2, layers=0)))
        assert "pulling calico/node:v3.31.7, for 12 s, after 2 failures\n" in text_of(again)
        ended = replace(going_on, supervision=Supervision(pull=replace(pull, ended_at=NOW)))
        assert "pulling" not in text_of(ended)

    def test_without_container_and_datastore_it_says_so(self) -> None:
        report = replace(healthy_report(), container=None, datastore_origin="", datastore_read_at=None)
        text = text_of(report)
        assert "\n  container  no calico/node container was found\n" in text
        assert "\n  datastore  not known where; never read\n" in text


WIDTHS = (60, 80, 100, 200)


class TestWidth:
    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize(
        "report", [healthy_report(), broken_report(), blind_report()], ids=["well", "ill", "blind"]
    )
    def test_no_line_is_wider_and_no_word_is_cut(self, report: Report, width: int) -> None:
        six = session("10.77.0.12", "Active", "a-node-with-a-long-name", "Socket: No route to host")
        long = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128 via 2001:db8:aaaa:bbbb:cccc:dddd:eeee:fff1 dev eth0 " * 3
        cause = replace(BRIDGE.cause, what=long, why=long, effect=long, cure=long)
        problems = (*report.problems, TimedProblem(Problem(cause), NOW, confirmed=True))
        conditions = (*report.conditions, TimedCondition(condition(ConditionType.ROUTES_IN_PLACE, message=long), NOW))
        report = replace(report, problems=problems, conditions=conditions, sessions=(*report.sessions, six))
        lines = render_status(report, NOW, TextOptions(width=width)).splitlines()
        assert max(map(len, lines)) <= width
        words = set(" ".join(lines).split())
        widest = {
            word for word in render_status(report, NOW, TextOptions(width=400)).split() if any(map(str.isdigit, word))
        }
        assert widest <= words

    def test_a_terminal_that_is_too_narrow_gets_sixty_columns(self) -> None:
        lines = render_status(broken_report(), NOW, TextOptions(width=20)).splitlines()
        assert 50 < max(map(len, lines)) <= 60

    def test_it_is_ascii(self) -> None:
        assert render_status(broken_report(), NOW).isascii()


class TestUnknown:
    def test_it_is_said_and_no_number_is_given(self) -> None:
        text = text_of(blind_report())
        assert "\n  container  not known\n" in text
        assert "\n  routes     not known\n" in text
        assert "\n  datastore  not known where; never read\n" in text
        assert not re.search(r"\b0 (nodes|routes|expected|present|sessions)", text)


class TestOutput:
    def test_a_part_that_stands_still_is_said_before_all(self) -> None:
        text = render_status(healthy_report(), NOW, TextOptions(stuck=("its loop gave no sign of life for 2 min",)))
        assert text.splitlines()[0] == "host1: AGENT STUCK: its loop gave no sign of life for 2 min"

    def test_colour_only_when_asked_and_without_changing_the_words(self) -> None:
        plain, coloured = (render_status(broken_report(), NOW, TextOptions(colour=colour)) for colour in (False, True))
        assert "\033" not in plain
        assert re.sub(r"\033\[[0-9;]*m", "", coloured) == plain
        assert "\033[31mFalse  \033[0m" in coloured

    def test_one_line_for_systemd(self) -> None:
        assert render_line(broken_report()) == f"host1: PROBLEM IP-BRIDGE: {BRIDGE.cause.what}"
        long = replace(BRIDGE, cause=replace(BRIDGE.cause, what="x\n" * 5000))
        report = replace(healthy_report(), problems=(TimedProblem(long, NOW, confirmed=True),))
        assert len(render_line(report)) <= 240
        assert render_line(report).isprintable()

    @given(hostile=st.text(max_size=2000))
    def test_no_text_from_outside_breaks_the_page(self, hostile: str) -> None:
        cause = replace(BRIDGE.cause, subject=hostile, what=hostile, why=hostile, effect=hostile, cure=hostile)
        problem = Problem(cause, (replace(cause, fault=RT_MISSING),))
        report = broken_report()
        report = replace(
            report,
            hostname=hostile,
            identity=replace(report.identity, name=NameChoice(None, refusal=hostile)),
            problems=(TimedProblem(problem, NOW, confirmed=True),),
            sessions=(session("10.77.0.12", "Active", hostile, hostile),),
            unreadable=(Unreadable(hostile, hostile),),
            datastore_origin=hostile,
            supervision=Supervision(hostile),
        )
        text_of(report)


def test_a_reading_of_a_time_that_the_clock_has_yet_to_reach_has_no_age() -> None:
    report = replace(healthy_report(), datastore_read_at=NOW + timedelta(hours=9))
    assert "read at a time that is not known" in render_status(report, NOW)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_wide_characters_take_their_columns(width: int) -> None:
    cause = replace(BRIDGE.cause, what="ノード東京の経路がありません。" * 20, why="日本 語 " * 30)
    report = replace(broken_report(), problems=(TimedProblem(Problem(cause), NOW, confirmed=True),))
    text = render_status(report, NOW, TextOptions(width=width))
    assert max(map(display_width, text.splitlines())) <= width
    assert "".join(text.split()).count("東京") >= 40


def test_what_the_agent_does_now_is_told() -> None:
    text = render_status(healthy_report(), NOW, TextOptions(doing="creating calico-node, for 3 s"))
    assert "; now: creating calico-node, for 3 s" in " ".join(text.split())


def test_verbose_leaves_nothing_out() -> None:
    problems = tuple(
        TimedProblem(Problem(replace(BRIDGE.cause, subject=f"host{number}")), NOW, confirmed=True)
        for number in range(40)
    )
    sessions = tuple(session(f"10.7.0.{number}") for number in range(40))
    report = replace(broken_report(), problems=problems, sessions=sessions)
    usual, whole = (render_status(report, NOW, TextOptions(whole=whole)) for whole in (False, True))
    assert "and 28 more problems" in usual
    assert whole.count("IP-BRIDGE host") >= 40
    assert whole.count("10.7.0.") == 40
