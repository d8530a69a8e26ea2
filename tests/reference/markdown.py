"""The little Markdown that the pages are made of."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"[\\*|]|(?<!\w)_|_(?!\w)")


def escape(text: str) -> str:
    """Text as it is read: what Markdown would take for its own is escaped, but for code between backticks."""
    parts = _CODE.split(text)
    return "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text).replace("<", "&lt;")


def code(text: str) -> str:
    """Text in the typeface of code."""
    return f"`{text}`" if text else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. The cells are Markdown of one line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(title: str, made_from: str, *parts: str) -> str:
    """A page with its title, and the remark that it is made by a program."""
    remark = f"<!-- Made from {made_from} by `python -m tests.reference`. Do not edit it. -->"
    return "\n\n".join((remark, f"# {title}", *(part.strip() for part in parts))) + "\n"
