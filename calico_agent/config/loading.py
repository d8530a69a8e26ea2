"""Where the configuration comes from: the file, then CALICO_AGENT_* variables, then flags; the later one wins.

Every fault is one line that names the place, the value, and what was wanted. All are reported at once.
"""

import difflib
import errno
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from calico_agent import paths
from calico_agent.config.consistency import Key, joint_faults
from calico_agent.config.convert import converted, from_text, shown
from calico_agent.config.files import check_files, writable_by_all
from calico_agent.config.keys import VARIABLE_PREFIX, schema_keys, variable_name
from calico_agent.config.schema import Config
from calico_agent.config.toml_words import toml_fault
from calico_agent.errors import ConfigError
from calico_agent.small_file import read_small

_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Setting:
    """A value as it was found. `place` begins the message about it; `text` marks one that has yet to be split."""

    value: Any
    place: str
    text: bool = False


@dataclass(frozen=True, slots=True)
class _Draft:
    """What was found so far, and what was wrong with it."""

    settings: dict[Key, _Setting] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[Key, str] | None = None) -> Config:
    """The effective configuration. `path` None means the usual file, which may be absent.

    `overrides` are the values of flags. Raises ConfigError with all faults. The files that it names are not looked at.
    """
    return _load(path, environ, overrides or {})[0]


def check(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[Key, str] | None = None
) -> tuple[Config, list[str], list[str]]:
    """The same, and the files that it names: warnings about them, and notes. Raises ConfigError with all faults."""
    config, place = _load(path, environ, overrides or {})
    checked = check_files(config, datetime.now(UTC))
    faults = [f"{place(key)}: {words}" for key, words in checked.faults]
    file = path or Path(paths.CONFIG_FILE)
    if file.exists() and (writable := writable_by_all(file)):
        faults.insert(0, f"{file}: {writable}")
    if faults:
        raise ConfigError(*faults)
    warnings, notes = ([f"{place(key)}: {words}" for key, words in said] for said in (checked.warnings, checked.notes))
    return config, warnings, notes


def _load(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[Key, str]
) -> tuple[Config, Callable[[Key], str]]:
    """The configuration, and the place where each of its keys was set."""
    draft = _Draft()
    file = path or Path(paths.CONFIG_FILE)

    def place(key: Key) -> str:
        return draft.settings[key].place if key in draft.settings else _place(file, key)

    _read_file(draft, file, required=path is not None)
    _read_environment(draft, environ)
    for key, text in overrides.items():
        flag = "--" + "-".join(filter(None, key)).replace("_", "-")
        draft.settings[key] = _Setting(text, flag, text=True)
    config = _build(draft)
    if not draft.faults:
        draft.faults.extend(f"{place(key)}: {words}" for key, words in joint_faults(config))
    if draft.faults:
        raise ConfigError(*draft.faults)
    return config, place


def _place(file: Path, key: Key) -> str:
    section, name = key
    return f"{file}: [{section}] {name}" if section else f"{file}: {name}"


def _read_file(draft: _Draft, file: Path, *, required: bool) -> None:
    text = ""
    try:
        text = read_small(file, _MAX_FILE_BYTES).decode()
        tree = tomllib.loads(text)
    except FileNotFoundError:
        if required:
            draft.faults.append(f"{file}: there is no such file")
    except OSError as error:
        large = error.errno == errno.EFBIG
        draft.faults.append(f"{file}: {error.strerror if large else f'cannot be read: {error.strerror}'}")
    except RecursionError:
        draft.faults.append(f"{file}: is not TOML: nested too deeply")
    except UnicodeDecodeError as error:
        draft.faults.append(f"{file}: is not TOML: byte {error.start} is not UTF-8")
    except ValueError as error:
        draft.faults.append(f"{file}: {toml_fault(error, text)}")
    else:
        _take_tree(draft, file, tree)


def _take_tree(draft: _Draft, file: Path, tree: Mapping[str, Any]) -> None:
    known = schema_keys()
    sections = {section for section, _ in known if section}
    for name, value in tree.items():
        if name not in sections:
            _take(draft, file, ("", name), value, known)
        elif isinstance(value, dict):
            for key, inner in value.items():
                _take(draft, file, (name, key), inner, known)
        else:
            draft.faults.append(f"{file}: {name}: {shown(value)} is not a section (wanted [{name}])")


def _take(draft: _Draft, file: Path, key: Key, value: object, known: Mapping[Key, Any]) -> None:
    if key in known:
        draft.settings[key] = _Setting(value, _place(file, key))
        return
    section, name = key
    neighbours = {other for home, other in known if home == section}
    if not section:
        neighbours |= {home for home, _ in known if home}
    homes = [f"[{home}]" if home else "the top of the file" for home, other in known if other == name]
    hint = _nearest(name, neighbours) or (f" (it belongs to {' or '.join(homes)})" if homes else "")
    what = "unknown section" if isinstance(value, dict) and not section else "unknown key"
    draft.faults.append(f"{file}: {f'[{section}]: ' if section else ''}{what} {shown(name)}{hint}")


def _read_environment(draft: _Draft, environ: Mapping[str, str]) -> None:
    known = {variable_name(key): key for key in schema_keys()}
    for variable, text in environ.items():
        if variable in known:
            draft.settings[known[variable]] = _Setting(text, variable, text=True)
        elif variable.startswith(VARIABLE_PREFIX):
            draft.faults.append(f"unknown environment variable {shown(variable)}{_nearest(variable, known)}")


def _nearest(name: str, choices: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:100], sorted(choices), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _build(draft: _Draft) -> Config:
    """The configuration of all values that are right; those that are not are reported in the draft."""
    types = schema_keys()
    sections: dict[str, dict[str, Any]] = {}
    for key, setting in draft.settings.items():
        section, name = key
        try:
            value = from_text(setting.value, types[key]) if setting.text else converted(setting.value, types[key])
        except ValueError as error:
            draft.faults.append(f"{setting.place}: {error}")
        else:
            sections.setdefault(section, {})[name] = value
    top = sections.pop("", {})
    classes = {entry.name: entry.type for entry in msgspec.structs.fields(Config)}
    return Config(**top, **{name: classes[name](**inner) for name, inner in sections.items()})
