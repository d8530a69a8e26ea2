"""The configuration as a file: its keys in their order, with what has to be filled in by hand as comments."""

from collections.abc import Iterator

from calico_agent.adopt.described import Translation
from calico_agent.config.consistency import Key
from calico_agent.config.keys import schema_keys
from calico_agent.config.show import shown_entry
from calico_agent.config.toml_words import toml_value
from calico_agent.secret import masked

# A list that is longer has a row for each element.
_LONGEST_LINE = 100


def render_toml(translation: Translation, origin: str, *, with_secrets: bool = False) -> str:
    """`with_secrets`: values that may be secrets are in it; else each is a comment that says so."""
    hidden = () if with_secrets else hidden_values(translation)
    rows = [f"# The calico/node of {masked(origin)}, as calico-agent would run it. `config check` looks into it."]
    current = ""
    for key in _tables_last(schema_keys()):
        section, name = key
        entry = [f"# fill in {name}: {words}" for other, words in translation.fill_in if other == key]
        value = translation.settings.get(key)
        if isinstance(value, dict):
            rows += ["", f"[{section}.{name}]", *entry]
            rows += [_row(one, text, hidden=(name, one) in hidden) for one, text in value.items()]
            continue
        entry += [] if value is None else [f"{name} = {_wrapped(value)}"]
        if entry and section != current:
            rows += ["", f"[{section}]"]
            current = section
        rows += entry
    return "\n".join(rows) + "\n"


def hidden_values(translation: Translation) -> tuple[tuple[str, str], ...]:
    """The tables and names of values that are not shown, as they may be secrets."""
    tables = ((name, value) for (_, name), value in translation.settings.items() if isinstance(value, dict))
    return tuple(
        (table, name)
        for table, values in tables
        for name, text in values.items()
        if shown_entry(table, name, text) != text
    )


def _row(name: str, text: str, *, hidden: bool) -> str:
    if hidden:
        return f"# fill in {toml_value(name)}: its value is not shown, as it may be a secret; --output FILE writes it"
    return f"{name if name.isidentifier() and name.isascii() else toml_value(name)} = {toml_value(text)}"


def _tables_last(keys: dict[Key, object]) -> Iterator[Key]:
    """The keys of each section, those that are tables of their own after the others."""
    sections = dict.fromkeys(section for section, _ in keys)
    for section in sections:
        own = [key for key in keys if key[0] == section]
        yield from sorted(own, key=lambda key: key[1] in _TABLES)


_TABLES = frozenset({"env", "labels", "log_options"})


def _wrapped(value: object) -> str:
    line = toml_value(value)
    if isinstance(value, list) and len(line) > _LONGEST_LINE:
        return "[\n" + "".join(f"    {toml_value(each)},\n" for each in value) + "]"
    return line
