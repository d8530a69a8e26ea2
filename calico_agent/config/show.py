"""The effective configuration as TOML. No secrets: see `model.secret`."""

from collections.abc import Iterator

import msgspec

from calico_agent.config.keys import schema_keys
from calico_agent.config.schema import Config
from calico_agent.config.toml_words import toml_value
from calico_agent.secret import masked, shown_log_option, shown_value


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
    return {key: toml_value(shown) for key, shown, _ in _entries(config)}


def told_beside(config: Config, used: Config) -> dict[str, str]:
    """The same of one that may follow on `used`: what is another value and looks the same says so."""
    before = {key: (shown, value) for key, shown, value in _entries(used)}

    def told(key: str, shown: object, value: object) -> str:
        was_shown, was = before.get(key, (None, None))
        return toml_value(shown) + (", another one" if shown == was_shown and value != was else "")

    return {key: told(key, shown, value) for key, shown, value in _entries(config)}


def _entries(config: Config) -> Iterator[tuple[str, object, object]]:
    """Key, what may be shown of its value, and the value."""
    plain = msgspec.to_builtins(config)
    for section, name in schema_keys():
        value = plain[section][name] if section else plain[name]
        shown = _shown(name, value)
        key = f"{section}.{name}" if section else name
        if isinstance(value, dict) and isinstance(shown, dict):
            yield from ((f"{key}.{one}", text, value[one]) for one, text in shown.items())
        else:
            yield key, shown, value


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
