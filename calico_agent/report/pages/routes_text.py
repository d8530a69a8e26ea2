"""`calico-agent routes` and `calico-agent trace`: as text for people, as plain JSON types for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, partial

from calico_agent.model.network.route_trace import RouteRow, RouteState, Trace
from calico_agent.text import clean, counted

STATES = tuple(state.value for state in RouteState)
_HEADINGS = ("PREFIX", "NODE", "POOL", "STATE", "WANTED", "FOUND")
_CELL = 80


def select(rows: Iterable[RouteRow], wanted: Mapping[str, str]) -> tuple[RouteRow, ...]:
    """Return the rows that have these values of `node`, `pool` and `state`; an absent or empty one asks for nothing."""
    node, pool, state = (wanted.get(name, "") for name in ("node", "pool", "state"))
    return tuple(
        row for row in rows if node in {"", row.node} and pool in {"", row.pool} and state in {"", row.state.value}
    )


def all_right(rows: Iterable[RouteRow]) -> bool:
    """True if nothing is wrong with any of them; what is not known is not right."""
    return all(row.state is RouteState.RIGHT for row in rows)


def render_routes(rows: tuple[RouteRow, ...]) -> str:
    """Return a line for each route in columns, then how many there are of each state."""
    told = cache(partial(clean, limit=_CELL))  # thousands of routes tell of a few hundred nodes
    table = [_HEADINGS, *((str(row.prefix), *map(told, _cells(row))) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    layout = "".join(f"{{:<{width}}}  " for width in widths) + "{}"
    lines = [layout.format(*cells).rstrip() for cells in table]
    return "\n".join((*lines, routes_summary(rows), ""))


def routes_summary(rows: tuple[RouteRow, ...]) -> str:
    """Return how many routes there are of each state."""
    states = Counter(row.state for row in rows)
    summary = ", ".join(f"{states[state]} {state.value}" for state in RouteState if states[state])
    return f"{counted(len(rows), 'route')}{': ' if rows else ''}{summary}"


def routes_json(rows: Iterable[RouteRow]) -> dict[str, object]:
    """Return the same for programs."""
    return {
        "routes": [
            {
                "prefix": str(row.prefix),
                "node": row.node or None,
                "pool": row.pool or None,
                "state": row.state.value,
                "code": row.code or None,
                "wanted": row.wanted,
                "found": row.found,
            }
            for row in rows
        ]
    }


def render_trace(trace: Trace) -> str:
    """Return the verdict, then the facts that it rests on."""
    lines = [clean(trace.verdict)]
    for heading, facts in (("now", trace.now), ("wanted", trace.wanted)):
        lines += ["", heading, *(f"  {label:<14}{clean(text)}" for label, text in facts)] if facts else []
    return "\n".join((*lines, ""))


def trace_json(trace: Trace) -> dict[str, object]:
    """Return the same for programs. `right` is null where it cannot be judged."""
    return {
        "address": str(trace.address),
        "right": trace.right,
        "verdict": trace.verdict,
        "now": [{"fact": label, "text": text} for label, text in trace.now],
        "wanted": [{"fact": label, "text": text} for label, text in trace.wanted],
    }


def _cells(row: RouteRow) -> tuple[str, ...]:
    state = row.state.value if row.state.value in row.code.lower() or not row.code else f"{row.state.value} {row.code}"
    return (row.node or "-", row.pool or "-", state, row.wanted, row.found)
