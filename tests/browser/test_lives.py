"""The page over time: it refreshes itself, tells when the agent is gone, and needs none of that."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from calico_agent.api.http import HttpServer
from tests.browser.conftest import Serve, new_page
from tests.browser.hosts import recorded
from tests.patience import until

pytestmark = pytest.mark.real

PERIOD = 5000


def watched(browser: Browser, url: str) -> Page:
    """The page, with a clock that goes on when the test says so."""
    page = new_page(browser)
    page.clock.install()
    page.goto(url)
    page.wait_for_load_state("networkidle")  # it has asked for the first time
    expect(page.locator("#live")).to_contain_text("Refreshed every 5 s.")
    expect(page.locator("#age")).to_contain_text("ago")
    return page


def goes_on(page: Page, where: str, text: str) -> None:
    """Let time go by there until a text is shown; a refresh that is on its way is waited for by none."""

    def shown() -> bool:
        page.clock.run_for(PERIOD)
        return text in page.locator(where).inner_text()

    until(f"{where} says {text!r}", shown, page.content)


def test_it_shows_the_next_report_and_leaves_open_what_is_open(browser: Browser, serve: Serve) -> None:
    latest, _, url = serve(recorded("docker-bridge-address"))
    page = watched(browser, url)
    page.get_by_text("Evidence: addresses, rules, names").click()
    page.get_by_role("textbox", name="node").fill("host")
    healed = recorded("healthy").report
    assert healed is not None
    latest.publish(healed)
    goes_on(page, "h1", "host1: all good")
    expect(page.locator("h1.good")).to_be_visible()
    expect(page.locator("article")).to_have_count(0)
    expect(page.locator("#candidates-t")).to_be_visible()
    expect(page.get_by_role("textbox", name="node")).to_have_value("host")
    assert page.title() == "all good (3 nodes, 2 sessions, 2 routes) - host1"
    page.close()


def test_it_begins_with_the_first_report(browser: Browser, serve: Serve) -> None:
    latest, _, url = serve(None)
    page = new_page(browser)
    page.clock.install()
    page.goto(url)
    expect(page.locator("h1")).to_contain_text("starting: the first pass is not finished")
    report = recorded("healthy").report
    assert report is not None
    latest.publish(report)
    goes_on(page, "h1", "all good")
    expect(page.get_by_role("button", name="Show")).to_be_visible()
    page.close()


def test_an_agent_that_is_gone_is_told_with_its_age_and_so_is_its_return(browser: Browser, serve: Serve) -> None:
    latest, server, url = serve(recorded("healthy"))
    page = watched(browser, url)
    port = server.port
    assert port is not None
    server.stop()
    goes_on(page, "[role=status]", "The agent does not answer: what you see is old.")
    page.clock.fast_forward(130_000)
    page.clock.run_for(1000)
    expect(page.locator("#live")).to_contain_text(re.compile("Last answer [2-9] min"))
    expect(page.locator("h1")).to_contain_text("all good")
    back = HttpServer(latest, ("127.0.0.1", port), None)
    back.start()
    try:
        goes_on(page, "[role=status]", "Refreshed every 5 s.")
    finally:
        back.stop()
    page.close()


def test_it_stands_still_when_it_is_told_to(browser: Browser, serve: Serve) -> None:
    latest, _, url = serve(recorded("healthy"))
    page = watched(browser, url)
    page.get_by_role("button", name="Stop refreshing").click()
    report = recorded("docker-bridge-address").report
    assert report is not None
    latest.publish(report)
    page.clock.run_for(3 * PERIOD)
    expect(page.get_by_role("status")).to_have_text("This page stands still.")
    expect(page.locator("h1")).to_contain_text("all good")
    page.get_by_role("button", name="Go on refreshing").click()
    expect(page.locator("h1")).to_contain_text("PROBLEM IP-BRIDGE")
    page.close()


def test_what_did_not_change_is_not_sent_again(browser: Browser, serve: Serve) -> None:
    latest, _, url = serve(recorded("healthy"))
    page = watched(browser, url)
    with page.expect_response(url + "**") as answer:
        page.clock.run_for(PERIOD)
    assert answer.value.status == 304
    report = recorded("healthy").report
    assert report is not None
    latest.publish(replace(report, at=report.at + timedelta(seconds=1)))
    with page.expect_response(url + "**") as answer:
        page.clock.run_for(PERIOD)
    assert answer.value.status == 200
    page.close()


def test_without_a_script_it_is_whole_and_its_forms_work(browser: Browser, serve: Serve) -> None:
    _, _, url = serve(recorded("docker-bridge-address"))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    expect(page.locator("h1")).to_contain_text("PROBLEM IP-BRIDGE")
    expect(page.locator("#live *, .steps button")).to_have_count(0)
    assert page.locator("noscript p").bounding_box() is not None  # it is seen
    page.get_by_role("combobox", name="state").select_option("missing")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#table-t tbody tr")).to_have_count(1)
    expect(page.locator("#table-t tbody tr")).to_contain_text("192.168.55.64/26")
    expect(page.get_by_role("combobox", name="state")).to_have_value("missing")
    page.get_by_role("textbox", name="node").fill("host4")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#routes .refused")).to_contain_text("there is no node 'host4' (did you mean host")
    page.get_by_role("textbox", name="address").fill("nonsense")
    page.get_by_role("button", name="Trace").click()
    expect(page.locator("#trace .refused")).to_contain_text("address is an IPv4 or IPv6 address")
    context.close()
