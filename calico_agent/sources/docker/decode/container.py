"""What the Docker Engine says (`docker inspect`, `docker network inspect`) -> Container, DockerNetwork.

calico/node runs by hand (`calicoctl node run`, a systemd unit) as container `calico-node`, or as a pod: dockershim and
cri-dockerd name its containers `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`, and the pod's pause container `POD`.

A container of its image is not yet calico/node: people run shells and single programs of it. calico/node writes the
host's routes, so it shares the host's network (a pod's container that of its pause container), and it runs the image's
own command, `start_runit` (node/Dockerfile of projectcalico/calico@v3.32.1), or an entry point that somebody wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

from calico_agent.model.container.container import Container, ContainerState, Mount
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.run_options import RunOptions, Ulimit, nano_cpus_of
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.log_lines import LogLine, felix_ends, knocks, of_last_run, telling_line

_T = TypeVar("_T")

_ZERO_TIME = "0001-01-01T"  # Go's zero time: it has not happened


def decode_container(attrs: Mapping[str, Any], log: tuple[LogLine, ...] = ()) -> Container:
    """One entry of `docker inspect`. Raises Malformed where it is not of the Engine's form."""
    state = _field(attrs, "State", dict)
    config = _field(attrs, "Config", dict)
    host_config = _field(attrs, "HostConfig", dict)
    started_at = _time(_optional(state, "StartedAt", str, ""))
    finished_at = _time(_optional(state, "FinishedAt", str, ""))
    log_tail = tuple(line.text for line in of_last_run(log, started_at, finished_at))
    return Container(
        id=_field(attrs, "Id", str),
        name=_field(attrs, "Name", str).removeprefix("/"),
        image=_field(config, "Image", str),
        state=_state(_field(state, "Status", str)),
        command=tuple(_command(attrs)),
        exit_code=_optional(state, "ExitCode", int, 0),
        oom_killed=_optional(state, "OOMKilled", bool, False),
        error=_optional(state, "Error", str, ""),
        pid=_optional(state, "Pid", int, 0),
        started_at=started_at,
        finished_at=finished_at,
        env=tuple(_env(_optional(config, "Env", list, []))),
        mounts=tuple(_mounts(_optional(attrs, "Mounts", list, []))),
        labels=tuple(sorted((str(key), str(value)) for key, value in _optional(config, "Labels", dict, {}).items())),
        image_id=_optional(attrs, "Image", str, ""),
        options=_options(host_config),
        network_mode=_optional(host_config, "NetworkMode", str, ""),
        privileged=_optional(host_config, "Privileged", bool, False),
        restart_policy=_optional(_optional(host_config, "RestartPolicy", dict, {}), "Name", str, ""),
        restart_count=_optional(attrs, "RestartCount", int, 0),
        auto_remove=_optional(host_config, "AutoRemove", bool, False),
        log_tail=log_tail,
        log_hint=telling_line(log_tail),
        knocks=knocks(log),
        felix_ends=felix_ends(log),
    )


def decode_image_env(attrs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The environment that one entry of `docker image inspect` sets."""
    return tuple(_env(_optional(_optional(attrs, "Config", dict, {}), "Env", list, [])))


def decode_image_id(attrs: Mapping[str, Any]) -> str:
    """The id, a digest, of one entry of `docker image inspect`. Raises Malformed where there is none."""
    return _field(attrs, "Id", str)


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


def _field(attrs: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    value = attrs.get(key)
    if not isinstance(value, kind):
        raise Malformed(f"Docker's answer has {key}={value!r:.80}, not a {kind.__name__}")
    return value


def _optional(attrs: Mapping[str, Any], key: str, kind: type[_T], missing: _T) -> _T:
    """Like _field; absent and null (Go's nil slice or map) are `missing`."""
    return missing if attrs.get(key) is None else _field(attrs, key, kind)


def _command(attrs: Mapping[str, Any]) -> Iterator[str]:
    """Entry point and arguments, as the Engine joined them."""
    if path := _optional(attrs, "Path", str, ""):
        yield path
        yield from map(str, _optional(attrs, "Args", list, []))


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
            propagation = _optional(mount, "Propagation", str, "")
            yield Mount(
                source,
                _field(mount, "Destination", str),
                read_only=not _optional(mount, "RW", bool, True),
                propagation="" if propagation == "rprivate" else propagation,
            )


def _options(host_config: Mapping[str, Any]) -> RunOptions:
    """The limits, and where the output goes. Labels are not told apart from those of the image here."""
    quota, period = _optional(host_config, "CpuQuota", int, 0), _optional(host_config, "CpuPeriod", int, 0)
    log = _optional(host_config, "LogConfig", dict, {})
    return RunOptions(
        memory=_optional(host_config, "Memory", int, 0),
        cpu_shares=_optional(host_config, "CpuShares", int, 0),
        nano_cpus=_optional(host_config, "NanoCpus", int, 0) or nano_cpus_of(quota, period),
        ulimits=tuple(sorted(_ulimits(_optional(host_config, "Ulimits", list, [])), key=lambda one: one.name)),
        log_driver=_optional(log, "Type", str, ""),
        log_options=tuple(sorted((str(k), str(v)) for k, v in _optional(log, "Config", dict, {}).items())),
    )


def _ulimits(limits: Sequence[Any]) -> Iterator[Ulimit]:
    for limit in limits:
        if not isinstance(limit, Mapping):
            raise Malformed(f"Docker lists a limit that is none: {limit!r:.80}")
        yield Ulimit(_field(limit, "Name", str), _optional(limit, "Soft", int, 0), _optional(limit, "Hard", int, 0))


def _texts(entries: Sequence[Any], key: str) -> Iterator[str]:
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise Malformed(f"Docker lists a subnet that is none: {entry!r:.80}")
        if text := _optional(entry, key, str, ""):
            yield text
