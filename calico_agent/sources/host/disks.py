"""How full the file systems are to which calico/node, Docker and this agent write, and whether they may be written.

The agent's unit makes most of the host read-only for the agent itself (ProtectSystem=strict), so that the mount table
of process 1 is asked. Where that shows another host's file systems, as in a container, ours says what it can: that
something may be written.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from calico_agent.model.host.disk import Disks, FileSystem
from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.decode.mounts import MountPoint, decode_mounts, mount_of

_TABLES = ("/proc/1/mountinfo", "/proc/self/mountinfo")
_CALICO = ("/var/lib/calico", "/var/log/calico")
_LARGEST = 4 << 20  # a host with a thousand pods has some 2 MiB


def read_disks(docker_root: str, state_dir: str, others: Iterable[str] = _CALICO) -> Disks | Unreadable:
    """The file systems of some folders; of one that is not there yet, the one on which it would be made."""
    try:
        host, own = (_table(path) for path in _TABLES)
    except (OSError, Malformed) as error:
        return Unreadable("disks", f"the mounts of this host cannot be read: {error}", "denied")
    found: dict[tuple[str, bool | None], FileSystem] = {}
    unread: list[tuple[str, str]] = []
    for path in filter(None, (docker_root, *others, state_dir)):
        try:
            place = _existing(Path(path))
            mount = mount_of(PurePosixPath(place), own)
            if mount is None:
                raise FileNotFoundError(None, "it is on no mount that can be seen")
            read_only = _read_only(mount, mount_of(PurePosixPath(place), host or ()))
            known = found.get((mount.device, read_only)) or _file_system(place, mount, read_only)
        except OSError as error:
            unread.append((path, error.strerror or "an error without a name"))
        else:
            found[mount.device, read_only] = replace(known, paths=(*known.paths, path))
    return Disks(tuple(found.values()), tuple(unread), docker_root, state_dir)


def _table(path: str) -> tuple[MountPoint, ...]:
    """None of its lines where it may not be read: that of process 1 takes CAP_SYS_PTRACE."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST).decode(errors="replace")
    except PermissionError:
        return ()
    return decode_mounts(text[: text.rfind("\n") + 1])


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there, without symbolic links."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.resolve()


def _read_only(own: MountPoint, host: MountPoint | None) -> bool | None:
    if host is not None and host.device == own.device:
        return host.read_only
    return None if own.read_only else False


def _file_system(place: Path, mount: MountPoint, read_only: bool | None) -> FileSystem:
    """Raises OSError."""
    status = os.statvfs(place)
    return FileSystem(
        mount_point=mount.path,
        kind=mount.kind,
        paths=(),
        size=status.f_blocks * status.f_frsize,
        free=status.f_bavail * status.f_frsize,
        reserve=max(0, status.f_bfree - status.f_bavail) * status.f_frsize,
        inodes=status.f_files,
        free_inodes=status.f_ffree,
        read_only=read_only,
    )
