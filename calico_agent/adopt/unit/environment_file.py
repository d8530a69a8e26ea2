"""Files of variables: those of systemd's EnvironmentFile= and those of `docker run --env-file`."""

import re
from collections.abc import Iterator, Mapping

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import NotTakenOver

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a backslash takes its meaning from within double quotes (SHELL_NEED_ESCAPE of systemd).
_ESCAPABLE = '"\\`$'
_QUOTES = "\"'"


def parse_environment_file(label: str, text: str) -> dict[str, Word]:
    """As systemd reads it (systemd.exec(5), src/basic/env-file.c of systemd@v256): quotes, backslashes, comments with
    `#` and `;`, a value over several lines. A line that assigns nothing is passed over, as systemd does.
    """
    found: dict[str, Word] = {}
    index, line = 0, 1
    while index < len(text):
        end = _end_of_line(text, index)
        head, equals, _ = text[index:end].partition("=")
        name = head.strip()
        if not equals or name.startswith(("#", ";")):
            end = _end_of_comment(text, index) if name.startswith(("#", ";")) else end
        else:
            value, end = _value(text, index + len(head) + 1)
            if _NAME.fullmatch(name):
                found[name] = Word(value, f"{label}:{line}")
        line += text.count("\n", index, end + 1)
        index = end + 1
    return found


def parse_docker_env_file(label: str, text: str, environment: Mapping[str, Word]) -> Iterator[tuple[str, Word]]:
    """As `docker run` reads it (opts/env.go, pkg/kvfile of docker/cli@v27.5): nothing is quoted, and a name without `=`
    takes its value from `environment`, that of the client.
    """
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        bare = line.removesuffix("\r").lstrip()
        if not bare or bare.startswith("#"):
            continue
        name, equals, value = bare.partition("=")
        place = f"{label}:{number}"
        if not name or any(character.isspace() for character in name):
            raise NotTakenOver(
                place, f"Docker refuses the variable {name[:40]!a}: it is empty or has white space in it"
            )
        if equals:
            yield name, Word(value, place)
        elif name in environment:
            yield name, environment[name]


def _end_of_line(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _end_of_comment(text: str, index: int) -> int:
    """A backslash at its end carries a comment on."""
    end = _end_of_line(text, index)
    while end < len(text) and text[end - 1] == "\\":
        end = _end_of_line(text, end + 1)
    return end


def _value(text: str, index: int) -> tuple[str, int]:
    """The value from `index` on, and the end of its last line."""
    value: list[str] = []  # a text that grows by parts would be copied with each
    while index < len(text) and text[index] != "\n":
        character = text[index]
        if character in " \t\r":
            index += 1
        elif character in _QUOTES:
            part, index = _quoted(text, index)
            value.append(part)
        else:
            part, index = _bare(text, index)
            value.append(part)
            break
    return "".join(value), index


def _bare(text: str, index: int) -> tuple[str, int]:
    """Without quotes, up to the end of the line; white space at the end does not belong to it, unless escaped."""
    value, kept = list[str](), 0
    while index < len(text) and text[index] != "\n":
        if text[index] == "\\":
            index += 1
            if index < len(text) and text[index] != "\n":
                value.append(text[index])
            kept = len(value)
        else:
            value.append(text[index])
            kept = kept if text[index] in " \t\r" else len(value)
        index += 1
    return "".join(value[:kept]), index


def _quoted(text: str, index: int) -> tuple[str, int]:
    """A part in quotes; where they are never closed, it ends with the file."""
    quote, value = text[index], list[str]()
    index += 1
    while index < len(text) and text[index] != quote:
        if quote == '"' and text[index] == "\\" and index + 1 < len(text):
            index += 1
            bare = "" if text[index] == "\n" else text[index]
            value.append(bare if bare in _ESCAPABLE else f"\\{bare}")
        else:
            value.append(text[index])
        index += 1
    return "".join(value), index + 1
