"""The routes with a filter, and the way of one packet: forms that ask this very page, so that they need no script."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from calico_agent.model.network.route_trace import RouteRow, RouteState, Trace
from calico_agent.model.report import Report
from calico_agent.report.facts import facts
from calico_agent.report.html.markup import EMPTY, facts_list, fitting, joined, note, row, section, table
from calico_agent.report.html.symbols import Tone, icon
from calico_agent.report.pages.routes_text import STATES, routes_summary
from calico_agent.text import clean, counted

_MOST_ROWS, _MOST_BYTES = 100, 24_000
_MOST_POOLS = 40


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """The rows that were chosen, in `trouble` why there are none; both empty where nobody asked for them."""

    rows: tuple[RouteRow, ...] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """The way of a packet, or why it is not known; nothing where nobody asked."""

    trace: Trace | None = None
    trouble: str = ""


def routes(report: Report, answer: RouteAnswer, asked: Mapping[str, str], pools: Collection[str]) -> Markup:
    """Return how many routes there are, the filter, and the table that it chose."""
    counts = [(label, clean(text)) for label, text in facts(report, report.at) if label == "routes"]
    parts = [facts_list(counts), _filter(asked, sorted(pools)[:_MOST_POOLS])]
    if answer.trouble:
        parts.append(Markup('<p class="refused">%s%s</p>') % (icon(Tone.WARN), clean(answer.trouble)))
    elif answer.rows is None:
        parts.append(note("The table is made when the filter asks for it."))
    elif not answer.rows:
        parts.append(note("No route is like that."))
    else:
        chosen = sorted(answer.rows, key=lambda one: one.state is RouteState.RIGHT)
        rows = fitting(_rows(chosen), _MOST_ROWS, _MOST_BYTES)
        heads = ("prefix", "node", "pool", "state", "wanted", "found")
        parts.append(table("table", routes_summary(answer.rows), heads, rows))
        if len(rows) < len(chosen):
            parts.append(note(f"and {counted(len(chosen) - len(rows), 'more route')}: calico-agent routes, or /routes"))
    return section("routes", "Routes", *parts, wide=True)


def _rows(chosen: list[RouteRow]) -> Iterator[Markup]:
    for one in chosen:
        tone = Tone.GOOD if one.state is RouteState.RIGHT else Tone.BAD
        state = one.state.value if not one.code else f"{one.state.value} {one.code}"
        cells = (
            clean(one.node or "-", 64),
            clean(one.pool or "-", 64),
            state,
            clean(one.wanted, 80),
            clean(one.found, 80),
        )
        yield row(Markup("%s%s") % (icon(tone), str(one.prefix)), *cells)


def _filter(asked: Mapping[str, str], pools: list[str]) -> Markup:
    form = Markup(
        '<form action="./#routes" role="search" aria-label="Choose routes"><label>node <input name="node" value="%s" '
        'autocomplete="off" autocapitalize="off" spellcheck="false"></label><label>pool <select name="pool">%s</select>'
        '</label><label>state <select name="state">%s</select></label><button>Show</button></form>'
    )
    node = clean(asked.get("node", ""), 260)
    return form % (node, _options(pools, asked.get("pool", "")), _options(STATES, asked.get("state", "")))


def _options(values: Collection[str], chosen: str) -> Markup:
    options = [Markup('<option value="">all</option>')]
    if chosen and chosen not in values:
        values = [chosen[:260], *values]
    for value in values:
        mark = Markup(" selected") if value == chosen else EMPTY
        options.append(Markup('<option value="%s"%s>%s</option>') % (value, mark, clean(value, 64)))
    return joined(options)


def trace(answer: TraceAnswer, asked: Mapping[str, str]) -> Markup:
    """Return the box for an address, and where a packet to it goes."""
    form = Markup(
        '<form action="./#trace" role="search" aria-label="Trace a packet"><label>address <input name="address" '
        'value="%s" placeholder="10.244.1.7" autocomplete="off" spellcheck="false" required></label>'
        "<button>Trace</button></form>"
    )
    parts = [form % (clean(asked.get("address", ""), 64),)]
    if answer.trouble:
        parts.append(Markup('<p class="refused">%s%s</p>') % (icon(Tone.WARN), clean(answer.trouble)))
    elif answer.trace is not None:
        parts += _traced(answer.trace)
    else:
        parts.append(note("Where does a packet go, and where should it? Same as calico-agent trace ADDRESS."))
    return section("trace", "Trace", *parts, wide=True)


def _traced(found: Trace) -> Iterator[Markup]:
    tone = {True: Tone.GOOD, False: Tone.BAD, None: Tone.UNKNOWN}[found.right]
    yield Markup("<p>%s<b>%s</b></p>") % (icon(tone), clean(found.verdict))
    for heading, known in (("now", found.now), ("wanted", found.wanted)):
        if known:
            shown = [(clean(label, 40), clean(text)) for label, text in known]
            yield Markup("<h3>%s</h3>%s") % (heading, facts_list(shown))
