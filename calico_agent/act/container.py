"""Actions on the calico/node container, carried out through the Docker SDK.

Host network, privileged and no restart policy are not options: calico/node programs the host's own kernel, and two who
restart one container hide its crashes from each other. The rest is the specification (calicoctl's
`calicoctl/commands/node/run.go@v3.32.1` starts the same container with `docker run`).
"""

from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from calico_agent.model.container.action import (
    Action,
    ClearRestartPolicy,
    CreateContainer,
    Outcome,
    Promote,
    RemoveContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    Retire,
    Rollback,
    StartContainer,
)
from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    ContainerSpec,
    Mount,
)
from calico_agent.model.container.rollout import next_name, previous_name, refused_name
from calico_agent.model.container.run_options import RunOptions

_STOP_SECONDS = 10  # then SIGKILL; calico/node needs about two
_CONFLICT = 409


class ContainerActor:
    """Performs actions on one Engine.

    A client is made for each action: they are rare, and a connection kept from before dockerd's restart would fail.
    """

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self._url = url
        self._timeout = timeout

    def perform(self, action: Action) -> Outcome:
        """Do it, and return how that ended. A failure is the outcome's sentence, never an exception."""
        error = ""
        try:
            # The stubs want whole seconds; requests, which gets it, takes fractions.
            timeout: int = self._timeout  # type: ignore[assignment]
            with closing(docker.APIClient(base_url=self._url, version="auto", timeout=timeout)) as client:
                _perform(client, action)
        except ImageNotFound:
            image = action.spec.image if isinstance(action, CreateContainer | ReplaceContainer) else ""
            error = f"image {image} is not on this host; fetch it with: docker pull {image}"
        except APIError as refusal:
            error = _explain(refusal)
        except (DockerException, RequestException, OSError) as failure:
            error = f"Docker does not do it: {failure}"
        return Outcome(action, datetime.now(UTC), error)


def _perform(client: docker.APIClient, action: Action) -> None:
    match action:
        case CreateContainer(spec=spec):
            client.start(_create(client, spec, spec.name))
        case StartContainer(id=container):
            client.start(container)
        case ReplaceContainer(id=container, spec=spec):
            # Before anything is stopped: without the image or with a mount that cannot be, nothing would run at all.
            _put_in_place(client, _create(client, spec, next_name(spec.name)), container, spec.name)
        case Promote(next=successor, previous=container, name=name):
            _put_in_place(client, successor, container, name)
        case Rollback(id=container, previous=previous, name=name):
            _take_back(client, container, previous, name)
        case RemoveContainer(id=container):
            with suppress(NotFound):
                client.remove_container(container, force=True)
        case Retire(id=container, new_name=new_name):
            with suppress(NotFound):  # its maker removed it
                _set_aside(client, container, new_name)
        case RestartContainer(id=container):
            client.restart(container, timeout=_STOP_SECONDS)
        case RenameContainer(id=container, name=name):
            client.rename(container, name)
        case ClearRestartPolicy(id=container):
            # (The stub knows only two of Docker's four policies.)
            client.update_container(container, restart_policy={"Name": "no"})  # type: ignore[arg-type]


def _set_aside(client: docker.APIClient, container: str, name: str) -> None:
    """First of all it must not come back by itself, then it may stop and give its name away. Raises NotFound."""
    # (The stub knows only two of Docker's four policies.)
    client.update_container(container, restart_policy={"Name": "no"})  # type: ignore[arg-type]
    client.stop(container, timeout=_STOP_SECONDS)
    client.rename(container, name)


def _put_in_place(client: docker.APIClient, successor: str, container: str, name: str) -> None:
    """Names first, as that needs no stop; then stop and start follow each other at once."""
    if container:
        with suppress(NotFound):  # somebody removed it: its place is free
            _call(client, container, previous_name(name))
    _call(client, successor, name)
    if container:
        with suppress(NotFound):
            client.stop(container, timeout=_STOP_SECONDS)
    client.start(successor)


def _take_back(client: docker.APIClient, container: str, previous: str, name: str) -> None:
    """Started before it is renamed: one that runs is recognised by that, whatever it is called."""
    if container:
        with suppress(NotFound):
            client.stop(container, timeout=_STOP_SECONDS)
            _call(client, container, refused_name(name))
    client.start(previous)
    _call(client, previous, name)


def _call(client: docker.APIClient, container: str, name: str) -> None:
    """Give `container` a name, from which an earlier replacement's remains make way. Raises NotFound."""
    if client.inspect_container(container)["Name"] == f"/{name}":
        return
    with suppress(NotFound):
        holder = client.inspect_container(name)
        if (holder["Config"]["Labels"] or {}).get(LABEL_MANAGED_BY) == MANAGED_BY:
            client.remove_container(holder["Id"])  # not by force: one that runs stays
    client.rename(container, name)


def _create(client: docker.APIClient, spec: ContainerSpec, name: str) -> str:
    """Make it, and return its id."""
    for mount in spec.mounts:
        _make_source(mount)
    created = client.create_container(
        image=spec.image,
        name=name,
        detach=True,  # else the container is made for somebody who reads its output
        environment=dict(spec.env),
        labels={**dict(spec.options.labels), LABEL_MANAGED_BY: MANAGED_BY, LABEL_SPEC_HASH: spec.hash},
        host_config=client.create_host_config(
            network_mode="host",
            privileged=True,
            userns_mode="host",  # a daemon with userns-remap shares the host's network with no other container
            restart_policy={"Name": "no"},
            binds=[mount.bind for mount in spec.mounts],
            **_options(spec.options),
        ),
    )
    identity: str = created["Id"]
    return identity


def _make_source(mount: Mount) -> None:
    """Docker makes a missing source of a bind as a directory, which is wrong for a file."""
    source = Path(mount.source)
    if mount.is_file and not source.exists():
        source.parent.mkdir(parents=True, exist_ok=True)
        source.touch()


def _options(options: RunOptions) -> dict[str, Any]:
    """What is not left to Docker, as the SDK calls it."""
    given: dict[str, Any] = {
        "mem_limit": options.memory,
        "cpu_shares": options.cpu_shares,
        "nano_cpus": options.nano_cpus,
        "ulimits": [docker.types.Ulimit(name=one.name, soft=one.soft, hard=one.hard) for one in options.ulimits],
    }
    if options.log_driver or options.log_options:
        given["log_config"] = docker.types.LogConfig(type=options.log_driver, config=dict(options.log_options))
    return {name: value for name, value in given.items() if value}


def _explain(refusal: APIError) -> str:
    said = str(refusal.explanation or refusal).strip()
    if refusal.status_code == _CONFLICT:
        return f"Docker refuses because another container is in the way: {said}"
    return f"Docker refuses: {said}"
