"""The files that a description of calico/node names, and the container itself: read for `calico-agent import`.

Everything is bounded: what is larger, or no text, is refused in one line.
"""

import errno
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from calico_agent.adopt.described import Described, NotTakenOver
from calico_agent.adopt.docker.inspected import describe_container
from calico_agent.adopt.unit.command import LABEL, describe_command
from calico_agent.adopt.unit.kubespray import UNIT_FILE, describe_kubespray
from calico_agent.adopt.unit.unit import Unit, describe_unit
from calico_agent.model.observation import Unreadable
from calico_agent.small_file import read_small
from calico_agent.sources.docker.inspected import inspect_container

_MOST_BYTES = 1 << 20
_MOST_FILES = 100
_WILD = frozenset("*?[")
# Where systemd looks, the first place first (systemd.unit(5)).
_UNIT_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# Specifiers that are the same on every host, for a unit of the system that root runs.
_FIXED = {
    "t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc", "T": "/tmp", "V": "/var/tmp",  # noqa: S108
    "h": "/root", "u": "root", "U": "0", "g": "root", "G": "0", "s": "/bin/sh",
}  # fmt: skip


class HostFiles:
    """The files of this host."""

    def read(self, path: str, place: str) -> str | None:
        """The text of one, None where there is none."""
        try:
            content = read_small(Path(path), _MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            large = error.errno == errno.EFBIG
            what = f"{'' if large else 'cannot be read: '}{error.strerror}"
            raise NotTakenOver(place, what if place == path else f"{path}: {what}") from None
        except ValueError:
            raise NotTakenOver(place, f"{path[:80]!a} is no path") from None
        return as_text(path, content)

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The files of a pattern, sorted. Raises Refused where its folder cannot be read, or has too many of them."""
        folder = Path(pattern)
        while _WILD & set(str(folder)):
            folder = folder.parent
        _entries(folder)
        return _bounded(pattern, map(str, Path("/").glob(pattern.lstrip("/"))))


def as_text(label: str, content: bytes) -> str:
    """What is no text is refused with the line of the first byte that is none."""
    bad = content.find(b"\0")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        bad = error.start if bad < 0 else min(bad, error.start)
    else:
        if bad < 0:
            return text
    line = content.count(b"\n", 0, bad) + 1
    raise NotTakenOver(f"{label}:{line}", "is not a text file")


def read_unit(path: Path) -> Described:
    """A unit, with the drop-ins that override it."""
    files, label = HostFiles(), str(path)
    text = files.read(label, label)
    if text is None:
        elsewhere = [place for one in _UNIT_DIRECTORIES if (place := Path(one, path.name)).exists()]
        hint = f" (there is {elsewhere[0]})" if elsewhere else ""
        raise NotTakenOver(label, f"there is no such file{hint}")
    drop_ins = ((str(one), files.read(str(one), label) or "") for one in _drop_ins(path))
    unit = Unit(((label, text), *drop_ins), {**_FIXED, **_of_host(), **_of_name(path.name)})
    return describe_unit(unit, files, origin=f"unit {path.name}")


def read_kubespray(path: Path) -> Described:
    """kubespray's file of variables; with the unit that reads it, where that is on this host."""
    files, label = HostFiles(), str(path)
    text = files.read(label, label)
    if text is None:
        raise NotTakenOver(label, "there is no such file")
    unit = files.read(UNIT_FILE, UNIT_FILE)
    if unit is not None and str(path.absolute()) in unit:
        return read_unit(Path(UNIT_FILE))
    return describe_kubespray(str(path.absolute()), text, files)


def read_command(text: str) -> Described:
    """A command line; `-` is standard input."""
    if text == "-":
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise NotTakenOver(LABEL, "standard input is larger than 1 MiB")
        text = as_text(LABEL, content)
    return describe_command(text, HostFiles())


def read_container(name: str, url: str, timeout: float) -> Described:
    """A container that is there, running or not. Raises Refused where Docker does not tell."""
    found = inspect_container(url, name, timeout)
    if isinstance(found, Unreadable):
        raise NotTakenOver(f"container {name[:80]}", found.reason)
    return describe_container(found.container, found.image, log_driver=found.log_driver, runtime=found.runtime, url=url)


def _drop_ins(path: Path) -> list[Path]:
    """`NAME.d/*.conf` beside the file and where systemd looks, in the order of their names; the first place wins."""
    names = [path.name]
    if "@" in path.name:
        names.append(f"{path.name.partition('@')[0]}@{path.suffix}")
    names += [one for one in _more_general(path.name) if one not in names]
    standard = str(path.parent.absolute()) in _UNIT_DIRECTORIES
    directories = [*(_UNIT_DIRECTORIES if standard else ()), str(path.parent)]
    found: dict[str, Path] = {}
    for name in names:
        for directory in directories:
            folder = Path(directory, f"{name}.d")
            for one in _bounded(str(folder), (one for one in _entries(folder) if one.endswith(".conf"))):
                found.setdefault(one, folder / one)
    return [found[name] for name in sorted(found)]


def _more_general(name: str) -> Iterator[str]:
    """`a-b.service` is also told by drop-ins of `a-.service` and of `service` (systemd.unit(5))."""
    stem, _, kind = name.rpartition(".")
    for end in range(len(stem) - 2, 0, -1):
        if stem[end] == "-":
            yield f"{stem[: end + 1]}.{kind}"
    yield kind


def _entries(folder: Path) -> list[str]:
    """The names in a folder that may be missing. What cannot be looked into may hold what counts."""
    try:
        return [one.name for one in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise NotTakenOver(str(folder), f"cannot be read: {error.strerror}") from None


def _bounded(place: str, names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(sorted(names))
    if len(found) > _MOST_FILES:
        raise NotTakenOver(place, f"stands for {len(found)} files, and calico-agent reads {_MOST_FILES} at most")
    return found


def _of_name(name: str) -> Mapping[str, str]:
    """The specifiers about the unit's own name. A template does not know its instance."""
    stem, at, instance = name.rpartition(".")[0].partition("@")
    known = {"n": name, "N": name.rpartition(".")[0], "p": stem, "j": stem.rpartition("-")[2]}
    if not at:
        return {**known, "i": "", "I": ""}
    return {**known, "i": instance, "I": _unescaped(instance)} if instance else known


def _unescaped(name: str) -> str:
    """`-` stands for a slash, `\\x2d` for a dash (systemd-escape(1))."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), name.replace("-", "/"))


def _of_host() -> Mapping[str, str]:
    """The specifiers about this host."""
    known = {"H": socket.gethostname(), "l": socket.gethostname().partition(".")[0], "v": os.uname().release}
    for letter, path in (("m", "/etc/machine-id"), ("b", "/proc/sys/kernel/random/boot_id")):
        with suppress(OSError, UnicodeDecodeError):
            known[letter] = read_small(Path(path), 256).decode().strip().replace("-", "")
    return known
