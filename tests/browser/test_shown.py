"""What the page shows of hosts in each state: to who sees it, to who hears it, on a telephone and on a wall."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from calico_agent.faults.registry import FAULTS
from calico_agent.model.finding import ConditionType, Problem, Severity, Status
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.report import RecentHistory, Report, TimedCondition, TimedProblem
from calico_agent.runtime.queries import RouteQueries
from tests.browser.conftest import Serve, new_page
from tests.browser.hosts import ShownHost, large, recorded
from tests.reports import NOW, blind_report, condition, finding, healthy_report

pytestmark = pytest.mark.real

MOST_BYTES = 150_000
SIZES = {"telephone": (360, 740), "laptop": (1440, 900), "wall": (3840, 2160)}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\u202egpj.exe\u2066\nnext line\r"


def plain(report: Report) -> ShownHost:
    """A host of which nothing but a report is known."""
    return ShownHost(report, RouteQueries(Caches()))


def without(kind: ConditionType) -> ShownHost:
    """A host on which one condition is False, by the first fault that is declared of it."""
    fault = next(one for one in FAULTS.values() if one.condition is kind and one.severity is Severity.ERROR)
    told = finding(fault.code, "host1", condition=kind, cure="docker restart calico-node; then look again")
    false = TimedCondition(condition(kind, Status.FALSE, "it is not so"), NOW)
    report = healthy_report()
    others = tuple(one for one in report.conditions if one.condition.type is not kind)
    return plain(
        replace(report, conditions=(false, *others), problems=(TimedProblem(Problem(told), NOW, confirmed=True),))
    )


def hostile() -> ShownHost:
    """Everything that others wrote tries to be more than text, and is long."""
    report, text = healthy_report(), HOSTILE * 3
    told = finding("RT-MISSING", text, what=text, why=text, effect=text, cure=text, node=text)
    long = replace(told, what="x" * 10_000_000, subject="y" * 10_000_000, why="<b>" * 1_000_000)
    problems = tuple(TimedProblem(Problem(one), NOW, confirmed=True) for one in (told, long))
    sessions = tuple(
        replace(peer, node=text, session=replace(peer.session, last_error=text)) for peer in report.sessions
    )
    identity = replace(report.identity, name=replace(report.identity.name, name=text, source=text))
    entry = {"at": NOW.isoformat(), "event": "problem_confirmed", "level": "error", "code": text, "what": text}
    return ShownHost(
        replace(report, problems=problems, sessions=sessions, identity=identity, hostname=text),
        RouteQueries(Caches()),
        RecentHistory((entry, {"at": NOW.isoformat(), "event": text, "level": text})),
    )


HOSTS: dict[str, Callable[[], ShownHost | None]] = {
    "healthy": lambda: recorded("healthy"),
    "broken": lambda: recorded("docker-bridge-address"),
    "a thousand nodes": large,
    "unknown": lambda: plain(blind_report()),
    "first start": lambda: None,
    "hostile": hostile,
}


def opened(browser: Browser, url: str) -> Page:
    """The page in a window; what the browser complains of, and what it fetches elsewhere, fails the test."""
    page = new_page(browser, viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: None if request.url.startswith(url) else complaints.append(request.url))
    page.goto(url)
    expect(page.locator("#live")).to_contain_text("Refreshed every")  # the script runs
    assert complaints == []
    return page


def amiss(page: Page) -> str:
    """What axe-core finds, with all that can be opened open."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("name", HOSTS)
def test_everybody_can_read_it_at_any_size(browser: Browser, serve: Serve, name: str) -> None:
    _, _, url = serve(HOSTS[name]())
    page = opened(browser, url)
    for size, scheme in (("wall", "dark"), ("telephone", "dark"), ("laptop", "light")):
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        aside = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert aside <= 0, f"{size}: it has to be moved aside by {aside} pixels"
        assert size == "wall" or amiss(page) == ""
    assert len(page.request.get(url).body()) < MOST_BYTES
    page.close()


def test_the_first_line_is_the_verdict_with_the_cause_and_the_cure_can_be_copied(
    browser: Browser, serve: Serve
) -> None:
    page = opened(browser, serve(HOSTS["broken"]())[2])
    expect(page.locator("h1")).to_have_text(
        "host1: PROBLEM IP-BRIDGE: node host3 is registered with 172.17.0.1, "
        "the address of Docker's bridge docker0 (this host has it too)"
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("on host3: remove the calico/node container and start it with IP=10.77.0.13")
    page.get_by_text("What IP-BRIDGE means").click()
    expect(page.locator("article")).to_contain_text("docs/reference/codes.md#ip-bridge")
    expect(page.locator("article")).to_contain_text("was left to find the address itself")
    page.close()


@pytest.mark.parametrize("kind", ConditionType)
def test_a_condition_that_is_false_is_told_with_its_problem(
    browser: Browser, serve: Serve, kind: ConditionType
) -> None:
    page = opened(browser, serve(without(kind))[2])
    expect(page.locator("#conditions li", has_text=kind.value)).to_contain_text("False")
    expect(page.locator("h1.bad")).to_contain_text("PROBLEM")
    expect(page.locator("article.bad li code").first).to_have_text("docker restart calico-node")
    assert amiss(page) == ""
    page.close()


def test_of_what_is_not_known_nothing_is_said_to_be_good(browser: Browser, serve: Serve) -> None:
    page = opened(browser, serve(plain(blind_report()))[2])
    expect(page.locator("h1.dim")).to_contain_text("UNKNOWN: kernel cannot be read: no netlink")
    assert page.locator("#conditions li", has_text="Unknown").count() == len(ConditionType)
    assert page.locator("main use[href='#good']").count() == 1  # "Problems: none is known"
    page.close()


def test_the_picture_has_a_shape_for_each_node_and_names_those_that_are_not_fine(
    browser: Browser, serve: Serve
) -> None:
    page = opened(browser, serve(large())[2])
    picture = page.get_by_role("img", name="999 nodes without encapsulation")
    assert picture.locator("use").count() == 999
    assert picture.locator("use[href='#bad']").count() == 30
    expect(page.locator("#amiss-t tbody tr")).to_contain_text(["BGP-DOWN"])
    expect(page.locator("#amiss-t tbody tr").first).to_contain_text("peer16, peer98, peer439")
    page.close()


def test_text_from_outside_is_text_and_nothing_else(browser: Browser, serve: Serve) -> None:
    page = opened(browser, serve(hostile())[2])
    assert page.locator("script").count() == 1
    assert page.locator("main img, main b b").count() == 0
    shown = page.locator("body").inner_text()
    assert "<script>alert(1)</script>" in shown
    assert "\\u202egpj.exe" in shown
    assert not {"\x1b", "\u202e", "\u2066"} & {*shown}
    page.close()


def test_it_can_be_used_by_keys_alone(browser: Browser, serve: Serve) -> None:
    page = opened(browser, serve(HOSTS["broken"]())[2])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the problems")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy").first).to_be_focused()
    page.close()
