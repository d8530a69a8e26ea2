"""What the Docker Engine says of a container that is there (`docker inspect`) -> what it was given.

Docker puts together what the image says and what was given on the command line; only the latter is described.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from calico_agent.adopt.described import Described, Difference, Given, GivenMount, NotTakenOver
from calico_agent.model.container.container import LABEL_MANAGED_BY, LABEL_SPEC_HASH, Container
from calico_agent.model.container.run_options import RunOptions
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.calico_node import names_calico_node
from calico_agent.sources.docker.decode.container import decode_container

_USUAL_URL = "unix:///var/run/docker.sock"
_OURS = frozenset({LABEL_MANAGED_BY, LABEL_SPEC_HASH})
_NOTHING: tuple[object, ...] = (None, "", 0, False, -1)
# What HostConfig says of a container that was given nothing in particular, beside nothing at all
# (api/types/container/hostconfig.go of moby@v27.5). What is looked at elsewhere, or follows from it, is not here.
_USUAL: Mapping[str, tuple[object, ...]] = {
    "PidMode": (),
    "IpcMode": ("private", "shareable", "host"),
    "UTSMode": (),
    "CapDrop": (),
    "Dns": (),
    "DnsOptions": (),
    "DnsSearch": (),
    "ExtraHosts": (),
    "GroupAdd": (),
    "Links": (),
    "ReadonlyRootfs": (),
    "Sysctls": (),
    "Tmpfs": (),
    "StorageOpt": (),
    "MemoryReservation": (),
    "MemorySwappiness": (),
    "CpusetCpus": (),
    "CpusetMems": (),
    "CpuRealtimePeriod": (),
    "CpuRealtimeRuntime": (),
    "PidsLimit": (),
    "OomScoreAdj": (),
    "OomKillDisable": (),
    "BlkioWeight": (),
    "KernelMemory": (),
    "ShmSize": (67108864,),
    "Runtime": (),
    "CgroupParent": (),
    "Init": (),
    "VolumesFrom": (),
}
# The same of Config, where the image says it first.
_OF_IMAGE = ("User", "WorkingDir", "Healthcheck", "StopSignal", "StopTimeout")
# What kubelet decides of the containers of its pods.
_KUBELETS = frozenset({"CgroupParent", "OomScoreAdj", "IpcMode", "UTSMode", "Runtime", "ShmSize", "PidsLimit"})
_POD = "kubelet decides it for the containers of pods"


def describe_container(
    attrs: Mapping[str, Any],
    image: Mapping[str, Any] | None,
    *,
    log_driver: str = "",
    runtime: str = "runc",
    url: str = "",
) -> Described:
    """`image` is None where it is gone.

    `log_driver` and `runtime` are the daemon's, which a container without one of its own has.

    Raises Refused for a container that is not calico/node, and for an answer that is not Docker's.
    """
    try:
        container = decode_container(attrs)
    except Malformed as error:
        raise NotTakenOver("", error.what) from None
    place = f"container {container.name}"
    if not names_calico_node(container.name, container.image):
        raise NotTakenOver(place, f"runs the image {container.image[:80]!a}, which is not calico/node")
    if image is None:
        raise NotTakenOver(
            place, f"its image is gone ({container.image_id[:19]}), so what was given cannot be told from it"
        )
    given = image.get("Config") or {}
    from_pod = container.name.startswith("k8s_")
    return Described(
        origin=place,
        image=_image(container, image, place),
        name=Given(container.name, place),
        env={name: Given(value, place) for name, value in _own_env(container, given)},
        mounts=tuple(
            GivenMount(mount, place)
            for mount in container.mounts
            if mount.source.startswith("/") and not _volume(attrs, mount.destination)
        ),
        network=Given("host" if from_pod else container.network_mode, place),
        privileged=Given(str(container.privileged).lower(), place),
        restart=Given("always, by kubelet" if from_pod else container.restart_policy or "no", place),
        command=_command(attrs, given, place),
        options=_own_options(container, given, log_driver),
        url="" if url == _USUAL_URL else url,
        from_pod=from_pod,
        remarks=tuple(_remarks(attrs, given, place, runtime, from_pod=from_pod)),
    )


def _image(container: Container, image: Mapping[str, Any], place: str) -> Given:
    """kubelet makes containers from the digest of an image: the name that it has here tells more."""
    if not container.image.startswith("sha256:"):
        return Given(container.image, place)
    named = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
    if not named:
        return Given(place=place, unknown=f"Docker has no name for the image {container.image[:19]}")
    return Given(str(named[0]), place)


def _own_env(container: Container, image: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    of_image = {str(word) for word in image.get("Env") or ()}
    return ((name, value) for name, value in container.env if f"{name}={value}" not in of_image)


def _volume(attrs: Mapping[str, Any], destination: str) -> bool:
    return any(
        mount.get("Type") == "volume" and mount.get("Destination") == destination for mount in attrs.get("Mounts") or ()
    )


def _command(attrs: Mapping[str, Any], image: Mapping[str, Any], place: str) -> Given:
    config = attrs.get("Config") or {}
    own = {key: list(config.get(key) or ()) for key in ("Entrypoint", "Cmd")}
    if all(words == list(image.get(key) or ()) for key, words in own.items()):
        return Given(place=place)
    return Given(" ".join(map(str, own["Entrypoint"] + own["Cmd"])), place)


def _own_options(container: Container, image: Mapping[str, Any], log_driver: str) -> RunOptions:
    of_image = image.get("Labels") or {}
    labels = tuple(
        (name, value) for name, value in container.labels if of_image.get(name) != value and name not in _OURS
    )
    options = replace(container.options, labels=labels)
    usual = options.log_driver == log_driver and not options.log_options
    return replace(options, log_driver="", log_options=()) if usual else options


def _remarks(
    attrs: Mapping[str, Any], image: Mapping[str, Any], place: str, runtime: str, *, from_pod: bool
) -> Iterator[Difference]:
    host_config, config = attrs.get("HostConfig") or {}, attrs.get("Config") or {}
    memory, swap = host_config.get("Memory") or 0, host_config.get("MemorySwap") or 0
    for key, usual in _USUAL.items():
        value = host_config.get(key)
        if value and value not in (*_NOTHING, *usual) and (key, value) != ("Runtime", runtime):
            pods = from_pod and key in _KUBELETS
            yield _lost(key, value, place, _POD if pods else "calico-agent has no such setting", lost=not pods)
    if swap not in {0, 2 * memory}:
        yield _lost("MemorySwap", swap, place, "calico-agent has no such setting")
    for key in _OF_IMAGE:
        if config.get(key) and config.get(key) != image.get(key):
            yield _lost(key, config[key], place, "calico-agent takes the image's")
    for mount in attrs.get("Mounts") or ():
        if mount.get("Type") != "bind" and mount.get("Destination") not in (image.get("Volumes") or {}):
            kind = str(mount.get("Type"))[:20]
            yield _lost(str(mount.get("Destination")), kind, place, f"calico-agent has no mount of type {kind}")


def _lost(subject: str, value: object, place: str, why: str, *, lost: bool = True) -> Difference:
    return Difference(subject, str(value)[:80], "", why, place, lost=lost)
