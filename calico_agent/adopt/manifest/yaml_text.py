"""YAML with the place of each of its parts, so that one can be cut out and all others stay as they are, to the byte.

kubectl reads YAML with a translation of libyaml (sigs.k8s.io/yaml), and so does this: what one takes, the other takes.
Nothing is expanded: an alias is a pointer to its anchor, so a file whose aliases multiply costs no more than its text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import yaml

from calico_agent.adopt.described import NotTakenOver

# The largest manifest of Calico so far has 1.8 million characters, 31,000 parts and 24 levels (tigera-operator.yaml of
# projectcalico/calico@v3.28.0). What is larger than several of these is not one, and would only cost memory.
MOST_CHARACTERS = 8 << 20
_MOST_PARTS = 200_000
_MOST_LEVELS = 100

TEMPLATE_REASON = "is a template ({{ }}), not yet a manifest: render it first, for example by `helm template`"
_TEMPLATE = re.compile(r"\{\{|\{%")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOM = "\ufeff"


class Kind(Enum):
    """What a part of the text is."""

    SCALAR = "a value"
    SEQUENCE = "a list"
    MAPPING = "a mapping"
    ALIAS = "an alias"


@dataclass(frozen=True, slots=True, eq=False)
class TextNode:
    """One part: characters `start` to `end` of the text (an anchor before it counts), events `first` to `last`.

    `children` of a mapping are its keys and values in turn. `target` is what an alias stands for. `plain` values have
    no quotes, `flow` collections have brackets. A value in a block ends where the next part begins.
    """

    kind: Kind
    start: int
    end: int
    first: int
    last: int
    anchor: str = ""
    text: str = ""
    plain: bool = False
    flow: bool = False
    children: tuple["TextNode", ...] = ()
    target: "TextNode | None" = None

    @property
    def real(self) -> "TextNode":
        """The node itself, or what it is an alias of."""
        return self.target or self

    def pairs(self) -> Iterator[tuple["TextNode", "TextNode"]]:
        """Keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)


Event = tuple[object, ...]


@dataclass(frozen=True)
class Text:
    """A file as text, and how its places are called."""

    name: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def line(self, index: int) -> int:
        return bisect_right(self._starts, index)

    def place(self, index: int) -> str:
        return f"{self.name}:{self.line(index)}"

    def line_start(self, index: int) -> int:
        return self._starts[self.line(index) - 1]

    def line_end(self, index: int) -> int:
        """The start of the next line, or the end of the text."""
        line = self.line(index)
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def column(self, index: int) -> int:
        return index - self.line_start(index)

    def refused(self, index: int, reason: str) -> NotTakenOver:
        return NotTakenOver(self.place(index), reason)


@dataclass(frozen=True, slots=True)
class Parsed:
    """All documents of a text, and its events without their places: two texts with the same events say the same."""

    text: Text
    documents: tuple[TextNode, ...]
    events: tuple[Event, ...]


def parse(text: Text) -> Parsed:
    """Raises Refused for what is no YAML, and for what is too large."""
    if len(text.text) > MOST_CHARACTERS:
        raise NotTakenOver(text.name, f"is larger than {MOST_CHARACTERS >> 20} MiB, which no manifest of Calico is")
    # libyaml takes a byte order mark from bytes only.
    before = len(_BOM) if text.text.startswith(_BOM) else 0
    if bad := _UNPRINTABLE.search(text.text, before):
        raise text.refused(bad.start(), f"is not YAML: it has the character {ord(bad[0]):#04x}, which no text has")
    builder = _Builder(text, before)
    try:
        for event in yaml.parse(text.text[before:], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(text, error, before) from None
    return Parsed(text, tuple(builder.documents), tuple(builder.events))


def templated(value: str) -> bool:
    """Whether a value has still to be filled in by Helm, Jekyll or Jinja."""
    return _TEMPLATE.search(value) is not None


def _not_yaml(text: Text, error: yaml.MarkedYAMLError, before: int) -> NotTakenOver:
    template = re.search(r"^[^#\n]*(\{\{|\{%)", text.text, re.MULTILINE)
    if template:
        return text.refused(template.start(1), TEMPLATE_REASON)
    index = min(_index(error.problem_mark or error.context_mark) + before, len(text.text))
    reason = " ".join(part for part in (error.context, error.problem) if part)
    if "nesting depth" in reason:  # libyaml's own bound
        return text.refused(index, f"is nested deeper than {_MOST_LEVELS} levels")
    if text.text[index : index + 1] == "\t":
        reason = "a tab stands where only spaces may"
    return text.refused(index, f"is not YAML: {reason}, at column {text.column(index) + 1}")


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    start: int
    first: int
    anchor: str
    flow: bool
    children: list[TextNode] = field(default_factory=list)


class _Builder:
    """Events of the parser, one by one -> nodes."""

    def __init__(self, text: Text, before: int) -> None:
        """`before` characters of the text are not the parser's."""
        self.documents: list[TextNode] = []
        self.events: list[Event] = []
        self._text = text
        self._before = before
        self._open: list[_Open] = []
        self._anchors: dict[str, TextNode] = {}

    def take(self, event: yaml.Event) -> None:
        number = len(self.events)
        start, end = (_index(mark) + self._before for mark in (event.start_mark, event.end_mark))
        if number > _MOST_PARTS:
            raise self._text.refused(start, f"has more than {_MOST_PARTS} parts, which no manifest of Calico has")
        self.events.append(_without_place(event))
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self._open) >= _MOST_LEVELS:
                raise self._text.refused(start, f"is nested deeper than {_MOST_LEVELS} levels")
            self._open.append(_Open(start, number, event.anchor or "", bool(event.flow_style)))
        elif isinstance(event, yaml.MappingEndEvent):
            self._close(Kind.MAPPING, end, number)
        elif isinstance(event, yaml.SequenceEndEvent):
            self._close(Kind.SEQUENCE, end, number)
        elif isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            if name not in self._anchors:
                raise self._text.refused(start, f"is not YAML: *{name[:60]} names no anchor that ends before it")
            self._add(TextNode(Kind.ALIAS, start, end, number, number, text=name, target=self._anchors[name]))
        elif isinstance(event, yaml.ScalarEvent):
            anchor, value = event.anchor or "", event.value or ""
            plain = not event.style
            self._add(TextNode(Kind.SCALAR, start, end, number, number, anchor=anchor, text=value, plain=plain))

    def _close(self, kind: Kind, end: int, number: int) -> None:
        opened = self._open.pop()
        children = tuple(opened.children)
        # A collection without brackets is over with its last part, not where the next one begins.
        last = end if opened.flow or not children else children[-1].end
        first = opened.start
        self._add(TextNode(kind, first, last, opened.first, number, opened.anchor, flow=opened.flow, children=children))

    def _add(self, node: TextNode) -> None:
        if node.anchor:
            self._anchors[node.anchor] = node
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.documents.append(node)


def _index(mark: object) -> int:
    index = getattr(mark, "index", 0)
    return index if isinstance(index, int) else 0


def _without_place(event: yaml.Event) -> Event:
    """What an event says. The style of a value counts: `1` is a number and `"1"` is not."""
    if isinstance(event, yaml.ScalarEvent):
        return "value", event.anchor, event.tag, event.implicit, event.value, event.style
    if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        return type(event), event.anchor, event.tag, event.implicit, event.flow_style
    if isinstance(event, yaml.AliasEvent):
        return "alias", event.anchor
    if isinstance(event, yaml.DocumentStartEvent):
        return "document", event.explicit, event.version, tuple(sorted((event.tags or {}).items()))
    return type(event), getattr(event, "explicit", None)
