"""The query of a request as named values. What a page does not know is refused: a typo is not an answer."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from calico_agent.report.pages.page import NARROWEST, WIDEST, WIDTH
from calico_agent.text import clean, nearest

FORMATS = ("json", "text")
DETAILS = ("brief", "usual", "all")


def read_parameters(query: str, known: Collection[str]) -> Mapping[str, str]:
    """The parameters, which are some of `known`. Raises ValueError with the sentence that says what is wrong."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise ValueError("the query cannot be understood") from None
    for name, _ in pairs:
        if name not in known:
            wanted = f"known: {', '.join(known)}" if known else "it has none"
            raise ValueError(f"this page has no parameter {clean(name, 60)!a} ({nearest(name, known) or wanted})")
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ValueError("a parameter is given twice")
    if parameters.get("format", "json") not in FORMATS:
        raise ValueError(f"format is {' or '.join(FORMATS)}")
    return parameters


def read_width(parameters: Mapping[str, str]) -> int:
    """How wide text may be. Raises ValueError with the sentence that says what is wrong."""
    text = parameters.get("width", str(WIDTH))
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and NARROWEST <= int(text) <= WIDEST):
        raise ValueError(f"width is a number from {NARROWEST} to {WIDEST}")
    return int(text)


def read_detail(parameters: Mapping[str, str]) -> str:
    """Return how much is told in text. Raises ValueError with the sentence that says what is wrong."""
    detail = parameters.get("detail", "usual")
    if detail not in DETAILS:
        raise ValueError(f"detail is {', '.join(DETAILS[:-1])} or {DETAILS[-1]}")
    return detail


def read_since(parameters: Mapping[str, str]) -> datetime | None:
    """A moment in seconds of the epoch; None where none is given. Raises ValueError as above."""
    text = parameters.get("since", "")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("since is a moment in seconds of the epoch") from None
