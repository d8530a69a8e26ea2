"""Markup, and text from outside on its way into it.

MarkupSafe and no template engine: Jinja2 takes 9 MiB and 50 ms for its import and the templates of a page like this
(measured on Python 3.11), and all that people on call look at may take 4 MiB of the daemon. MarkupSafe, on which Jinja2
itself rests, takes 128 KiB and has the one thing that must not be our own: text is escaped by its type. What is put
into `Markup` by `%` or `join` comes out escaped, unless it is `Markup` itself; so what was forgotten is shown as text.

What comes from outside is made one line without control and bidirectional characters before, by `text.clean`.
"""

from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup

EMPTY = Markup("")


def joined(parts: Iterable[Markup]) -> Markup:
    """Return all parts, one after the other."""
    return EMPTY.join(parts)


def fitting(parts: Iterable[Markup], most: int, most_bytes: int) -> list[Markup]:
    """Return the first parts: at most so many, and no more than fit into so many bytes; the first one in any case."""
    chosen: list[Markup] = []
    left = most_bytes
    for part in parts:
        left -= len(part.encode(errors="replace"))
        if len(chosen) == most or (left < 0 and chosen):
            break
        chosen.append(part)
    return chosen


def section(name: str, heading: str, *parts: Markup, wide: bool = False) -> Markup:
    """Return a part of the page that is refreshed by itself."""
    form = Markup('<section id="%s" data-part class="%s" aria-labelledby="%s-h"><h2 id="%s-h">%s</h2>%s</section>')
    return form % (name, "wide" if wide else "", name, name, heading, joined(parts))


def table(name: str, caption: str, heads: Iterable[str], rows: Iterable[Markup]) -> Markup:
    """Return a table that can be moved aside where it is wider than the window; each row is ready."""
    head = joined(Markup('<th scope="col">%s</th>') % (each,) for each in heads)
    form = Markup(
        '<div class="scroll" id="%s-t" role="region" aria-label="%s" tabindex="0"><table><caption>%s</caption>'
        "<thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>"
    )
    return form % (name, caption, caption, head, joined(rows))


def row(first: object, *others: object) -> Markup:
    """Return a row of a table; its first cell names it."""
    cells = joined(Markup("<td>%s</td>") % (each,) for each in others)
    return Markup('<tr><th scope="row">%s</th>%s</tr>') % (first, cells)


def facts_list(facts: Iterable[tuple[str, object]]) -> Markup:
    """Return labels with what stands beside them."""
    return Markup("<dl>%s</dl>") % (joined(Markup("<dt>%s</dt><dd>%s</dd>") % each for each in facts),)


def moment(at: datetime, form: str = "%H:%M:%S UTC") -> Markup:
    """Return a time (UTC), which programs can read, too."""
    return Markup('<time datetime="%s">%s</time>') % (f"{at:%Y-%m-%dT%H:%M:%SZ}", at.strftime(form))


def note(text: str) -> Markup:
    """Return a paragraph beside the matter."""
    return Markup('<p class="note">%s</p>') % (text,)
