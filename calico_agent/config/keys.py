"""Which keys there are, and what each is called where it is not in the file."""

from typing import Any

import msgspec

from calico_agent.config.consistency import Key
from calico_agent.config.schema import Config

VARIABLE_PREFIX = "CALICO_AGENT_"


def schema_keys() -> dict[Key, Any]:
    """Every key that exists, with its type, in the order of the file."""
    types: dict[Key, Any] = {}
    for entry in msgspec.structs.fields(Config):
        if isinstance(entry.type, type) and issubclass(entry.type, msgspec.Struct):
            types |= {(entry.name, inner.name): inner.type for inner in msgspec.structs.fields(entry.type)}
        else:
            types["", entry.name] = entry.type
    return types


def variable_name(key: Key) -> str:
    """The environment variable that sets a key."""
    return VARIABLE_PREFIX + "_".join(filter(None, key)).upper()
