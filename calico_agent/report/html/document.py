"""The whole page: one document from one report, the same bytes for the same report.

Ages are as of the report, so that the page changes when the report does, and not with each look; the script adds how
long ago that was. Times are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from calico_agent.model.network.route_trace import KnownNames, NodeWay
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import RecentHistory, Report
from calico_agent.report.html import host_parts, route_parts
from calico_agent.report.html.last_day import last_day
from calico_agent.report.html.markup import EMPTY, joined, moment, section
from calico_agent.report.html.node_map import node_map
from calico_agent.report.html.node_ways import node_standings
from calico_agent.report.html.problem_cards import problem_cards
from calico_agent.report.html.route_parts import RouteAnswer, TraceAnswer
from calico_agent.report.html.symbols import SPRITE, Tone, icon
from calico_agent.report.verdict import standing
from calico_agent.text import clean, span

_TONES = {"PROBLEM": Tone.BAD, "AGENT": Tone.BAD, "WARNING": Tone.WARN, "all": Tone.GOOD, "good": Tone.WARN}
_FILES = ("/status", "/problems", "/peers", "/routes", "/metrics", "/livez", "/readyz")
_NAV = (
    ("problems", "Problems"), ("conditions", "Conditions"), ("ways", "Nodes"), ("routes", "Routes"),
    ("sessions", "Sessions"), ("identity", "Identity"), ("container", "Container"), ("day", "Last day"),
)  # fmt: skip
# %23 is the sign of a colour in hexadecimal. The tab shows how the host stands.
_ICONS = {Tone.GOOD: "1a7f37", Tone.BAD: "d1242f", Tone.WARN: "bf8700"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """All that the page shows. `report` is None before the first pass; `doing` is what the agent does then.

    `asked` are the parameters of the request.
    """

    report: Report | None
    made_at: datetime
    started_at: datetime
    stuck: tuple[str, ...] = ()
    doing: str = ""
    names: KnownNames = field(default_factory=KnownNames)
    ways: tuple[NodeWay, ...] | Unreadable = ()
    history: RecentHistory = field(default_factory=RecentHistory)
    routes: RouteAnswer = field(default_factory=RouteAnswer)
    trace: TraceAnswer = field(default_factory=TraceAnswer)
    asked: Mapping[str, str] = field(default_factory=dict)


def render_page(view: PageView, style: Markup, script: Markup) -> str:
    """Return the document, with these texts for its `style` and `script` elements."""
    report, stands = view.report, standing(view.report, view.stuck)
    tone = _TONES.get(stands.verdict.split(" ", 1)[0], Tone.UNKNOWN)
    host = clean((report.identity.name.name or report.hostname) if report else "", 64) or "this host"
    form = Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark"><title>%s</title><link rel="icon" href="data:image/svg+xml,'
        "%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%%3E%%3Ccircle cx='4.5' cy='4.5' r='4' "
        "fill='%%23%s'/%%3E%%3C/svg%%3E\"><style>%s</style></head><body>"
        '<a class="skip" href="#problems">Skip to the problems</a>%s<header><h1 id="verdict" data-part class="%s">%s'
        '<span>%s: %s</span></h1>%s<p id="live"></p>%s</header><main>%s</main><footer>%s</footer>'
        "<script>%s</script></body></html>"
    )
    return form % (
        f"{stands.verdict[:60]} - {host}",
        _ICONS.get(tone, "6e7781"),
        style,
        SPRITE,
        tone.value,
        icon(tone),
        host,
        stands.verdict,
        _checked(view, stands.not_ready),
        _navigation() if report else EMPTY,
        joined(_parts(view, report, host)) if report else _starting(view),
        _footer(),
        script,
    )


def _checked(view: PageView, not_ready: tuple[str, ...]) -> Markup:
    """Below the verdict: as of when it is, and what to know before one believes it."""
    ready = f"not ready: {'; '.join(map(clean, not_ready))}" if not_ready else "ready"
    report = view.report
    if report is None:
        form = Markup('<p id="checked" data-part>started %s; %s</p>')
        return form % (moment(view.started_at), ready)
    pause, paused = report.maintenance.pause, EMPTY
    if pause is not None:
        until = f"until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else "until somebody ends it"
        said = clean(
            f"by {pause.by} for {span(report.at - pause.since)}, {until}{f' ({pause.why})' if pause.why else ''}"
        )
        paused = Markup("<br><b>paused</b> %s; it starts, stops and replaces nothing: calico-agent resume") % (said,)
    form = Markup('<p id="checked" data-part data-at="%s">checked %s<span id="age"></span>, mode %s, %s%s</p>')
    at = f"{report.at:%Y-%m-%dT%H:%M:%SZ}"
    return form % (at, moment(report.at, "%Y-%m-%d %H:%M:%S UTC"), report.mode.value, ready, paused)


def _parts(view: PageView, report: Report, host: str) -> tuple[Markup, ...]:
    return (
        problem_cards(report),
        host_parts.conditions(report),
        section("ways", "Ways to the nodes", _map(view, report, host), wide=True),
        route_parts.routes(report, view.routes, view.asked, view.names.pools),
        route_parts.trace(view.trace, view.asked),
        host_parts.sessions(report),
        host_parts.identity(report),
        host_parts.container(report, view.history),
        host_parts.agent(report),
        last_day(report, view.history, report.at),
    )


def _map(view: PageView, report: Report, host: str) -> Markup:
    return node_map(node_standings(report, view.names.nodes, view.ways), host)


def _starting(view: PageView) -> Markup:
    doing = f": {clean(view.doing)}" if view.doing else ""
    said = Markup("<p>The agent looks at this host for the first time%s. That takes some seconds.</p>") % (doing,)
    return section("problems", "Not known yet", said, wide=True) + last_day(None, view.history, view.made_at)


def _navigation() -> Markup:
    links = joined(Markup('<a href="#%s">%s</a>') % each for each in _NAV)
    return Markup('<nav aria-label="Parts of this page">%s</nav>') % (links,)


def _footer() -> Markup:
    links = joined(Markup('<a href=".%s">%s</a> ') % (path, path) for path in _FILES)
    form = Markup(
        "<noscript><p>This page stays as it is: reload it to see what is so now.</p></noscript><p>For programs: %s</p>"
        '<p class="note">To type on this host: calico-agent status, peers, routes, trace, history, explain, diags</p>'
    )
    return form % (links,)
