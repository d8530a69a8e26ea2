"""Reading JSON that Calico wrote: lenient to what is unknown, strict about the types of what is known.

Calico's values come from Go's encoding/json: `null`, an absent field and (mostly) an empty string all mean "not set".
A field of the wrong type means that we would misunderstand the whole value, hence `Malformed`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, TypeVar

from calico_agent.model.network.address import IPAddress, IPInterface, IPNetwork
from calico_agent.sources.decode_error import Malformed

# etcd itself refuses requests above 1.5 MiB unless it is told otherwise (--max-request-bytes).
MAX_VALUE = 2 * 1024 * 1024
# Names become log fields, labels and lines of text. Calico's own limit (a DNS subdomain) is 253.
MAX_TEXT = 1024

JsonObject = Mapping[str, Any]
_Type = TypeVar("_Type")


def parse_object(value: bytes) -> JsonObject:
    """The JSON object in `value`."""
    if len(value) > MAX_VALUE:
        raise Malformed(f"the value has {len(value)} bytes, more than the {MAX_VALUE} that are read")
    try:
        parsed = json.loads(value.decode())
    except (ValueError, RecursionError):
        raise Malformed("the value is not JSON") from None
    if not isinstance(parsed, dict):
        raise Malformed(f"the value is {_kind(parsed)}, not a JSON object")
    return parsed


def section(fields: JsonObject, name: str) -> JsonObject:
    """The object under `name`; empty when not set."""
    return _typed(fields, name, dict, "an object") or {}


def items(fields: JsonObject, name: str) -> list[Any]:
    """The array under `name`; empty when not set."""
    return _typed(fields, name, list, "an array") or []


def objects(fields: JsonObject, name: str) -> list[JsonObject]:
    """The array of objects under `name`; empty when not set."""
    found = items(fields, name)
    for item in found:
        if not isinstance(item, dict):
            raise Malformed(f"{name} holds {_kind(item)}, not objects")
    return found


def text(fields: JsonObject, name: str) -> str | None:
    """The printable text under `name`; None when not set or empty."""
    found = _typed(fields, name, str, "text")
    return printable(found, name) if found else None


def flag(fields: JsonObject, name: str, *, default: bool = False) -> bool:
    """The boolean under `name`."""
    found = _typed(fields, name, bool, "true or false")
    return default if found is None else found


def scalar(fields: JsonObject, name: str) -> str | int | bool | None:
    """The text, whole number, or true or false under `name`; None when not set or empty."""
    found = fields.get(name)
    if isinstance(found, str):
        return text(fields, name)
    if found is not None and not isinstance(found, int):
        raise Malformed(f"{name} is {_kind(found)}, not text, a whole number, true or false")
    return found


def number(fields: JsonObject, name: str, lowest: int, highest: int) -> int | None:
    """The whole number under `name`, within bounds; None when not set."""
    found = _typed(fields, name, int, "a whole number")
    return None if found is None else between(found, name, lowest, highest)


def between(found: int, name: str, lowest: int, highest: int) -> int:
    """The number itself when it is within bounds."""
    if not lowest <= found <= highest:
        raise Malformed(f"{name} is not between {lowest} and {highest}")
    return found


def address(fields: JsonObject, name: str, version: int | None = None) -> IPAddress | None:
    """The address under `name`; None when not set."""
    written = text(fields, name)
    return None if written is None else parse_address(written, name, version)


def parse_address(written: object, name: str, version: int | None = None) -> IPAddress:
    """An address without a prefix length.

    The scope of a link-local one is left out: it names a link of the host that wrote it. Others have none.
    """
    try:
        bare, _, scope = written.partition("%") if isinstance(written, str) else ("", "", "")
        found = ip_address(bare)
    except ValueError:
        found = None
    if found is None or (scope and not found.is_link_local) or found.version != (version or found.version):
        raise Malformed(f"{name} is {_shown(written)}, not an {_family(version)} address")
    return found


def interface(fields: JsonObject, name: str, version: int) -> IPInterface | None:
    """The address with prefix length under `name` (a bare one has the full length); None when not set."""
    written = text(fields, name)
    if written is None:
        return None
    try:
        found = ip_interface(written) if "%" not in written else None
    except ValueError:
        found = None
    if found is None or found.version != version:
        raise Malformed(f"{name} is {_shown(written)}, not an {_family(version)} address with its prefix length")
    return found


def parse_network(written: object, name: str, version: int | None = None) -> IPNetwork:
    """A network. Host bits are masked away, as Go's ParseCIDR does it for Calico."""
    found = _network(written) if isinstance(written, str) and "/" in written and len(written) <= MAX_TEXT else None
    if found is None or found.version != (version or found.version):
        raise Malformed(f"{name} is {_shown(written)}, not an {_family(version)} network")
    return found


# A block's network is written three times: in its key, in its value, and in the key of its owner's claim.
@lru_cache(maxsize=1 << 16)
def _network(written: str) -> IPNetwork | None:
    try:
        return ip_network(written, strict=False)
    except ValueError:
        return None


def printable(written: str, name: str) -> str:
    """The text itself when it can be shown on a terminal and is not endless."""
    if len(written) > MAX_TEXT or not written.isprintable():
        raise Malformed(f"{name} is {_shown(written)}, which is no usable text")
    return written


def _typed(fields: JsonObject, name: str, wanted: type[_Type], called: str) -> _Type | None:
    found: _Type | None = fields.get(name)
    # type() and not isinstance(): True is an int to Python, but not to Calico.
    if found is not None and type(found) is not wanted:
        raise Malformed(f"{name} is {_kind(found)}, not {called}")
    return found


def _kind(value: object) -> str:
    kinds = {
        dict: "an object",
        list: "an array",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return kinds.get(type(value), "null")


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return _kind(value)
    return ascii(value) if len(value) <= 80 else f"{value[:80]!a}..."


def _family(version: int | None) -> str:
    return f"IPv{version}" if version else "IP"
