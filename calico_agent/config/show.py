"""The effective configuration as TOML. No secrets: see `model.secret`."""

import msgspec

from calico_agent.config.keys import schema_keys
from calico_agent.config.schema import Config
from calico_agent.config.toml_words import toml_value
from calico_agent.model.secret import masked, shown_log_option, shown_value


def render_config(config: Config) -> str:
    """Every key with its effective value; the result is itself a valid configuration file."""
    plain = msgspec.to_builtins(config)
    lines: list[str] = []
    current = ""
    for section, name in schema_keys():
        if section != current:
            lines += ["", f"[{section}]"]
            current = section
        lines.append(f"{name} = {toml_value(_shown(name, plain[section][name] if section else plain[name]))}")
    return "\n".join(lines) + "\n"


def told_config(config: Config) -> dict[str, str]:
    """The same by key; a table has a key for each of its names."""
    plain = msgspec.to_builtins(config)
    told: dict[str, str] = {}
    for section, name in schema_keys():
        value = _shown(name, plain[section][name] if section else plain[name])
        key = f"{section}.{name}" if section else name
        entries = {f"{key}.{one}": text for one, text in value.items()} if isinstance(value, dict) else {key: value}
        told |= {one: toml_value(each) for one, each in entries.items()}
    return told


def shown_entry(key: str, name: str, value: str) -> str:
    """What may be shown of one value of the table `key`."""
    if key == "labels":
        return masked(value)
    return shown_log_option(name, value) if key == "log_options" else shown_value(name, value)


def _shown(key: str, value: object) -> object:
    if isinstance(value, dict):
        return {name: shown_entry(key, name, text) for name, text in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_shown(key, element) for element in value]
    return masked(value) if isinstance(value, str) else value
