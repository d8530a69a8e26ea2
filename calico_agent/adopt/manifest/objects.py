"""The Kubernetes objects of a manifest: documents, and what stands in their lists."""

from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.adopt.manifest.yaml_text import Kind, Parsed, Text, TextNode

# `kind: List` in a list in a list; merge keys that merge others. Written by hand there is one.
_DEEPEST = 8
_MERGE = "<<"
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_DEFAULT_NAMESPACE = "default"


class TooMuch(Exception):  # noqa: N818 - it names what a part is
    """A part that its aliases make too large to be written out."""


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """One object, and what it calls itself."""

    text: Text
    node: TextNode
    api_version: str
    kind: str
    name: str
    namespace: str

    @property
    def place(self) -> str:
        return self.text.place(self.node.start)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


def objects(parsed: Parsed) -> Iterator[KubernetesObject]:
    """All objects, in the order of the text."""
    for document in parsed.documents:
        yield from _objects(parsed.text, document, 0)


def member(node: TextNode | None, *path: str) -> TextNode | None:
    """The value below these keys, or None; also one that a merge key (`<<`) brings."""
    for key in path:
        node = _value(node, key, set(), 0)
    return node


def own_member(node: TextNode, key: str) -> tuple[TextNode, TextNode] | None:
    """A key of this very mapping with its value, as they are written; the last one where there are several."""
    found = None
    for each, value in node.pairs() if node.kind is Kind.MAPPING else ():
        if each.real.kind is Kind.SCALAR and each.real.text == key:
            found = (each, value)
    return found


def elements(node: TextNode | None) -> tuple[TextNode, ...]:
    """The elements of a list."""
    return node.real.children if node is not None and node.real.kind is Kind.SEQUENCE else ()


def string(node: TextNode | None, missing: str = "") -> str:
    """A value as text; `null`, and what is no value, is `missing`."""
    if node is None or node.real.kind is not Kind.SCALAR:
        return missing
    real = node.real
    return missing if real.plain and real.text in _NOTHING else real.text


def is_true(node: TextNode | None) -> bool:
    return string(node).lower() == "true"


def mapping(node: TextNode | None) -> dict[str, TextNode]:
    """Keys and values, those of merge keys too."""
    found: dict[str, TextNode] = {}
    _collect(node, found, set(), 0)
    return found


def twice(node: TextNode) -> tuple[TextNode, TextNode] | None:
    """The first key below this node that its mapping has already, and the one before it."""
    stack = [node]
    while stack:
        each = stack.pop()
        if each.kind is Kind.MAPPING:
            seen: dict[str, TextNode] = {}
            for key, _ in each.pairs():
                if key.real.kind is Kind.SCALAR and key.real.text != _MERGE:
                    if key.real.text in seen:
                        return seen[key.real.text], key
                    seen[key.real.text] = key
        stack.extend(reversed(each.children))
    return None


def _objects(text: Text, node: TextNode, depth: int) -> Iterator[KubernetesObject]:
    real = node.real
    if real.kind is not Kind.MAPPING:
        return
    kind = string(member(real, "kind"))
    items = member(real, "items")
    if kind.endswith("List") and items is not None and depth < _DEEPEST:
        for item in elements(items):
            yield from _objects(text, item, depth + 1)
        return
    meta = member(real, "metadata")
    yield KubernetesObject(
        text=text,
        node=real,
        api_version=string(member(real, "apiVersion")),
        kind=kind,
        name=string(member(meta, "name")),
        namespace=string(member(meta, "namespace"), _DEFAULT_NAMESPACE),
    )


def _value(node: TextNode | None, key: str, seen: set[int], depth: int) -> TextNode | None:
    """What is merged often is looked at once: merge keys can multiply as aliases do."""
    if node is None or node.real.kind is not Kind.MAPPING or depth > _DEEPEST or id(node.real) in seen:
        return None
    seen.add(id(node.real))
    if own := own_member(node.real, key):
        return own[1]
    for merged in _merged(node.real):
        if (found := _value(merged, key, seen, depth + 1)) is not None:
            return found
    return None


def _collect(node: TextNode | None, found: dict[str, TextNode], seen: set[int], depth: int) -> None:
    if node is None or node.real.kind is not Kind.MAPPING or depth > _DEEPEST or id(node.real) in seen:
        return
    seen.add(id(node.real))
    own = {key.real.text: value for key, value in node.real.pairs() if key.real.kind is Kind.SCALAR}
    for name, value in own.items():
        if name != _MERGE:
            found.setdefault(name, value)
    for merged in _merged(node.real):
        _collect(merged, found, seen, depth + 1)


def _merged(node: TextNode) -> tuple[TextNode, ...]:
    own = own_member(node, _MERGE)
    if own is None:
        return ()
    value = own[1].real
    return value.children if value.kind is Kind.SEQUENCE else (value,)
