"""Faults of what the agent asks, and of what it is answered."""

from dataclasses import replace

from tests.worlds.faults.kind import Done, Fault, ailing, codes, others
from tests.worlds.model.values import ETCD, World

_LOOKS = "what keeps it from answering is told by itself, and by no table of the model"


def _unread(source: str, kind: str) -> Done:
    return ailing(unread=((source, kind),))


def _written(world: World, key: str, value: bytes | None) -> World:
    return replace(world, keys=(*world.keys, (key, value)))


def bad_record(world: World, hostname: str) -> World | None:
    """Somebody wrote nonsense into the record of another node. Kubernetes' own have annotations, of which each counts
    for itself."""
    if world.release.v2 or world.store != ETCD:
        return None
    other = next(others(world, hostname), None)
    return other and _written(world, f"/calico/resources/v3/projectcalico.org/nodes/{other[1].name}", b"{nonsense")


def bad_pool(world: World, _hostname: str) -> World | None:
    if world.release.v2:
        return None
    if world.store != ETCD:  # `kubectl edit` passes by what Calico would check
        return _written(world, "ippools/nonsense", b'{"metadata":{"name":"nonsense"},"spec":{"cidr":"nonsense"}}')
    return _written(world, "/calico/resources/v3/projectcalico.org/ippools/nonsense", b"[]")


FAULTS = (
    Fault("dockerd hangs", _unread("Docker", "timeout"), codes("DOCKER-UNREADABLE"), incurable=_LOOKS),
    Fault("dockerd does not run", _unread("Docker", "refused"), codes("DOCKER-DOWN")),
    Fault("etcd does not answer", _unread("etcd", "timeout"), codes("DS-UNREADABLE"), incurable=_LOOKS),
    Fault("nothing listens where etcd should be", _unread("etcd", "refused"), codes("DS-UNREADABLE")),
    Fault("no route leads to etcd", _unread("etcd", "unreachable"), codes("DS-UNREADABLE"), incurable=_LOOKS),
    Fault("etcd lost most of its data", _unread("etcd", "shrunk"), codes("DS-SHRUNK"), incurable=_LOOKS),
    Fault(
        "netlink fails",
        _unread("kernel", "denied"),
        codes("KERNEL-UNREADABLE"),
        follows=codes("IP-UNKNOWN"),
        incurable=_LOOKS,
    ),
    Fault("the host name cannot be read", _unread("host", "denied"), codes("HOST-UNREADABLE"), incurable=_LOOKS),
    Fault("BIRD hangs", _unread("BIRD", "timeout"), codes("BIRD-HUNG")),
    Fault("BIRD's socket was removed", _unread("BIRD", "absent"), codes("BIRD-UNREADABLE")),
    Fault("BIRD may not be asked", _unread("BIRD", "denied"), codes("BIRD-UNREADABLE")),
    Fault("the record of another node is nonsense", bad_record, codes("DS-BAD-KEY"), everywhere=True),
    Fault("a pool is nonsense", bad_pool, codes("DS-BAD-KEY"), everywhere=True, incurable=_LOOKS),
)
