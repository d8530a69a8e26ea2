"""What the Docker Engine says (`docker inspect`, `docker network inspect`) -> Container, DockerNetwork, and the
datastore settings that a container was given.

calico/node runs by hand (`calicoctl node run`, a systemd unit) as container `calico-node`, or as a pod: dockershim and
cri-dockerd name its containers `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`, and the pod's pause container `POD`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from typing import Any, TypeVar

from calico_agent.decode.errors import Malformed
from calico_agent.decode.log_lines import telling_line, unexpected_peers
from calico_agent.model.container import Container, ContainerState, DockerNetwork, Mount
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings

_T = TypeVar("_T")

_NAME = "calico-node"
# Repository `calico/node` of any registry or mirror, `rancher/mirrored-calico-node` and its like.
_IMAGE = re.compile(r"(.*/)?(calico/node|([a-z0-9]+-)?calico-node)(:[^/]*)?(@.*)?")
_ZERO_TIME = "0001-01-01T"  # Go's zero time: it has not happened
_CERTIFICATE_FILES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
_INLINE_CERTIFICATES = ("ETCD_CA_CERT", "ETCD_CERT", "ETCD_KEY")


def decode_container(attrs: Mapping[str, Any], log_tail: tuple[str, ...] = ()) -> Container:
    """One entry of `docker inspect`. Raises Malformed where it is not of the Engine's form."""
    state = _field(attrs, "State", dict)
    config = _field(attrs, "Config", dict)
    host_config = _field(attrs, "HostConfig", dict)
    return Container(
        id=_field(attrs, "Id", str),
        name=_field(attrs, "Name", str).removeprefix("/"),
        image=_field(config, "Image", str),
        state=_state(_field(state, "Status", str)),
        exit_code=_optional(state, "ExitCode", int, 0),
        oom_killed=_optional(state, "OOMKilled", bool, False),
        error=_optional(state, "Error", str, ""),
        pid=_optional(state, "Pid", int, 0),
        started_at=_time(_optional(state, "StartedAt", str, "")),
        finished_at=_time(_optional(state, "FinishedAt", str, "")),
        env=tuple(_env(_optional(config, "Env", list, []))),
        mounts=tuple(_mounts(_optional(attrs, "Mounts", list, []))),
        labels=tuple(sorted((str(key), str(value)) for key, value in _optional(config, "Labels", dict, {}).items())),
        network_mode=_optional(host_config, "NetworkMode", str, ""),
        restart_policy=_optional(_optional(host_config, "RestartPolicy", dict, {}), "Name", str, ""),
        restart_count=_optional(attrs, "RestartCount", int, 0),
        log_tail=log_tail,
        log_hint=telling_line(log_tail),
        unknown_peers=tuple(address for address, _ in unexpected_peers(log_tail)),
    )


def decode_network(attrs: Mapping[str, Any]) -> DockerNetwork:
    """One entry of `docker network inspect`. Raises Malformed where it is not of the Engine's form."""
    name = _field(attrs, "Name", str)
    driver = _field(attrs, "Driver", str)
    bridge = ""
    if driver == "bridge":
        # Docker names the bridge of a network after its id unless it was told a name.
        named = _optional(_optional(attrs, "Options", dict, {}), "com.docker.network.bridge.name", str, "")
        bridge = named or f"br-{_field(attrs, 'Id', str)[:12]}"
    ipam = _optional(_optional(attrs, "IPAM", dict, {}), "Config", list, [])
    try:
        subnets = tuple(ip_network(subnet, strict=False) for subnet in _texts(ipam, "Subnet"))
        # Some Engines print the gateway of an IPv6 network with its prefix length.
        gateways = tuple(ip_address(gateway.partition("/")[0]) for gateway in _texts(ipam, "Gateway"))
    except ValueError as error:
        raise Malformed(f"Docker's network {name} has an address that is none: {error}") from error
    return DockerNetwork(name=name, driver=driver, bridge=bridge, subnets=subnets, gateways=gateways)


def is_calico_node(container: Container) -> bool:
    """Whether this container is calico/node, whoever started it."""
    return names_calico_node(container.name, container.image)


def names_calico_node(name: str, image: str) -> bool:
    """Whether a container with this name, made from this image, is calico/node."""
    if name.startswith("k8s_"):
        # Only the name tells: init containers of the pod have the same image, and kubelet gives images by digest.
        return name.split("_")[1] == _NAME
    return name == _NAME or _IMAGE.fullmatch(image) is not None


def datastore_settings(container: Container) -> DatastoreSettings | Unreadable:
    """The etcd that calico/node was given, with its certificates' paths on this host, or why they cannot be used.

    calico/node reads each variable with the prefix `CALICO_` first, then bare
    (libcalico-go/lib/apiconfig/load.go@v3.32.1); its default is Kubernetes unless endpoints are given.
    """
    endpoints = tuple(part for part in map(str.strip, _setting(container, "ETCD_ENDPOINTS").split(",")) if part)
    kind = _setting(container, "DATASTORE_TYPE") or ("etcdv3" if endpoints else "kubernetes")
    if kind == "kubernetes":
        return _unusable(
            "kubernetes",
            "this cluster keeps Calico's data in the Kubernetes API, not in etcd; calico-agent reads etcd only",
        )
    if kind != "etcdv3":
        return _unusable("type", f"container {container.name} has DATASTORE_TYPE={kind}; calico-agent reads etcdv3")
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
        on_host = _path_on_host(container.mounts, inside) if inside else ""
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
        origin=f"container {container.name}",
    )


def _setting(container: Container, name: str) -> str:
    return (container.env_value(f"CALICO_{name}") or container.env_value(name)).strip()


def _unusable(code: str, reason: str) -> Unreadable:
    return Unreadable("etcd", reason, code=code)


def _path_on_host(mounts: tuple[Mount, ...], inside: str) -> str | None:
    """Where a file of the container is on the host; None when no mount covers it. The longest destination wins."""
    path = PurePosixPath(inside)
    if ".." in path.parts:
        return None
    covering = [mount for mount in mounts if path.is_relative_to(mount.destination)]
    if not covering:
        return None
    mount = max(covering, key=lambda mount: len(PurePosixPath(mount.destination).parts))
    return str(PurePosixPath(mount.source, path.relative_to(mount.destination)))


def _field(attrs: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    value = attrs.get(key)
    if not isinstance(value, kind):
        raise Malformed(f"Docker's answer has {key}={value!r:.80}, not a {kind.__name__}")
    return value


def _optional(attrs: Mapping[str, Any], key: str, kind: type[_T], missing: _T) -> _T:
    """Like _field; absent and null (Go's nil slice or map) are `missing`."""
    return missing if attrs.get(key) is None else _field(attrs, key, kind)


def _state(word: str) -> ContainerState:
    try:
        return ContainerState(word)
    except ValueError as error:
        raise Malformed(f"Docker gives a container the unknown state {word[:80]!r}") from error


def _time(text: str) -> datetime | None:
    if not text or text.startswith(_ZERO_TIME):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"Docker gives a time that is none: {text[:80]!r}") from error
    if time.tzinfo is None:
        raise Malformed(f"Docker gives a time without a zone: {text[:80]!r}")
    return time


def _env(words: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, _, value = str(word).partition("=")
        yield name, value


def _mounts(mounts: Sequence[Any]) -> Iterator[Mount]:
    """Binds and volumes; what has no place on the host (tmpfs) is left out."""
    for mount in mounts:
        if not isinstance(mount, Mapping):
            raise Malformed(f"Docker lists a mount that is none: {mount!r:.80}")
        if source := _optional(mount, "Source", str, ""):
            yield Mount(source, _field(mount, "Destination", str), read_only=not _optional(mount, "RW", bool, True))


def _texts(entries: Sequence[Any], key: str) -> Iterator[str]:
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise Malformed(f"Docker lists a subnet that is none: {entry!r:.80}")
        if text := _optional(entry, key, str, ""):
            yield text
