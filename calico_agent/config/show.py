"""The effective configuration as TOML. No secrets: see `model.secret`."""

import json

import msgspec

from calico_agent.config.loading import schema_keys
from calico_agent.config.schema import Config
from calico_agent.model.secret import masked, shown_value


def render_config(config: Config) -> str:
    """Every key with its effective value; the result is itself a valid configuration file."""
    plain = msgspec.to_builtins(config)
    lines: list[str] = []
    current = ""
    for section, name in schema_keys():
        if section != current:
            lines += ["", f"[{section}]"]
            current = section
        lines.append(f"{name} = {_toml(plain[section][name] if section else plain[name])}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(
            f"{json.dumps(name)} = {_toml(shown_value(name, text))}" for name, text in sorted(value.items())
        )
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(element) for element in value)}]"
    if isinstance(value, str):
        # JSON's string is TOML's basic string, except that TOML also wants DEL escaped.
        return json.dumps(masked(value)).replace("\x7f", "\\u007f")
    return json.dumps(value)
