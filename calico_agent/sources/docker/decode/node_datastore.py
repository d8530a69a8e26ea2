"""Which datastore calico/node was given: its environment and mounts -> DatastoreSettings.

It reads each variable with the prefix `CALICO_` first, then bare (libcalico-go/lib/apiconfig/load.go@v3.32.1). Its
default is Kubernetes unless endpoints are given. calico/node v1 and v2 are Calico 2.x, whose default is the v2 API of
etcd (lib/client/config.go of projectcalico/libcalico-go@v1.3.0).
"""

from pathlib import PurePosixPath

from calico_agent.model.calico.release import calico_in
from calico_agent.model.container.container import Container, Mount
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi

_APIS = {"etcdv3": EtcdApi.V3, "etcdv2": EtcdApi.V2}
_CERTIFICATE_FILES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
_INLINE_CERTIFICATES = ("ETCD_CA_CERT", "ETCD_CERT", "ETCD_KEY")


def datastore_settings(container: Container) -> DatastoreSettings | Unreadable:
    """The etcd that calico/node was given, with its certificates' paths on this host, or why they cannot be used."""
    release = calico_in(container.image)
    two_x = release is not None and release < (3, 0)
    endpoints = _endpoints(container, two_x=two_x)
    usual = "etcdv2" if two_x else "etcdv3" if endpoints else "kubernetes"
    kind = _setting(container, "DATASTORE_TYPE") or usual
    if kind == "kubernetes":
        return _unusable(
            "kubernetes",
            "this cluster keeps Calico's data in the Kubernetes API, not in etcd",
        )
    if kind not in _APIS:
        reason = f"container {container.name} has DATASTORE_TYPE={kind}; calico-agent reads etcdv3 and etcdv2"
        return _unusable("type", reason)
    if not endpoints:
        return _unusable("no-endpoints", f"container {container.name} has no ETCD_ENDPOINTS")
    if inline := [name for name in _INLINE_CERTIFICATES if _setting(container, name)]:
        return _unusable(
            "inline-certificates",
            f"container {container.name} carries its certificates in {', '.join(inline)}, which calico-agent cannot "
            "use; write the files' paths as [datastore] ca_file, cert_file, key_file in calico-agent.toml",
        )
    files: list[str] = []
    for name in _CERTIFICATE_FILES:
        inside = _setting(container, name)
        on_host = path_on_host(container.mounts, inside) if inside else ""
        if on_host is None:
            return _unusable(
                "certificate-not-mounted",
                f"container {container.name} has {name}={inside}, which is under none of its mounts, so this host "
                "has no such file; write the paths as [datastore] ca_file, cert_file, key_file in calico-agent.toml",
            )
        files.append(on_host)
    ca_file, cert_file, key_file = files
    return DatastoreSettings(
        endpoints=endpoints,
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        username=_setting(container, "ETCD_USERNAME"),
        password=_setting(container, "ETCD_PASSWORD"),
        api=_APIS[kind],
        origin=f"container {container.name}",
    )


def _endpoints(container: Container, *, two_x: bool) -> tuple[str, ...]:
    """Calico 2.x also takes one endpoint in two parts."""
    listed = tuple(part for part in map(str.strip, _setting(container, "ETCD_ENDPOINTS").split(",")) if part)
    authority = _setting(container, "ETCD_AUTHORITY") if two_x else ""
    if listed or not authority:
        return listed
    return (f"{_setting(container, 'ETCD_SCHEME') or 'http'}://{authority}",)


def _setting(container: Container, name: str) -> str:
    return (container.env_value(f"CALICO_{name}") or container.env_value(name)).strip()


def _unusable(code: str, reason: str) -> Unreadable:
    return Unreadable("etcd", reason, code=code)


def path_on_host(mounts: tuple[Mount, ...], inside: str) -> str | None:
    """Where a file of the container is on the host; None when no mount covers it. The longest destination wins."""
    path = PurePosixPath(inside)
    if ".." in path.parts:
        return None
    covering = [mount for mount in mounts if path.is_relative_to(mount.destination)]
    if not covering:
        return None
    mount = max(covering, key=lambda mount: len(PurePosixPath(mount.destination).parts))
    return str(PurePosixPath(mount.source, path.relative_to(mount.destination)))
