"""The page of the report in JSON, and its JSON Schema."""

import json
from typing import Any

from tests.reference import markdown
from tests.reference.status_fields import FIELDS, Field


def page() -> str:
    """The page."""
    rows = [(markdown.code(one.path), _type(one), markdown.escape(one.sentence)) for one in FIELDS]
    return markdown.page(
        "The report as JSON",
        "tests/reference/status_fields.py",
        "`calico-agent status --json` and `/status` give it. [`status.schema.json`](status.schema.json) says the same "
        "to programs, as JSON Schema.",
        "`[]` in a path is each element of a list. What is not known is null. A time is RFC 3339 in UTC, a name that "
        "ends in `_seconds` a number of seconds, an address or a prefix a text.",
        markdown.table(("path", "type", "what it says"), rows),
    )


def schema() -> str:
    """The JSON Schema. It allows fields that it does not know, as they may be added at any time."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The report of calico-agent about one host",
        "type": "object",
    }
    for one in FIELDS:
        _place(root, one)
    return json.dumps(root, indent=1) + "\n"


def _type(one: Field) -> str:
    return one.type + (" or null" if one.nullable else "")


def _place(root: dict[str, Any], one: Field) -> None:
    """Put a field where its path leads. What is above it has its place already."""
    *above, name = one.path.split(".")
    for step in above:
        below = root["properties"][step.removesuffix("[]")]
        root = below["items"] if step.endswith("[]") else below
    root.setdefault("properties", {})[name.removesuffix("[]")] = _described(one, many=name.endswith("[]"))
    root.setdefault("required", []).append(name.removesuffix("[]"))


def _described(one: Field, *, many: bool) -> dict[str, Any]:
    kind = "string" if one.type == "time" else one.type
    value: dict[str, Any] = {"type": [kind, "null"] if one.nullable else kind}
    if one.type == "time":
        value["format"] = "date-time"
    if many:
        return {"description": one.sentence, "type": "array", "items": value}
    return {"description": one.sentence, **value}
