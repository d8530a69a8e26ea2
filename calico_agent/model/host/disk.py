"""The file systems that calico/node and what runs it write to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One file system with the paths of interest on it. Sizes in bytes.

    `free` is what is left for everybody, `reserve` what root may use beyond that (statvfs(3): f_bavail, f_bfree).
    `inodes` is 0 where the file system makes them as it needs them. `read_only` is None where that cannot be seen.
    """

    mount_point: str
    kind: str
    paths: tuple[str, ...]
    size: int
    free: int
    reserve: int = 0
    inodes: int = 0
    free_inodes: int = 0
    read_only: bool | None = False


@dataclass(frozen=True, slots=True)
class Disks:
    """`docker_root` is where Docker keeps images and containers, `state_dir` where this agent keeps what it knows; they
    are empty where there is none. `unread` says of paths why nothing is known.
    """

    file_systems: tuple[FileSystem, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    docker_root: str = ""
    state_dir: str = ""
