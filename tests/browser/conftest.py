"""One browser for each file, and a server for each host that is shown."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from tests.browser.hosts import ShownHost, served
from tests.patience import PATIENCE

CHROMIUM = "/usr/bin/chromium"

Serve = Callable[[ShownHost | None], tuple[AgentHealth, HttpServer, str]]

# A busy machine loads a page of a thousand nodes in its own time.
_LONG = 3 * PATIENCE * 1000

expect.set_options(timeout=_LONG)


def new_page(browser: Browser, **options: Any) -> Page:
    """A window of its own, closed with the browser."""
    page = browser.new_page(**options)
    page.set_default_timeout(_LONG)
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the package of Debian has it."""
    with sync_playwright() as playwright:
        # Root may not use its sandbox. What it shows is ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=_LONG)
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Show hosts until the test ends: what they are published in, the server, and its URL."""
    servers: list[HttpServer] = []

    def show(host: ShownHost | None) -> tuple[AgentHealth, HttpServer, str]:
        latest, server = served(host)
        servers.append(server)
        return latest, server, f"http://127.0.0.1:{server.port}/"

    yield show
    for server in servers:
        server.stop()
