"""AS numbers as Calico writes them."""

from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_HIGHEST = 2**32 - 1


def as_number(fields: JsonObject, name: str = "asNumber") -> int | None:
    """A number, or text: "64512", or the dotted form "1.10" whose halves have 16 bits each. None when not set, or 0."""
    written = fields.get(name)
    if not isinstance(written, str):
        return json_object.number(fields, name, 0, _HIGHEST) or None
    high, dot, low = written.rpartition(".")
    halves = (high, low) if dot else ("0", low)
    # Ten digits hold every AS number; more would only make int() work hard.
    if not all(half.isascii() and half.isdigit() and len(half) <= 10 for half in halves):
        raise Malformed(f"{name} is text that is no AS number")
    return json_object.between((int(halves[0]) << 16) + int(halves[1]), name, 0, _HIGHEST) or None
