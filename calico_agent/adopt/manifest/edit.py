"""Changes of a text that leave everything else as it is, to the byte, and the proof that they do."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.manifest.objects import TooMuch
from calico_agent.adopt.manifest.yaml_text import Event, Kind, Parsed, Text, TextNode, parse

# An anchor that moves is written out with what it stands for. More parts than this have only files made to be large.
_MOST_WRITTEN = 10_000
_COMMENT = re.compile(r"[ \t]*#")
_BLANK = re.compile(r"[ \t]*\r?\n?")
_DASH_LINE = re.compile(r"[ \t]*-[ \t]*(#.*)?\r?\n?")
_SAFE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*")


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` become `text`, and so events `first` to `last` (not included) become `events`."""

    start: int
    end: int
    text: str
    first: int
    last: int
    events: tuple[Event, ...] = ()


def apply(parsed: Parsed, edits: Iterable[Edit]) -> Parsed:
    """The changed text. Raises Refused where it would not say the same as before but for these changes."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    text, events = parsed.text.text, parsed.events
    words: list[str] = []
    wanted: list[Event] = []
    at, seen = 0, 0
    for edit in ordered:
        words += (text[at : edit.start], edit.text)
        wanted += (*events[seen : edit.first], *edit.events)
        at, seen = edit.end, edit.last
    changed = Text(parsed.text.name, "".join((*words, text[at:])))
    try:
        result = parse(changed)
    except NotTakenOver as error:
        raise _unsafe(parsed, ordered) from error
    if result.events != (*wanted, *events[seen:]):
        raise _unsafe(parsed, ordered)
    return result


def _unsafe(parsed: Parsed, edits: list[Edit]) -> NotTakenOver:
    start = edits[0].start if edits else 0
    return parsed.text.refused(
        start, "cannot be changed here without changing something else: write it in the plain block style, then split"
    )


def take_out(parsed: Parsed, sequence: TextNode, item: TextNode, instead: str = "") -> Iterator[Edit]:
    """An element of a list goes, with the comments that belong to it; `instead`, as YAML of a list, takes its place.

    An anchor in it of which aliases stay is written out where the first of them stands.
    """
    if not instead and len(sequence.children) == 1:
        raise ValueError("nothing would be left of the list")
    yield from _moved_anchors(parsed, item)
    yield _in_brackets(sequence, item, instead) if sequence.flow else _in_block(parsed.text, item, instead)


def _in_brackets(sequence: TextNode, item: TextNode, instead: str) -> Edit:
    if instead:
        return Edit(
            item.start, item.end, _one_line(instead), item.first, item.last + 1, _elements(_one_line(instead), 2)
        )
    index = sequence.children.index(item)
    if index + 1 < len(sequence.children):
        start, end = item.start, sequence.children[index + 1].start
    else:
        start, end = sequence.children[index - 1].end, item.end
    return Edit(start, end, "", item.first, item.last + 1)


def _in_block(text: Text, item: TextNode, instead: str) -> Edit:
    dash = _dash(text, item)
    column = text.column(dash)
    start, end = _with_comments_before(text, text.line_start(dash), column), _end_of_lines(text, item, column)
    new = indented(instead, column, newline(text, dash)) if instead else ""
    return Edit(start, end, new, item.first, item.last + 1, _elements(instead, 3) if instead else ())


def _elements(snippet: str, skip: int) -> tuple[Event, ...]:
    """What a snippet says, without the events around it (stream, document and, for 3, its one collection)."""
    return parse(Text("", snippet)).events[skip:-skip]


def pair_before(text: Text, mapping: TextNode, key: str, snippet: str) -> Edit:
    """A new key at the head of a mapping. `snippet` is YAML of a mapping with this key alone."""
    first = mapping.children[0]
    if mapping.flow:
        words = _one_line(snippet)[1:-1] + ", "
        return Edit(first.start, first.start, words, first.first, first.first, _elements(_one_line(snippet), 3))
    column = text.column(first.start)
    if text.text[text.line_start(first.start) : first.start].strip():
        raise text.refused(first.start, f"has no room for `{key}`: begin the mapping on a line of its own, then split")
    start = text.line_start(first.start)
    new = indented(snippet, column, newline(text, first.start))
    return Edit(start, start, new, first.first, first.first, _elements(snippet, 3))


def new_value(node: TextNode, value: str) -> Edit:
    """Another plain word for a value."""
    return Edit(node.start, node.end, value, node.first, node.last + 1, _elements(value, 2))


def indented(snippet: str, column: int, ending: str) -> str:
    return "".join(f"{' ' * column}{line}{ending}" for line in snippet.splitlines())


def newline(text: Text, index: int) -> str:
    """How the line of this place ends."""
    line = text.text[text.line_start(index) : text.line_end(index)]
    return "\r\n" if line.endswith("\r\n") else "\n"


def _one_line(snippet: str) -> str:
    """A snippet with the one element of its list, or its one mapping, in brackets; without comments."""
    node = parse(Text("", snippet)).documents[0]
    return "".join(_flow(node.children[0] if node.kind is Kind.SEQUENCE else node, frozenset(), [_MOST_WRITTEN]))


def _dash(text: Text, item: TextNode) -> int:
    """The dash of an element: before it in its line, or in a line above that has nothing else."""
    start = text.line_start(item.start)
    before = text.text[start : item.start]
    while not before.strip() or before.lstrip().startswith("#"):
        if start == 0:
            break
        end, start = start, text.line_start(start - 1)
        line = text.text[start:end]
        if _DASH_LINE.fullmatch(line):
            return start + line.index("-")
        before = line
    dash = start + len(before.rstrip()) - 1
    if before.strip() != "-":
        raise text.refused(item.start, "is not on lines of its own: begin it with `- ` on a new line, then split")
    return dash


def _with_comments_before(text: Text, start: int, column: int) -> int:
    """The comments straight above, in the column of the dash, speak of what follows."""
    while start > 0:
        above = text.line_start(start - 1)
        line = text.text[above:start]
        if not _COMMENT.match(line) or len(line) - len(line.lstrip(" \t")) != column:
            break
        start = above
    return start


def _end_of_lines(text: Text, item: TextNode, column: int) -> int:
    """Behind the last line of an element, and behind comments below that are deeper than its dash."""
    last = item
    while last.children:
        last = last.children[-1]
    end = text.line_end(max(last.end, item.start + 1) - 1)
    at = end
    while at < len(text.text):
        following = text.line_end(at)
        line = text.text[at:following]
        if _COMMENT.match(line) and len(line) - len(line.lstrip(" \t")) > column:
            end = following
        elif not _BLANK.fullmatch(line):
            break
        at = following
    return end


def _moved_anchors(parsed: Parsed, item: TextNode) -> Iterator[Edit]:
    if item.kind is Kind.ALIAS:
        return
    inside = {id(node): node for node in _walk(item) if node.anchor}
    if not inside:
        return
    document = next(each for each in parsed.documents if each.first <= item.first <= each.last)
    moved: set[int] = set()
    for node in _walk(document):
        outside = not item.first <= node.first <= item.last
        if node.kind is Kind.ALIAS and outside and id(node.target) in inside and id(node.target) not in moved:
            target = inside[id(node.target)]
            moved.add(id(target))
            words = f"&{target.anchor} " + "".join(_flow(target, frozenset(inside), [_MOST_WRITTEN]))
            yield Edit(node.start, node.end, words, node.first, node.last + 1, _elements(words, 2))


def _walk(node: TextNode) -> Iterator[TextNode]:
    """A node and all below it, in the order of the text."""
    stack = [node]
    while stack:
        each = stack.pop()
        yield each
        stack.extend(reversed(each.children))


def _flow(node: TextNode, going: frozenset[int], left: list[int]) -> Iterator[str]:
    """A node in brackets, on one line. Aliases of what goes are written out, others stay."""
    left[0] -= 1
    if left[0] < 0:
        raise TooMuch
    if node.kind is Kind.ALIAS:
        if id(node.target) not in going:
            yield f"*{node.text} "
            return
        node = node.real
    if node.kind is Kind.SCALAR:
        yield node.text if node.plain and _SAFE.fullmatch(node.text) else _quoted(node)
    elif node.kind is Kind.SEQUENCE:
        yield "["
        for index, child in enumerate(node.children):
            yield ", " if index else ""
            yield from _flow(child, going, left)
        yield "]"
    else:
        yield "{"
        for index, (key, value) in enumerate(node.pairs()):
            yield ", " if index else ""
            yield from _flow(key, going, left)
            yield ": "
            yield from _flow(value, going, left)
        yield "}"


def _quoted(node: TextNode) -> str:
    """A plain value without any text is null; every other value that is not of simple characters is a text."""
    return "null" if node.plain and not node.text else json.dumps(node.text, ensure_ascii=False)
