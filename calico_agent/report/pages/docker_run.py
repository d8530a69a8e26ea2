"""The `docker run` line that makes the container the agent would make, for people and for shells."""

import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from calico_agent.model.container.container import LABEL_MANAGED_BY, LABEL_SPEC_HASH, MANAGED_BY, ContainerSpec
from calico_agent.model.container.run_options import RunOptions
from calico_agent.secret import masked, shown_log_option, shown_value

_USUAL_URL = "unix:///var/run/docker.sock"


def render_docker_run(
    spec: ContainerSpec, *, url: str = _USUAL_URL, files: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the line, quoted for a shell, an option on each row.

    Secrets are not in it: one that is the first line of a file (`files`, by variable) is read from there by the shell,
    another is only said to be there, and then the line has to be completed by hand.
    """
    host = "" if url == _USUAL_URL else f" --host={shlex.quote(url)}"
    rows = [f"docker{host} run --detach", "--net=host --privileged --userns=host --restart=no"]
    rows.append(f"--name={shlex.quote(spec.name)}")
    rows += [f"--label={shlex.quote(f'{name}={value}')}" for name, value in _labels(spec)]
    rows += [f"--env={_variable(name, value, files)}" for name, value in spec.env]
    rows += [f"--volume={shlex.quote(mount.bind)}" for mount in spec.mounts]
    rows += [shlex.quote(option) for option in _options(spec.options)]
    rows.append(shlex.quote(spec.image))
    return "".join(_before(spec)) + " \\\n    ".join(rows) + "\n"


def _before(spec: ContainerSpec) -> Iterator[str]:
    """What the agent does first: Docker makes a folder of a file that is not there."""
    for mount in spec.mounts:
        if mount.is_file:
            yield f"[ -e {shlex.quote(mount.source)} ] || touch {shlex.quote(mount.source)}\n"


def _labels(spec: ContainerSpec) -> tuple[tuple[str, str], ...]:
    shown = ((name, masked(value)) for name, value in spec.options.labels)
    return (*shown, (LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, spec.hash))


def _variable(name: str, value: str, files: Mapping[str, str]) -> str:
    if name in files:
        return f'{name}="$(head -n 1 {shlex.quote(files[name])})"'
    return shlex.quote(f"{name}={shown_value(name, value)}")


def _options(options: RunOptions) -> Iterator[str]:
    if options.memory:
        yield f"--memory={options.memory}b"
    if options.cpu_shares:
        yield f"--cpu-shares={options.cpu_shares}"
    if options.nano_cpus:
        yield f"--cpus={options.cpus}"
    for limit in options.ulimits:
        yield f"--ulimit={limit.name}={limit.soft}:{limit.hard}"
    if options.log_driver:
        yield f"--log-driver={options.log_driver}"
    for name, value in options.log_options:
        yield f"--log-opt={name}={shown_log_option(name, value)}"
