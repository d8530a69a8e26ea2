"""Whether there is room where calico/node, Docker and this agent write, and whether they may write there.

A share alone says nothing of a large disk, and a number alone nothing of a small one, so that both must be low. The
kernel keeps some blocks for root on most disks (5 % of ext4); calico/node and dockerd are root.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from calico_agent.checks.preflight.known import known
from calico_agent.expected.view import View
from calico_agent.faults.preflight.machine import HOST_DISK
from calico_agent.model.host.disk import Disks, FileSystem
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.text import listed

_MIB = 1 << 20
# Nearly full: calico/node's image has some 400 MiB, the log of a container and its own grow by 20 MiB a day.
_LOW_SHARE, _LOW = 0.10, 1024 * _MIB
_NONE_SHARE, _NONE = 0.01, 64 * _MIB
# A new image has some 10,000 files.
_LOW_INODES_SHARE, _LOW_INODES = 0.05, 10_000
_NO_INODES_SHARE, _NO_INODES = 0.001, 100

_NODENAME, _LOGS = "/var/lib/calico", "/var/log/calico"
_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def check_disks(view: View) -> Iterator[Check]:
    """Yield one line for each file system, and for each path of which nothing is known."""
    disks = known(view.preparation.disks, "they were not read")
    if isinstance(disks, Unreadable):
        yield Check(HOST_DISK, Verdict.UNKNOWN, f"disks: {disks.reason}")
        return
    for path, reason in disks.unread:
        yield Check(HOST_DISK, Verdict.UNKNOWN, f"{path}: {reason}", subject=path)
    for system in disks.file_systems:
        if paths := tuple(path for path in system.paths if _is_used(view, path)):
            yield _check(disks, replace(system, paths=paths))


def _is_used(view: View, path: str) -> bool:
    """Whether something is written there: before Calico 3.1 calico/node has no /var/lib/calico."""
    if path not in {_NODENAME, _LOGS}:
        return True
    container, supervising = view.local.container, view.supervising
    spec = supervising.spec if supervising is not None else None
    mounts = (*(container.mounts if container else ()), *(spec.mounts if spec else ()))
    if container is None and spec is None:
        return True
    return any(PurePosixPath(path).is_relative_to(mount.source) for mount in mounts)


def _check(disks: Disks, system: FileSystem) -> Check:
    place, writers, fate, cure = system.mount_point, listed(system.paths), _fate(disks, system), _who(disks, system)
    grave = Verdict.WARNING if set(system.paths) == {disks.state_dir} else Verdict.FAILURE
    if system.read_only:
        return Check(
            HOST_DISK,
            grave,
            f"{place} is mounted read-only, and {writers} {_lies(system)} there",
            fate,
            f"mount -o remount,rw {place}; if the kernel made it read-only after errors: dmesg | grep -i {system.kind}",
            place,
        )
    if system.size <= 0:
        return Check(HOST_DISK, Verdict.UNKNOWN, f"{place} ({system.kind}) does not say how full it is", subject=place)
    room, inodes = _room(system), _inodes(system)
    if _none_left(system):
        return Check(HOST_DISK, grave, f"{place} is full: {room}{inodes}", fate, cure, place)
    if _little_left(system):
        return Check(HOST_DISK, Verdict.WARNING, f"{place} is nearly full: {room}{inodes}", fate, cure, place)
    return Check(HOST_DISK, Verdict.OK, f"{place} has room: {room}, for {writers}", subject=place)


def _none_left(system: FileSystem) -> bool:
    left = system.free + system.reserve
    return _scarce(left, system.size, _NONE_SHARE, _NONE) or _scarce(
        system.free_inodes, system.inodes, _NO_INODES_SHARE, _NO_INODES
    )


def _little_left(system: FileSystem) -> bool:
    return _scarce(system.free, system.size, _LOW_SHARE, _LOW) or _scarce(
        system.free_inodes, system.inodes, _LOW_INODES_SHARE, _LOW_INODES
    )


def _scarce(left: int, total: int, share: float, number: int) -> bool:
    """Whether little is left, both of the whole and by itself. A file system without a fixed number has total 0."""
    return total > 0 and left < number and left < share * total


def _room(system: FileSystem) -> str:
    return f"{_size(system.free)} of {_size(system.size)} free ({100 * system.free // system.size} %)"


def _inodes(system: FileSystem) -> str:
    low = _scarce(system.free_inodes, system.inodes, _LOW_INODES_SHARE, _LOW_INODES)
    return f", {system.free_inodes} of {system.inodes} inodes free" if low else ""


def _lies(system: FileSystem) -> str:
    return "lies" if len(system.paths) == 1 else "lie"


def _fate(disks: Disks, system: FileSystem) -> str:
    """What cannot be done without."""
    told = {
        disks.docker_root: "Docker can make no container and fetch no image",
        _NODENAME: "calico/node cannot write its node name there, and does not start",
        _LOGS: "logs of calico/node and of the CNI plugin are lost",
        disks.state_dir: "calico-agent forgets at a restart what it knew",
    }
    return f"where nothing can be written, {'; '.join(told[path] for path in system.paths if path in told)}"


def _who(disks: Disks, system: FileSystem) -> str:
    """What uses the space, or the inodes."""
    counted = "--inodes " if _inodes(system) else ""
    prune = "docker system df; docker image prune; " if disks.docker_root in system.paths else ""
    return f"{prune}du {counted}-x -d 2 {system.mount_point} | sort -n | tail"


def _size(count: int) -> str:
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"
