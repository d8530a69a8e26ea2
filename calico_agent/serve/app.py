"""What the agent answers, as a WSGI application. These are made from one report, and none of them waits.

| path       | answers                                                                                             |
|------------|-----------------------------------------------------------------------------------------------------|
| `/livez`   | 200 while every part of the agent gives signs of life, else 503. Never asks about the host           |
| `/readyz`  | 200 when this host does its part of the network (the rule is in `report.verdict`), else 503          |
| `/status`  | always 200, the whole report, so that monitoring keeps the body when things are bad; `?format=text`  |
| `/metrics` | always 200, for Prometheus                                                                          |

`/routes` and `/trace` are in `serve.questions`. GET and HEAD only. There is no authentication, because nothing can be
changed and no secret is told.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from calico_agent import __version__
from calico_agent.report.as_json import SCHEMA, render_json
from calico_agent.report.as_text import render_status
from calico_agent.report.verdict import not_ready
from calico_agent.report.words import ago, span
from calico_agent.serve.latest import Component, Latest
from calico_agent.serve.metrics import CONTENT_TYPE, Metrics
from calico_agent.serve.questions import Questions, answer_routes, answer_trace
from calico_agent.serve.response import TEXT, Response, healthy_mark, json_response

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

STARTING = "the first pass is not finished"


_Page = Callable[[Mapping[str, str]], Response]


class App:
    """The WSGI application. Called by several threads at once; holds nothing that changes but `latest`."""

    def __init__(self, latest: Latest, questions: Questions | None = None) -> None:
        """`questions` answers /routes and /trace; None: there are no such pages."""
        self._latest = latest
        self._metrics = Metrics(latest)
        self._pages: dict[str, _Page] = {
            "/": self._index,
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/status": self._status,
            "/metrics": self._prometheus,
        }
        if questions is not None:
            self._pages["/routes"] = partial(answer_routes, questions)
            self._pages["/trace"] = partial(answer_trace, questions)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        response = self._answer(method, environ.get("PATH_INFO", "/"), environ.get("QUERY_STRING", ""))
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            *response.headers,
        ]
        start_response(f"{response.status} {_REASONS[response.status]}", headers)
        return [] if method == "HEAD" else [response.body]

    def _answer(self, method: str, path: str, query: str) -> Response:
        page = self._pages.get(path)
        if page is None:
            return json_response(404, {"error": "there is no such page", "pages": list(self._pages)})
        if method not in {"GET", "HEAD"}:
            return json_response(405, {"error": "only GET and HEAD"}, ("Allow", "GET, HEAD"))
        try:
            parameters = {name: values[-1] for name, values in parse_qs(query, max_num_fields=10).items()}
        except ValueError:
            return json_response(400, {"error": "the query cannot be understood"})
        return page(parameters)

    def _index(self, _parameters: Mapping[str, str]) -> Response:
        pages = "\n".join(path for path in self._pages if path != "/")
        return Response(200, TEXT, f"calico-agent {__version__}\n\n{pages}\n".encode())

    def _livez(self, _parameters: Mapping[str, str]) -> Response:
        components = self._latest.components()
        alive = all(component.alive for component in components)
        document: dict[str, object] = {
            "alive": alive,
            "phase": "starting" if self._latest.report is None else "running",
            "components": [
                {
                    "name": component.name,
                    "alive": component.alive,
                    "age_seconds": round(component.age, 3),
                    "limit_seconds": component.limit,
                }
                for component in components
            ],
        }
        return json_response(200 if alive else 503, document)

    def _readyz(self, _parameters: Mapping[str, str]) -> Response:
        report = self._latest.report
        reasons = [STARTING] if report is None else [*self._stuck(), *not_ready(report)]
        return json_response(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})

    def _status(self, parameters: Mapping[str, str]) -> Response:
        form = parameters.get("format", "json")
        if form not in {"json", "text"}:
            return json_response(400, {"error": "format is json or text"})
        report, stuck = self._latest.report, self._stuck()
        now = datetime.now(UTC)
        healthy = report is not None and report.healthy and not stuck
        mark = healthy_mark(healthy)
        if report is None:
            started = ago(self._latest.started_at, now)
            if form == "text":
                text = "".join(f"AGENT STUCK: {sentence}\n" for sentence in stuck)
                return Response(200, TEXT, f"{text}starting: {STARTING} (started {started})\n".encode(), (mark,))
            return json_response(200, {"schema": SCHEMA, "healthy": False, "verdict": f"starting: {STARTING}"}, mark)
        if form == "text":
            text = render_status(report, now, colour=parameters.get("colour") == "1", stuck=stuck)
            return Response(200, TEXT, text.encode(errors="replace"), (mark,))
        return json_response(200, render_json(report, stuck=stuck), mark)

    def _prometheus(self, _parameters: Mapping[str, str]) -> Response:
        return Response(200, CONTENT_TYPE, self._metrics.render())

    def _stuck(self) -> list[str]:
        return [_stuck_sentence(component) for component in self._latest.stuck()]


def _stuck_sentence(component: Component) -> str:
    age, limit = timedelta(seconds=component.age), timedelta(seconds=component.limit)
    return f"its {component.name} gave no sign of life for {span(age)} (limit {span(limit)}); what follows is old"
