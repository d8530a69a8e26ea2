"""The page of the configuration: keys, defaults and bounds of the schema, with the sentences of the annotated file."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from calico_agent import paths
from calico_agent.config import Config
from calico_agent.config.keys import VARIABLE_PREFIX, schema_keys, variable_name
from calico_agent.config.toml_words import toml_value
from tests.reference import markdown

_ANNOTATED = Path(__file__).parent.parent.parent / "config" / "calico-agent.toml"
_KEY = re.compile(r"(\w+) = ")
_SECTION = re.compile(r"\[(\w+)\]")


def page() -> str:
    """The page."""
    keys = schema_keys()
    sections = dict.fromkeys(section for section, _ in keys)
    return markdown.page(
        "Configuration",
        "the schema and `config/calico-agent.toml`",
        f"The file is `{paths.CONFIG_FILE}`. It may be absent: then the agent observes, and takes the datastore from "
        "the calico/node container that it finds running. `calico-agent config check` looks into everything that is "
        "named there, and `systemctl reload calico-agent` takes a change over.",
        f"A variable `{VARIABLE_PREFIX}<SECTION>_<KEY>` wins over the file, for example "
        f"`{variable_name(('identity', 'ipv4'))}`; `mode` is `{variable_name(('', 'mode'))}`. Lists are `a,b` and "
        "tables `NAME=value,OTHER=value`. A flag of a command wins over both.",
        *(
            _section(section, {name: kind for (of, name), kind in keys.items() if of == section})
            for section in sections
        ),
    )


def _section(section: str, keys: dict[str, Any]) -> str:
    title, about = f"## [{section}]", _about(section)
    if not section:
        title, about = "## Before all sections", ""
    told = sentences()
    rows = [
        (markdown.code(name), markdown.code(_default(section, name)), _wanted(kind), told[section, name])
        for name, kind in keys.items()
    ]
    parts = (title, about, markdown.table(("key", "default", "it is", "what it does"), rows))
    return "\n\n".join(filter(None, parts))


def _about(section: str) -> str:
    """The first line of the section's class."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(Config)}
    return markdown.escape((inspect.getdoc(kinds.get(section)) or "").partition("\n")[0])


def _default(section: str, name: str) -> str:
    plain = msgspec.to_builtins(Config())
    return toml_value(plain[section][name] if section else plain[name])


def _wanted(kind: Any) -> str:
    """What the schema demands of a value, as its refusals say it."""
    (meta,) = (one for one in kind.__metadata__ if one.description)
    return markdown.escape(meta.description)


def sentences() -> dict[tuple[str, str], str]:
    """What the annotated file says of each key: the comment above it, or a word that leads to the key that has it."""
    return dict(_annotated())


def _annotated() -> Iterator[tuple[tuple[str, str], str]]:
    section, comment, told_of = "", [], ""
    for line in _ANNOTATED.read_text().splitlines():
        if line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
        elif found := _SECTION.fullmatch(line):
            section, comment, told_of = found[1], [], ""
        elif found := _KEY.match(line):
            if comment:
                told_of = found[1]
                yield (section, found[1]), markdown.escape(" ".join(comment))
            else:
                yield (section, found[1]), f"see `{told_of}`" if told_of else ""
            comment = []
        else:
            comment = []
