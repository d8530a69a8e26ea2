"""A unit of systemd that runs calico/node by `docker run` -> what it says of the container, and what else it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Protocol

from calico_agent.adopt.command_word import LabelledText, Word
from calico_agent.adopt.described import Described, Difference, Given, NotTakenOver
from calico_agent.adopt.docker.docker_call import DockerCall, docker_call, not_followed
from calico_agent.adopt.docker.docker_run import describe_run
from calico_agent.adopt.unit.deeds import other_deed
from calico_agent.adopt.unit.environment_file import parse_environment_file
from calico_agent.adopt.unit.unit_file import Assignment, last, parse_unit, values
from calico_agent.adopt.unit.unit_words import (
    parse_environment,
    split,
    split_commands,
    with_specifiers,
    with_variables,
)

_COMMANDS = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost")
_NO_RESTART = {"", "no"}
_ROOTS_HOME = "/root"
# systemd.exec(5), "Environment variables in spawned processes". Which there are depends on systemd and the unit.
_SET_BY_SYSTEMD = (
    *("PATH", "LANG", "USER", "LOGNAME", "HOME", "SHELL", "TERM", "XDG_RUNTIME_DIR", "INVOCATION_ID"),
    *("RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY"),
    *("CREDENTIALS_DIRECTORY", "MAINPID", "MANAGERPID", "NOTIFY_SOCKET", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"),
)
_OF_SYSTEMD = "what systemd itself puts in for ${name} is not known here"
_PASSED = "systemd passes ${name} on from its own environment, which is not known here"
_WILD = frozenset("*?[")
# Before a command: `-` its failure is nothing, `:` no variables, `@` another name for it, `+`, `!` and `|` who runs it.
_MARKS = "@-:+!|"


class Files(Protocol):
    """The files that a unit names."""

    def read(self, path: str, place: str) -> str | None:
        """Its text, None where there is none. Raises Refused where it cannot be read."""

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The files of a pattern with wild cards, sorted."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's file and what overrides it (label and text of each, in their order). `specifiers` are known letters."""

    texts: tuple[tuple[str, str], ...]
    specifiers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Command:
    """One command line: under which key, its words, and how they are written there (values of variables may be
    secrets).
    """

    key: str
    words: tuple[Word, ...]
    written: tuple[Word, ...]


def describe_unit(unit: Unit, files: Files, *, origin: str) -> Described:
    """Raises Refused for a unit that runs no calico/node by one plain `docker run`."""
    label = unit.texts[0][0]
    assignments = tuple(one for name, text in unit.texts for one in parse_unit(name, text))
    if not any(one.section == "Service" for one in assignments):
        raise NotTakenOver(label, "has no section [Service]: it is no unit of a service")
    environment = _environment(assignments, unit.specifiers, files)
    commands = tuple(_commands(assignments, unit.specifiers, environment))
    runner, call = _the_run(label, commands, environment)

    def read(word: Word) -> str:
        return _required(files, word, _directory(assignments, unit.specifiers))

    described = describe_run(call, {**environment, **call.assigned}, read, origin=origin)
    name = described.name.value
    others = (one for one in commands if one is not runner)
    deeds = tuple(found for one in others if (found := other_deed(one.key, one.words, one.written, described)))
    restart = last(assignments, "Restart")
    if restart is not None and restart.text not in _NO_RESTART:
        described = replace(described, restart=Given(f"{restart.text}, by systemd", restart.place(0)))
    return replace(described, remarks=(*described.remarks, *deeds, *_wrapped(runner, name)))


def _the_run(
    label: str, commands: tuple[_Command, ...], environment: Mapping[str, Word]
) -> tuple[_Command, DockerCall]:
    """The one command that makes the container: under ExecStart=, else before it (`docker create`)."""
    main = [found for one in commands if one.key == "ExecStart" and (found := _making(one, environment))]
    if not main:
        main = [found for one in commands if one.key == "ExecStartPre" and (found := _making(one, environment))]
    if not main:
        raise _nothing_found(label, commands, environment)
    if len(main) > 1:
        lines = ", ".join(call.place for _, call in main)
        raise NotTakenOver(main[1][1].place, f"is a second `docker run`: which one is calico/node? ({lines})")
    return main[0]


def _nothing_found(label: str, commands: tuple[_Command, ...], environment: Mapping[str, Word]) -> NotTakenOver:
    for one in commands:
        if one.key == "ExecStart":
            if call := docker_call(one.words, environment):  # raises where it is known how it is started otherwise
                return not_followed(call)
            reason = f"ExecStart= runs {one.words[0].text[:60]!a}, and no `docker run` that calico-agent could read"
            return NotTakenOver(one.words[0].place, f"{reason} (while it runs, import --container NAME does)")
    return NotTakenOver(label, "has no ExecStart=: it runs nothing")


def _making(command: _Command, environment: Mapping[str, Word]) -> tuple[_Command, DockerCall] | None:
    try:
        call = docker_call(command.words, environment)
    except NotTakenOver:
        if command.key == "ExecStart":
            raise
        return None
    return (command, call) if call is not None and call.name in {"run", "create"} else None


def _commands(
    assignments: tuple[Assignment, ...], specifiers: Mapping[str, str], environment: Mapping[str, Word]
) -> Iterator[_Command]:
    for key in _COMMANDS:
        for source in values(assignments, key):
            for words in split_commands(source):
                yield _Command(key, _plain(words, specifiers, environment), words)


def _plain(words: tuple[Word, ...], specifiers: Mapping[str, str], environment: Mapping[str, Word]) -> tuple[Word, ...]:
    first = words[0].text
    bare = first.lstrip(_MARKS)
    marks = first[: len(first) - len(bare)]
    words = (replace(words[0], text=bare), *words[2 if "@" in marks else 1 :])
    words = with_specifiers(words, specifiers)
    return words if ":" in marks else with_variables(words, environment)


def _environment(assignments: tuple[Assignment, ...], specifiers: Mapping[str, str], files: Files) -> dict[str, Word]:
    """The variables of the unit: those of its files win over its own, and those over what systemd passes on."""
    found = {name: Word("", "", _OF_SYSTEMD.format(name=name)) for name in _SET_BY_SYSTEMD}
    for source in values(assignments, "PassEnvironment"):
        found |= {word.text: Word("", word.place, _PASSED.format(name=word.text)) for word in split(source)}
    for source in values(assignments, "Environment"):
        found |= parse_environment(with_specifiers(split(source), specifiers))
    for source in values(assignments, "EnvironmentFile"):
        for path, text in _environment_files(source, specifiers, files):
            found |= parse_environment_file(path, text)
    for source in values(assignments, "UnsetEnvironment"):
        for word in split(source):
            found.pop(word.text.partition("=")[0], None)
    return found


def _environment_files(source: LabelledText, specifiers: Mapping[str, str], files: Files) -> Iterator[tuple[str, str]]:
    optional = source.text.startswith("-")
    (word,) = with_specifiers((Word(source.text.removeprefix("-"), source.place(0)),), specifiers)
    if word.unknown:
        raise NotTakenOver(word.place, word.unknown)
    if not word.text.startswith("/"):
        raise NotTakenOver(word.place, f"EnvironmentFile= wants an absolute path, not {word.text[:60]!a}")
    paths = files.matching(word.text) if _WILD & set(word.text) else (word.text,)
    read = [(path, text) for path in paths if (text := files.read(path, word.place)) is not None]
    if not read and not optional:
        reason = f"the environment file {word.text[:80]} is not there, so systemd would not start this unit"
        raise NotTakenOver(word.place, reason)
    yield from read


def _directory(assignments: tuple[Assignment, ...], specifiers: Mapping[str, str]) -> Word:
    """Where the unit's commands run, so that they find files by relative paths there."""
    given = last(assignments, "WorkingDirectory")
    text = given.text.removeprefix("-") if given else "/"
    (word,) = with_specifiers(
        (Word(_ROOTS_HOME if text == "~" else text, given.place(0) if given else ""),), specifiers
    )
    return word


def _required(files: Files, word: Word, directory: Word) -> str:
    path = str(PurePosixPath(directory.text, word.text))
    unknown = word.unknown or ("" if word.text.startswith("/") else directory.unknown)
    text = None if unknown else files.read(path, word.place)
    if text is None:
        raise NotTakenOver(word.place, unknown or f"the file {path[:80]} is not there, so Docker would refuse")
    return text


def _wrapped(runner: _Command, name: str) -> Iterator[Difference]:
    """What is said where calico/node is made, but by another key."""
    if runner.key != "ExecStart":
        why = f"calico-agent makes the container {name or 'itself'} and starts it"
        yield Difference(runner.key, "docker create", "", why, runner.words[0].place)
