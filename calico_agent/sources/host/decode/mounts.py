"""The mount table of a process, /proc/PID/mountinfo (proc(5)): what is mounted where, and whether only to be read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from calico_agent.sources.decode_error import Malformed

_ESCAPED = re.compile(r"\\([0-7]{3})")  # space, tab, line end and backslash


@dataclass(frozen=True, slots=True)
class MountPoint:
    """One line. `device` is the file system's, as `major:minor`. `read_only`: the mount, or the whole file system."""

    path: str
    device: str
    kind: str
    read_only: bool


def decode_mounts(text: str) -> tuple[MountPoint, ...]:
    """All lines, in the order in which they were mounted. Raises Malformed."""
    return tuple(_mount_point(line) for line in text.splitlines())


def _mount_point(line: str) -> MountPoint:
    # id, parent, device, root, mount point, options, optional fields, "-", kind, source, the file system's options
    before, separator, after = line.partition(" - ")
    try:
        _, _, device, _, path, options, *_ = before.split(" ")
        kind, _, super_options = after.split(" ", 2)
    except ValueError:
        raise Malformed("the table of mounts has a line that cannot be understood") from None
    if not separator:
        raise Malformed("the table of mounts has a line without an end")
    read_only = "ro" in options.split(",") or "ro" in super_options.split(",")
    return MountPoint(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), path), device, kind, read_only)


def mount_of(path: PurePosixPath, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """The mount on which a path lies, which has no symbolic link in it; of several at one place the last covers."""
    found = [mount for mount in mounts if path.is_relative_to(mount.path)]
    longest = max((len(PurePosixPath(mount.path).parts) for mount in found), default=0)
    return next((mount for mount in reversed(found) if len(PurePosixPath(mount.path).parts) == longest), None)
