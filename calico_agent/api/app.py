"""What the agent answers, as a WSGI application. These are made from one report, and none of them waits.

| path       | answers                                                                                             |
|------------|-----------------------------------------------------------------------------------------------------|
| `/`        | the page for people with a browser (`api.front_page`)                                               |
| `/livez`   | 200 while every part of the agent gives signs of life, else 503. Never asks about the host           |
| `/readyz`  | 200 when this host does its part of the network (the rule is in `report.verdict`), else 503          |
| `/status`  | always 200, the whole report, so that monitoring keeps the body when things are bad; `?format=text`  |
| `/problems`| the problems alone, confirmed and suspected                                                         |
| `/metrics` | always 200, for Prometheus, and as OpenMetrics for whoever accepts that                             |

On the socket only: `/configuration`, what is in use and what a reload would bring, without secrets; `/history`, what
happened since a moment (`since`, seconds of the epoch).
`/routes` and `/trace` are in `api.questions`. GET and HEAD only. On loopback there is no authentication unless it is
configured, because nothing can be changed and no secret is told; elsewhere there is, for each page (`api.access`). What
every local user may ask over TCP does not name another machine's machine-id, which is to be kept from untrusted eyes
(machine-id(5)), and answers only to names that a page in a browser cannot take (`api.access`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from calico_agent.api.access import Access, is_own_name
from calico_agent.api.front_page import PARAMETERS, FrontPage
from calico_agent.api.latest import AgentHealth
from calico_agent.api.metrics import OPEN_METRICS, PROMETHEUS_TEXT, Metrics
from calico_agent.api.negotiation import compressed, wants_open_metrics
from calico_agent.api.parameters import read_detail, read_parameters, read_since, read_width
from calico_agent.api.questions import Questions, answer_routes, answer_trace, not_known
from calico_agent.api.response import TEXT, Response, healthy_mark, json_response, refusal
from calico_agent.model.observation import Unreadable
from calico_agent.report.as_json import SCHEMA, peers_json, problems_json, render_json
from calico_agent.report.as_text import TextOptions, render_headline, render_status
from calico_agent.report.pages.peers_text import peers_in_order, render_peers
from calico_agent.report.verdict import STARTING, HostHealth, standing
from calico_agent.text import ago

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_REASONS = {
    200: "OK",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    503: "Service Unavailable",
}


# Questions that are answered at a time on one socket: they take a moment, and must leave workers for all else.
_MOST_QUESTIONS = 2
_BUSY = Unreadable("agent", "it is answering other questions; ask again", "busy")


@dataclass(frozen=True, slots=True)
class _Page:
    """`by_accept`: it goes by the Accept header, which it is given as the parameter `accept`."""

    answer: Callable[[Mapping[str, str]], Response]
    parameters: tuple[str, ...] = ()
    by_accept: bool = False


class App:
    """The WSGI application. Called by several threads at once; holds nothing that changes but `latest`."""

    def __init__(
        self,
        latest: AgentHealth,
        questions: Questions | None = None,
        access: Access | None = None,
    ) -> None:
        """`questions` answers /routes and /trace; None: there are no such pages.

        `access` says who is let in over TCP, and whether there is TLS; None: on a unix socket, which has a mode of its
        own.
        """
        self._latest = latest
        self._access = access
        self._metrics = Metrics(latest)
        self._turns = BoundedSemaphore(_MOST_QUESTIONS)
        self._pages = {
            "/": _Page(FrontPage(latest, questions, self._turns).answer, PARAMETERS),
            "/livez": _Page(self._livez),
            "/readyz": _Page(self._readyz),
            "/status": _Page(self._status, ("format", "detail", "colour", "width")),
            "/peers": _Page(self._peers, ("format", "width")),
            "/problems": _Page(self._problems),
            "/metrics": _Page(self._prometheus, by_accept=True),
        }
        if access is None:
            self._pages["/configuration"] = _Page(self._configuration)
            self._pages["/history"] = _Page(partial(self._in_turn, self._history), ("since",))
        if questions is not None:
            routes, trace = partial(answer_routes, questions), partial(answer_trace, questions)
            self._pages["/routes"] = _Page(partial(self._in_turn, routes), ("node", "pool", "state", "format"))
            self._pages["/trace"] = _Page(partial(self._in_turn, trace), ("address", "format"))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = self._answer(environ)
        if response.is_at(environ.get("HTTP_IF_NONE_MATCH", "")):
            start_response(f"304 {_REASONS[304]}", [*response.headers])
            return []
        packed = compressed(response.body, environ.get("HTTP_ACCEPT_ENCODING", ""))
        body = response.body if packed is None else packed
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept, Accept-Encoding"),
            *(() if packed is None else (("Content-Encoding", "gzip"),)),
            *response.headers,
        ]
        start_response(f"{response.status} {_REASONS[response.status]}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, environ: "WSGIEnvironment") -> Response:
        if self._access is not None:
            if self._access.context is None and not is_own_name(environ.get("HTTP_HOST", "")):
                return refusal(421, "this is not that host; ask by localhost")
            if not self._access.admits(environ.get("HTTP_AUTHORIZATION", "")):
                wanted = "a bearer token is wanted, one of those in [http] token_file"
                return json_response(401, {"error": wanted}, ("WWW-Authenticate", 'Bearer realm="calico-agent"'))
        page = self._pages.get(environ.get("PATH_INFO", "/"))
        if page is None:
            return json_response(404, {"error": "there is no such page", "pages": list(self._pages)})
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return json_response(405, {"error": "only GET and HEAD"}, ("Allow", "GET, HEAD"))
        try:
            parameters = read_parameters(environ.get("QUERY_STRING", ""), page.parameters)
            if page.by_accept:
                parameters = {"accept": environ.get("HTTP_ACCEPT", "")}
            return page.answer(parameters)
        except ValueError as error:
            return refusal(400, str(error))

    def _in_turn(self, answer: Callable[[Mapping[str, str]], Response], parameters: Mapping[str, str]) -> Response:
        if not self._turns.acquire(blocking=False):
            return not_known(_BUSY, parameters)
        try:
            return answer(parameters)
        finally:
            self._turns.release()

    def _livez(self, _parameters: Mapping[str, str]) -> Response:
        components = self._latest.components()
        alive = self._standing().alive
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
        stands = self._standing()
        document = {"ready": stands.ready, "reasons": list(stands.not_ready)}
        return json_response(200 if stands.ready else 503, document, healthy_mark(stands.ready))

    def _status(self, parameters: Mapping[str, str]) -> Response:
        width, detail = read_width(parameters), read_detail(parameters)
        report, stands, now = self._latest.report, self._standing(), datetime.now(UTC)
        mark, as_text = healthy_mark(stands.healthy), parameters.get("format") == "text"
        if report is None and as_text:
            told = f"{stands.verdict} (started {ago(self._latest.started_at, now)})\n"
            return Response(200, TEXT, told.encode(), (mark,))
        if report is None:
            return json_response(200, {"schema": SCHEMA, "healthy": False, "verdict": stands.verdict}, mark)
        if as_text:
            if detail == "brief":
                return Response(200, TEXT, f"{render_headline(report, now, stands.stuck)}\n".encode(), (mark,))
            colour, doing = parameters.get("colour") == "1", self._latest.doing_words(now)
            options = TextOptions(colour, width, detail == "all", doing, stands.stuck)
            return Response(200, TEXT, render_status(report, now, options).encode(errors="replace"), (mark,))
        ids, doing = self._access is None, self._latest.doing_words(now)
        return json_response(200, render_json(report, stuck=stands.stuck, machine_ids=ids, doing=doing), mark)

    def _peers(self, parameters: Mapping[str, str]) -> Response:
        width, report = read_width(parameters), self._latest.report
        if report is None:
            return not_known(Unreadable("agent", STARTING, "starting"), parameters)
        mark = healthy_mark(peers_in_order(report) and not self._standing().stuck)
        if parameters.get("format") != "text":
            return json_response(200, peers_json(report), mark)
        text = render_peers(report, datetime.now(UTC), width=width)
        return Response(200, TEXT, text.encode(errors="replace"), (mark,))

    def _problems(self, _parameters: Mapping[str, str]) -> Response:
        report = self._latest.report
        if report is None:
            return not_known(Unreadable("agent", STARTING, "starting"), {})
        return json_response(200, problems_json(report), healthy_mark(self._standing().healthy))

    def _configuration(self, _parameters: Mapping[str, str]) -> Response:
        tell = self._latest.tell_configuration
        return (
            refusal(404, "nobody tells the configuration")
            if tell is None
            else json_response(200, tell(), healthy_mark(True))
        )

    def _history(self, parameters: Mapping[str, str]) -> Response:
        tell, since = self._latest.tell_history, read_since(parameters)
        if tell is None:
            return refusal(404, "nobody keeps a history")
        try:
            return json_response(200, {"entries": tell(since)}, healthy_mark(True))
        except (OSError, ValueError) as error:
            return not_known(Unreadable("history", str(error), "file"), parameters)

    def _prometheus(self, parameters: Mapping[str, str]) -> Response:
        wanted = wants_open_metrics(parameters["accept"])
        return Response(200, OPEN_METRICS if wanted else PROMETHEUS_TEXT, self._metrics.render(open_metrics=wanted))

    def _standing(self) -> HostHealth:
        return standing(self._latest.report, (component.words for component in self._latest.stuck()))
