"""What a look of one's own comes to, with no word of the running agent."""

from collections.abc import Iterator
from datetime import UTC, datetime

from calico_agent.api.questions import answer_routes
from calico_agent.config import Config
from calico_agent.diags.bundle import BundlePart
from calico_agent.report.as_json import render_json
from calico_agent.report.as_text import TextOptions, render_status
from calico_agent.report.preflight import render_preflight
from calico_agent.runtime import oneshot as once

_WIDTH = 120


def look_parts(config: Config) -> Iterator[BundlePart]:
    """As `status --once`, `preflight` and `routes --once` print it."""
    report = once.report_once(config)
    yield BundlePart("look/status.txt", render_status(report, datetime.now(UTC), TextOptions(width=_WIDTH, whole=True)))
    yield BundlePart("look/status.json", document=render_json(report))
    yield BundlePart("look/preflight.txt", render_preflight(report.checks, width=_WIDTH))
    yield BundlePart("look/routes.txt", answer_routes(once.queries_now(config), {"format": "text"}).body.decode())
