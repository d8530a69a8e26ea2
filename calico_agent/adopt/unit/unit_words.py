"""The words of a line of a unit, by systemd's rules for quotes, escapes, specifiers and variables.

After systemd.service(5) "Command lines", systemd.exec(5), systemd.unit(5) "Specifiers", and src/basic/extract-word.c,
src/basic/escape.c, src/basic/env-util.c (replace_env_argv) of systemd@v256.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from calico_agent.adopt.command_word import Budget, LabelledText, Word
from calico_agent.adopt.described import NotTakenOver

_SPACE = " \t\n\r"
_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'",
    "s": " ",
}  # fmt: skip
_NUMBERED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")
_BRACED = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SPECIFIER = re.compile(r"%(.?)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def split(source: LabelledText) -> tuple[Word, ...]:
    """The words, unquoted."""
    return tuple(word for word in _words(source) if word is not None)


def split_commands(source: LabelledText) -> tuple[tuple[Word, ...], ...]:
    """The words of each command; a lone `;` is between two, `\\;` is the text `;`."""
    commands: list[list[Word]] = [[]]
    for word in _words(source):
        if word is None:
            commands.append([])
        else:
            commands[-1].append(word)
    return tuple(tuple(command) for command in commands if command)


def with_specifiers(words: tuple[Word, ...], known: Mapping[str, str]) -> tuple[Word, ...]:
    """`%H` and its like by what is known of this host and this unit; an unknown one leaves the word unknown."""
    return tuple(_specified(word, known) for word in words)


def with_variables(words: tuple[Word, ...], environment: Mapping[str, Word]) -> tuple[Word, ...]:
    """`${NAME}` within a word, and `$NAME` as a word, which may become several or none. The command itself has none."""
    expanded, budget = list(words[:1]), Budget()
    for word in words[1:]:
        if not word.unknown and word.text.startswith("$") and word.text[1:2] not in {"", "{", "$"}:
            value = environment.get(word.text[1:], Word("", ""))
            budget.take(value, word.place)
            expanded += _relaxed(value, word.place)
        else:
            expanded.append(_with_braced(word, environment, budget))
    return tuple(expanded)


def parse_environment(words: tuple[Word, ...]) -> dict[str, Word]:
    """`NAME=value` of Environment=; what is none is passed over, as systemd does with a warning."""
    found = {}
    for word in words:
        name, equals, value = word.text.partition("=")
        if equals and _NAME.fullmatch(name):
            found[name] = replace(word, text=value)
    return found


def _with_braced(word: Word, environment: Mapping[str, Word], budget: Budget) -> Word:
    unknown = word.unknown

    def value(found: re.Match[str]) -> str:
        nonlocal unknown
        if found[1] is None:
            return "$"
        known = environment.get(found[1], Word("", ""))
        budget.take(known, word.place)
        unknown = unknown or known.unknown
        return known.text

    return replace(word, text=_BRACED.sub(value, word.text), unknown=unknown)


def _specified(word: Word, known: Mapping[str, str]) -> Word:
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        letter = found[1]
        if letter == "%":
            return "%"
        if letter not in known:
            missing.append(found[0])
        return known.get(letter, "")

    text = _SPECIFIER.sub(value, word.text)
    if not missing:
        return replace(word, text=text)
    return replace(word, text=text, unknown=f"what systemd puts in for {missing[0]!a} is not known here")


def _relaxed(value: Word, place: str) -> tuple[Word, ...]:
    """The words of a variable's value: quotes are taken off where they are balanced."""
    try:
        words = split(LabelledText("", value.text))
    except NotTakenOver:
        words = tuple(Word(part, "") for part in value.text.split())
    if value.unknown and not words:
        return (replace(value, place=place),)
    return tuple(replace(word, place=place, unknown=value.unknown) for word in words)


def _words(source: LabelledText) -> Iterator[Word | None]:
    """The words; None for a lone `;`."""
    text, index = source.text, 0
    while True:
        while index < len(text) and text[index] in _SPACE:
            index += 1
        if index >= len(text):
            return
        start = index
        end = next((at for at in range(index, len(text)) if text[at] in _SPACE), len(text))
        if text[start:end] in {";", "\\;"}:
            yield None if end - start == 1 else Word(";", source.place(start))
            index = end
            continue
        word, index = _word(source, index)
        yield Word(word, source.place(start))


def _word(source: LabelledText, index: int) -> tuple[str, int]:
    """One word from `index` on, and where it ends."""
    text, start, quote = source.text, index, ""
    word: list[str] = []  # a text that grows by characters would be copied with each
    while index < len(text) and (quote or text[index] not in _SPACE):
        character = text[index]
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif character == "\\":
            escaped, index = _escape(source, index + 1)
            word.append(escaped)
            continue
        else:
            word.append(character)
        index += 1
    if quote:
        raise NotTakenOver(source.place(start), f"a {quote} is opened and not closed")
    return "".join(word), index


def _escape(source: LabelledText, index: int) -> tuple[str, int]:
    """What follows a backslash. An unknown escape is kept as it is written, as systemd does."""
    text = source.text
    if index >= len(text):
        raise NotTakenOver(
            source.place(index - 1), "a backslash is the last character; one that white space follows joins no line"
        )
    if text[index] in _ESCAPES:
        return _ESCAPES[text[index]], index + 1
    if numbered := _NUMBERED.match(text, index):
        digits = next(filter(None, numbered.groups()))
        code = int(digits, 8 if numbered[4] else 16)
        if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code), numbered.end()
    return "\\" + text[index], index + 1
