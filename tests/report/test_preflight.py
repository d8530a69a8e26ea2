"""The preflight as it is printed, and as part of the status."""

from dataclasses import replace

from calico_agent.faults.preflight.network import HOST_FIREWALL_PODS, HOST_FORWARD
from calico_agent.model.preflight import Check, Verdict
from calico_agent.report.as_metrics import collect
from calico_agent.report.as_text import render_status
from calico_agent.report.preflight import preflight_json, render_preflight
from tests.reports import NOW, healthy_report

CHECKS = tuple(Check(HOST_FORWARD, verdict, f"it is {verdict.value}", "a reason", "a cure") for verdict in Verdict)


def test_each_check_is_a_line_and_what_is_not_ok_has_reason_and_cure() -> None:
    assert (
        render_preflight(CHECKS)
        == """\
ok              HOST-FORWARD  it is ok
warning         HOST-FORWARD  it is warning
                              why   a reason
                              cure  a cure
failure         HOST-FORWARD  it is failure
                              why   a reason
                              cure  a cure
does not apply  HOST-FORWARD  it is does not apply
cannot tell     HOST-FORWARD  it is cannot tell
                              why   a reason
                              cure  a cure

this host is not prepared for Calico: 1 ok, 1 warning, 1 failure, 1 cannot be told, 1 does not apply
"""
    )


def test_the_last_line_calls_nothing_good_of_which_nothing_is_known() -> None:
    good, unknown = CHECKS[:1], CHECKS[4:]
    assert render_preflight(good).endswith("nothing speaks against Calico on this host: 1 ok, 0 failures\n")
    assert render_preflight(unknown).splitlines()[-1].startswith("nothing could be read")


def test_a_cure_is_one_line_so_that_it_can_be_copied_as_one_command() -> None:
    cure = " && ".join(f"iptables -I FORWARD -s 10.{number}.0.0/16 -j ACCEPT" for number in range(30))
    text = render_preflight((Check(HOST_FIREWALL_PODS, Verdict.FAILURE, "all " * 60, "why " * 60, cure),), width=80)
    lines = text.splitlines()
    assert [line.partition("cure  ")[2] for line in lines if "cure  " in line] == [cure]
    assert max(len(line) for line in lines if cure not in line) <= 80


def test_what_comes_from_outside_cannot_paint() -> None:
    text = render_preflight((Check(HOST_FORWARD, Verdict.FAILURE, "a\033[31m\nb", "c\n", "d\x07"),))
    assert "\033" not in text
    assert "\x07" not in text


def test_json_has_all_of_them_or_what_is_not_ok() -> None:
    every, some = preflight_json(CHECKS), preflight_json(CHECKS, complete=False)
    assert every["counts"] == dict.fromkeys(("ok", "warning", "failure", "not_applicable", "unknown"), 1)
    assert [len(part) for part in (every["checks"], some["checks"]) if isinstance(part, list)] == [5, 3]
    assert (every["prepared"], preflight_json(())["prepared"]) == (False, None)


def test_the_status_counts_them_and_names_what_cannot_be_told() -> None:
    text = render_status(replace(healthy_report(), checks=CHECKS + CHECKS[4:] * 7), NOW)
    assert "preflight  1 ok, 1 warning, 1 failure, 8 cannot be told, 1 does not apply" in text
    assert text.count("untold") == 7
    assert "and 2 more: calico-agent preflight" in text
    assert "it is ok" not in text
    assert "preflight" not in render_status(healthy_report(), NOW)


def test_the_metrics_have_a_series_for_each_verdict() -> None:
    families = {family.name: family for family in collect(replace(healthy_report(), checks=CHECKS))}
    counted = {sample.labels["verdict"]: sample.value for sample in families["calico_agent_preflight_checks"].samples}
    assert counted == dict.fromkeys(("ok", "warning", "failure", "not_applicable", "unknown"), 1.0)
    assert "calico_agent_preflight_checks" not in {family.name for family in collect(healthy_report())}
