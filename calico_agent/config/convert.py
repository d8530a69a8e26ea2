"""One value into its type of the schema, or ValueError with the sentence that says what is wrong with it."""

import json
from typing import Annotated, get_args, get_origin

import msgspec

from calico_agent.secret import HIDDEN, masked


def converted(value: object, wanted: object, *, strict: bool = True) -> object:
    """The value in the type `wanted`. Not `strict`: numbers and booleans may be written as text."""
    meta = next(meta for meta in get_args(wanted) if isinstance(meta, msgspec.Meta))
    bare, extra = _bare(wanted), meta.extra or {}
    told = HIDDEN if extra.get("hidden") and isinstance(value, str) else shown(value)
    if get_origin(bare) is tuple and isinstance(value, list):
        # Element by element, so that the message shows the one that is wrong.
        value = [converted(element, get_args(bare)[0], strict=strict) for element in value]
    try:
        result: object = msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError:
        raise ValueError(f"{told} is not {meta.description}") from None
    check = extra.get("check")
    if check:
        try:
            check(result)
        except ValueError as error:
            raise ValueError(f"{told} {error} (wanted {meta.description})") from None
    return result


def from_text(text: str, wanted: object) -> object:
    """The same for a value written in one variable or flag; lists are `a,b`, tables `NAME=value,OTHER=value`."""
    container = get_origin(_bare(wanted))
    if container not in {tuple, dict}:
        return converted(text, wanted, strict=False)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if container is tuple:
        return converted(parts, wanted, strict=False)
    if not all("=" in part for part in parts):
        raise ValueError("it is not a list of NAME=value")  # which may hold secrets
    return converted(dict(part.split("=", 1) for part in parts), wanted, strict=False)


def shown(value: object) -> str:
    """A value for a message: on one line, without control characters, cut when it is long, no password."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = masked(json.dumps(value, default=str))
    return text if len(text) <= 80 else f"{text[:70]}...{text[-1]}"


def _bare(wanted: object) -> object:
    return get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted
