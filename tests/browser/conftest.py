"""One browser for each file, and a server for each host that is shown."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from tests.browser.hosts import ShownHost, served
from tests.patience import PATIENCE

CHROMIUM = "/usr/bin/chromium"

Serve = Callable[[ShownHost | None], tuple[AgentHealth, HttpServer, str]]

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the package of Debian has it."""
    with sync_playwright() as playwright:
        # Root may not use its sandbox. What it shows is ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE * 1000)
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
