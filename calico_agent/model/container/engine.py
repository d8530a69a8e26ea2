"""What the Docker Engine says of itself (`docker info`), as far as calico/node's container depends on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Engine:
    """`root_dir` is where it keeps images and containers. `security` are its security options by name
    (`seccomp`, `userns`, `rootless`, `selinux`, ...). `storage` are the storage driver's own remarks.
    """

    version: str = ""
    root_dir: str = ""
    driver: str = ""
    storage: tuple[tuple[str, str], ...] = ()
    cgroup_driver: str = ""
    cgroup_version: str = ""
    security: frozenset[str] = frozenset()
    live_restore: bool = False
    swarm: bool = False
    default_runtime: str = "runc"
    system: str = "linux"
