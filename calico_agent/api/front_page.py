"""The page at `/`, for people with a browser on this host, or with a tunnel to it.

Nothing is made by a look but what was asked for: without a filter the page is that of the last report, and the same for
all who look until the next one. It asks nobody outside, and may do nothing but show itself (Content-Security-Policy by
the hashes of its own style and script).
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore

from markupsafe import Markup

from calico_agent.api.latest import AgentHealth
from calico_agent.api.questions import Questions, find_routes, find_trace
from calico_agent.api.response import Response, healthy_mark
from calico_agent.model.network.route_trace import KnownNames, Trace
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import RecentHistory, Report
from calico_agent.report import html
from calico_agent.report.html.document import PageView, render_page
from calico_agent.report.html.route_parts import RouteAnswer, TraceAnswer
from calico_agent.report.verdict import standing

PARAMETERS = ("node", "pool", "state", "address")

# The table of so many routes is made in a few milliseconds; a larger one only for who asks for it.
_FEW_ROUTES = 200
_BUSY = "it is answering other questions; ask again"
_NOBODY = Unreadable("agent", "nobody here knows the routes", "absent")


class FrontPage:
    """Makes the page, and keeps the last one that was made without a question. For several threads at once."""

    def __init__(self, latest: AgentHealth, questions: Questions | None, turns: BoundedSemaphore) -> None:
        """`turns` are taken for what takes a moment."""
        self._latest = latest
        self._questions = questions
        self._turns = turns
        self._style, self._script = _file("page.css"), _file("page.js")
        self._policy = _policy(self._style, self._script)
        self._last: tuple[Report, RecentHistory, bytes] | None = None

    def answer(self, parameters: Mapping[str, str]) -> Response:
        """The page."""
        report = self._latest.report
        stuck = tuple(component.name for component in self._latest.stuck())
        asked = {name: value for name, value in parameters.items() if value}
        kept = report is not None and not asked and not stuck
        body = self._plain(report) if report is not None and kept else self._made(report, asked)
        healthy = standing(report, stuck).healthy
        return Response(
            200,
            "text/html; charset=utf-8",
            body,
            (
                healthy_mark(healthy),
                ("ETag", f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'),
                ("Content-Security-Policy", self._policy),
                ("Referrer-Policy", "no-referrer"),
                ("X-Content-Type-Options", "nosniff"),
            ),
        )

    def _plain(self, report: Report) -> bytes:
        """The page without a question: the same until there is another report, or more history."""
        history, last = self._latest.tell_recent(), self._last
        if last is not None and last[0] is report and last[1] is history:
            return last[2]
        body = self._made(report, {})
        self._last = (report, history, body)
        return body

    def _made(self, report: Report | None, asked: Mapping[str, str]) -> bytes:
        now, questions = datetime.now(UTC), self._questions
        view = PageView(
            report=report,
            made_at=now,
            started_at=self._latest.started_at,
            stuck=tuple(component.words for component in self._latest.stuck()),
            doing=self._latest.doing_words(now),
            names=questions.names() if questions else KnownNames(),
            ways=questions.ways() if questions else _NOBODY,
            history=self._latest.tell_recent(),
            routes=self._routes(report, asked),
            trace=self._trace(asked),
            asked=asked,
        )
        return render_page(view, self._style, self._script).encode(errors="replace")

    def _routes(self, report: Report | None, asked: Mapping[str, str]) -> RouteAnswer:
        chosen = {name: value for name, value in asked.items() if name != "address"}
        counts = report.routes if report is not None else None
        few = counts is not None and counts.expected <= _FEW_ROUTES
        if self._questions is None or not (chosen or few):
            return RouteAnswer()
        if few:
            found = find_routes(self._questions, chosen)
        elif self._turns.acquire(blocking=False):
            try:
                found = find_routes(self._questions, chosen)
            finally:
                self._turns.release()
        else:
            return RouteAnswer(trouble=_BUSY)
        return RouteAnswer(found) if isinstance(found, tuple) else RouteAnswer(trouble=_sentence(found))

    def _trace(self, asked: Mapping[str, str]) -> TraceAnswer:
        if self._questions is None or "address" not in asked:
            return TraceAnswer()
        if not self._turns.acquire(blocking=False):
            return TraceAnswer(trouble=_BUSY)
        try:
            found = find_trace(self._questions, asked)
        finally:
            self._turns.release()
        return TraceAnswer(found) if isinstance(found, Trace) else TraceAnswer(trouble=_sentence(found))


def _sentence(found: Response | Unreadable) -> str:
    return f"not known: {found.source}: {found.reason}" if isinstance(found, Unreadable) else found.error


def _file(name: str) -> Markup:
    """A file of the page, which is ours and so no text from outside."""
    return Markup(Path(html.__file__).with_name(name).read_text())  # noqa: S704


def _policy(style: str, script: str) -> str:
    """What a browser lets the page do (Content Security Policy Level 3)."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
