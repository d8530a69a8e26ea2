"""The picture of this host's way to each node, drawn as SVG: a shape for each node, and the names of those not fine.

A few nodes are drawn as lines with their names, many as a field in the order of their names, in which a rack that is
gone is seen at a glance. A thousand nodes take 100 KB at the most.
"""

import re
from collections import Counter, defaultdict

from markupsafe import Markup, escape

from calico_agent.report.html.markup import EMPTY, joined, note, row, table
from calico_agent.report.html.node_ways import NodeStanding
from calico_agent.report.html.symbols import WORDS, Tone, icon
from calico_agent.text import clean, counted

_FEW = 16
_COLUMNS, _CELL = 40, 12
_MOST_DRAWN, _MOST_NAMED = 5000, 1000
_NAME, _LISTED, _MOST_LISTED = 40, 20, 30
_MOST_LANES = 5
_PLAIN = re.compile(rf"[a-zA-Z0-9._-]{{1,{_NAME}}}")
"""Names in which nothing is to be escaped, which nearly all are."""

_TONES = (*Tone,)
_RANKS = {tone: rank for rank, tone in enumerate(Tone)}


def node_map(standings: tuple[NodeStanding, ...], me: str) -> Markup:
    """Return the pictures, one for each way of travelling, and what they show in words."""
    if not standings:
        return note("There is no other node, or none is known.")
    lanes: defaultdict[str, list[NodeStanding]] = defaultdict(list)
    for one in standings[:_MOST_DRAWN]:
        lanes[one.way].append(one)
    ordered = sorted(lanes.items(), key=lambda lane: -len(lane[1]))
    shown = ordered[:_MOST_LANES]
    if others := [one for _, lane in ordered[_MOST_LANES:] for one in lane]:
        shown.append(("in other ways", others))
    named = len(standings) <= _MOST_NAMED
    parts = [_lane(number, way, lane, me, named=named) for number, (way, lane) in enumerate(shown)]
    if len(standings) > _MOST_DRAWN:
        parts.append(note(f"and {counted(len(standings) - _MOST_DRAWN, 'more node')}, which are not drawn"))
    shapes = Markup('<div class="shapes">%s%s</div>') % (joined(parts), _legend(standings))
    return shapes + _amiss(standings)


def _lane(number: int, way: str, lane: list[NodeStanding], me: str, *, named: bool) -> Markup:
    title = f"{counted(len(lane), 'node')} {way}"
    width, height, drawn = _lines(lane, me) if len(lane) <= _FEW else _field(lane, named=named)
    form = Markup(
        '<figure><figcaption>%s: %s</figcaption><svg class="map %s" role="img" aria-labelledby="w%s w%sd" '
        'viewBox="0 0 %s %s"><title id="w%s">%s</title><desc id="w%sd">%s</desc>%s</svg></figure>'
    )
    sums = _sums(lane)
    size = "few" if len(lane) <= _FEW else "many"
    return form % (title, sums, size, number, number, width, height, number, title, number, _spoken(lane), drawn)


def _lines(lane: list[NodeStanding], me: str) -> tuple[int, int, Markup]:
    """This host at the left, a line to each node: whole, or broken where the way is."""
    height = 24 * len(lane) + 14
    parts = [
        Markup('<use href="#here" x="12" y="12"/><text x="24" y="16">%s</text><path class="way" d="M12 20V%s"/>')
        % (clean(me, _NAME), 24 * len(lane) + 6)
    ]
    for number, one in enumerate(lane, 1):
        y = 24 * number + 6
        line = "way" if one.tone in {Tone.GOOD, Tone.NONE} else f"way cut-{one.tone.value}"
        parts.append(
            Markup('<path class="%s" d="M12 %sH68"/><use href="#%s" x="80" y="%s"/><text x="94" y="%s">%s</text>')
            % (line, y, one.tone.value, y, y + 4, clean(one.name, _NAME))
        )
    return 380, height, joined(parts)


def _field(lane: list[NodeStanding], *, named: bool) -> tuple[int, int, Markup]:
    """A shape for each. What is fine has its name as a tip while that fits."""
    tips = (_tip(one) if named or one.why else "" for one in lane)
    parts = [
        f"<use href=#{one.tone.value} x={number % _COLUMNS * _CELL + 6} y={number // _COLUMNS * _CELL + 6}>"
        f"<title>{tip}</title></use>"
        if tip
        else f"<use href=#{one.tone.value} x={number % _COLUMNS * _CELL + 6} y={number // _COLUMNS * _CELL + 6} />"
        for number, (one, tip) in enumerate(zip(lane, tips, strict=True))
    ]
    drawn = Markup("".join(parts))  # noqa: S704 - numbers, and names that are escaped: by type it takes ten times as long
    return _COLUMNS * _CELL, -(-len(lane) // _COLUMNS) * _CELL, drawn


def _tip(one: NodeStanding) -> str:
    """What is shown of a node that is pointed at, escaped."""
    if not one.why and _PLAIN.fullmatch(one.name):
        return one.name
    return escape(f"{clean(one.name, _NAME)}: {clean(one.why, 80)}" if one.why else clean(one.name, _NAME))


def _sums(standings: tuple[NodeStanding, ...] | list[NodeStanding]) -> str:
    counts = Counter(one.tone for one in standings)
    return ", ".join(f"{counts[tone]} {WORDS[tone]}" for tone in Tone if counts[tone])


def _spoken(lane: list[NodeStanding]) -> str:
    """What the picture shows to who does not see it; the table below has the rest."""
    amiss = [one for one in lane if one.why]
    names = "; ".join(f"{clean(one.name, _NAME)}: {clean(one.why, 80)}" for one in amiss[:5])
    more = f"; and {len(amiss) - 5} more" if len(amiss) > 5 else ""
    return f"{_sums(lane)}. {names}{more}"


def _legend(standings: tuple[NodeStanding, ...]) -> Markup:
    tones = {one.tone for one in standings} | {Tone.BAD, Tone.WARN, Tone.GOOD}
    parts = (Markup("<li>%s%s</li>") % (icon(tone), WORDS[tone]) for tone in Tone if tone in tones)
    return Markup('<ul class="legend" aria-label="What the shapes mean">%s</ul>') % (joined(parts),)


def _amiss(standings: tuple[NodeStanding, ...]) -> Markup:
    """What keeps nodes from being fine, each with the nodes, the gravest first."""
    reasons: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for one in standings:
        if one.why:
            reasons[_RANKS[one.tone], one.why].append(one.name)
    ordered = sorted(reasons.items(), key=lambda reason: (reason[0][0], -len(reason[1])))
    rows = (
        row(Markup("%s%s") % (icon(_TONES[rank]), clean(why, 160)), len(names), _names(names))
        for (rank, why), names in ordered[:_LISTED]
    )
    left = note(f"and {counted(len(ordered) - _LISTED, 'more reason')}") if len(ordered) > _LISTED else EMPTY
    return table("amiss", "Nodes that are not fine", ("why", "nodes", "names"), rows) + left if ordered else EMPTY


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(clean(name, 64) for name in names[:_MOST_LISTED]) + more
