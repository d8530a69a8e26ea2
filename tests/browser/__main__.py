"""`python -m tests.browser [FOLDER]`: the pictures of the page, taken anew; in docs/images unless told otherwise."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.browser.hosts import ShownHost, large, recorded, served
from tests.places import REPOSITORY

ColorScheme = Literal["light", "dark"]

_PICTURES: tuple[tuple[str, Callable[[], ShownHost], str, ColorScheme], ...] = (
    ("page-problem.png", lambda: recorded("docker-bridge-address"), "html", "light"),
    ("page-nodes.png", large, "#ways", "dark"),
)
"""Of which host, which part of its page, and whether by day or by night."""


def main(folder: Path) -> None:
    """Take them, each of a server that shows a host."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, host, part, scheme in _PICTURES:
            _, server = served(host())
            page = browser.new_page(viewport={"width": 960, "height": 800}, color_scheme=scheme)
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.get_by_role("button", name="Copy").first.wait_for()
            if part == "html":
                page.screenshot(path=folder / name)
            else:
                page.locator(part).screenshot(path=folder / name)
            server.stop()
            print(folder / name)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "images")
