"""How a container differs from the specification that is wanted, in sentences for people; secrets stay hidden.

Docker merges the environment of the image into that of the container, so a variable counts as given only if it is not
the image's own. Host network, privileged and no restart policy are always wanted.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from calico_agent.model.container.container import Container, ContainerSpec, Mount
from calico_agent.model.container.run_options import RunOptions
from calico_agent.secret import is_shown, masked

_LONGEST_VALUE = 120


def differences(container: Container, spec: ContainerSpec) -> tuple[str, ...]:
    """What would have to change in `container` to make it the wanted one; nothing when they agree."""
    return (*specified_differences(container, spec), *host_differences(container))


def specified_differences(container: Container, spec: ContainerSpec) -> tuple[str, ...]:
    """Differences in what the specification says. One that was made from this very specification has none."""
    if container.managed and container.spec_hash == spec.hash:
        return ()
    options = differing_options(container.options, spec.options, dict(container.labels))
    return (*_image(container, spec), *_env(container, spec), *_mounts(container, spec), *options)


def host_differences(container: Container) -> tuple[str, ...]:
    """Differences in what is never an option. A restart policy can be taken back on a container that runs."""
    found = []
    if container.network_mode != "host":
        found.append(f"network mode is {container.network_mode or 'not set'}, wanted host")
    if not container.privileged:
        found.append("it is not privileged, wanted privileged")
    return (*found, *restart_policy(container))


def restart_policy(container: Container) -> tuple[str, ...]:
    """The difference that is put right without touching what runs."""
    return (f"restart policy is {container.restart_policy}, wanted no",) if container.restarted_by_docker else ()


def _image(container: Container, spec: ContainerSpec) -> Iterator[str]:
    if container.image != spec.image:
        yield f"image is {container.image}, wanted {spec.image}"


def _env(container: Container, spec: ContainerSpec) -> Iterator[str]:
    found, wanted = dict(container.env), dict(spec.env)
    for name, value in sorted(wanted.items()):
        if name not in found:
            yield f"{name} is not set, wanted {_shown(name, value)}"
        elif found[name] != value:
            yield f"{name} is {_shown(name, found[name])}, wanted {_shown(name, value)}"
    # Without the image, what it sets cannot be told from what was given: nothing is claimed then.
    of_image = container.env if container.image_env is None else container.image_env
    for name, value in sorted(set(container.env) - set(of_image)):
        if name not in wanted:
            yield f"{name} is {_shown(name, value)}, wanted not set"


def _shown(name: str, value: str) -> str:
    if not is_shown(name):
        return "another value (not shown)"
    text = masked(value)
    return repr(text) if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]!r}..."


def _mounts(container: Container, spec: ContainerSpec) -> Iterator[str]:
    found = {mount.destination: mount for mount in container.mounts}
    wanted = {mount.destination: mount for mount in spec.mounts}
    for destination, mount in sorted(wanted.items()):
        if destination not in found:
            yield f"nothing is mounted at {destination}, wanted {_source(mount)}"
        elif _place(found[destination]) != _place(mount):
            yield f"mounted at {destination} is {_source(found[destination])}, wanted {_source(mount)}"
    for destination, mount in sorted(found.items()):
        if destination not in wanted and not _is_volume(mount):
            yield f"mounted at {destination} is {_source(mount)}, wanted nothing"


def _place(mount: Mount) -> tuple[PurePosixPath, bool, str]:
    return PurePosixPath(mount.source), mount.read_only, mount.propagation


def _source(mount: Mount) -> str:
    words = [*(["read only"] if mount.read_only else []), *([mount.propagation] if mount.propagation else [])]
    return f"{mount.source} ({', '.join(words)})" if words else mount.source


def differing_options(found: RunOptions, wanted: RunOptions, labels: Mapping[str, str]) -> Iterator[str]:
    """Limits, labels and logging. What is not wanted in particular is Docker's to choose: a label may be the image's,
    the logging driver that of the daemon.
    """
    for what, number, wanted_number in (
        ("memory limit (bytes)", found.memory, wanted.memory),
        ("weight for the processor (cpu shares)", found.cpu_shares, wanted.cpu_shares),
        ("processor limit (in billionths)", found.nano_cpus, wanted.nano_cpus),
    ):
        if number != wanted_number:
            yield f"{what} is {number or 'not set'}, wanted {wanted_number or 'not set'}"
    limits = {limit.name: limit for limit in found.ulimits}
    for limit in wanted.ulimits:
        if limits.get(limit.name) != limit:
            yield f"ulimit {limit.name} is {limits.get(limit.name, 'not set')}, wanted {limit}"
    for name, value in wanted.labels:
        if labels.get(name) != value:
            yield f"label {name} is {_shown_label(labels.get(name))}, wanted {masked(value)!r}"
    if wanted.log_driver and found.log_driver != wanted.log_driver:
        yield f"logging driver is {found.log_driver or 'not set'}, wanted {wanted.log_driver}"
    elif wanted.log_options and dict(found.log_options) != dict(wanted.log_options):
        yield f"the options of logging driver {found.log_driver} are other ones"


def _shown_label(value: str | None) -> str:
    return "not set" if value is None else repr(masked(value))


def _is_volume(mount: Mount) -> bool:
    """A volume that Docker made because the image declares one: <root>/volumes/<name>/_data."""
    return mount.source.endswith("/_data")
