"""Actions on the calico/node container, carried out through the Docker SDK.

Host network, privileged and no restart policy are not options: calico/node programs the host's own kernel, and two who
restart one container hide its crashes from each other. The rest is the specification (calicoctl's
`calicoctl/commands/node/run.go@v3.32.1` starts the same container with `docker run`).
"""

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from calico_agent.model.action import (
    Action,
    CreateContainer,
    Outcome,
    ReplaceContainer,
    SetAside,
    StartContainer,
)
from calico_agent.model.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    ContainerSpec,
    Mount,
)

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
        """Do it. A failure is the outcome's sentence, never an exception."""
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
            _create(client, spec)
        case StartContainer(id=container):
            client.start(container)
        case ReplaceContainer(id=container, spec=spec):
            # Before anything is stopped: without the image nothing would run at all. (The stubs leave this one out.)
            client.inspect_image(spec.image)  # type: ignore[no-untyped-call]
            with suppress(NotFound):  # somebody removed it: that is what was wanted
                client.stop(container, timeout=_STOP_SECONDS)
                client.remove_container(container, force=True)
            _create(client, spec)
        case SetAside(id=container, new_name=new_name):
            # First of all it must not come back by itself, then it may stop and give its name away.
            # (The stub knows only two of Docker's four policies.)
            client.update_container(container, restart_policy={"Name": "no"})  # type: ignore[arg-type]
            client.stop(container, timeout=_STOP_SECONDS)
            client.rename(container, new_name)


def _create(client: docker.APIClient, spec: ContainerSpec) -> None:
    for mount in spec.mounts:
        _make_source(mount)
    created = client.create_container(
        image=spec.image,
        name=spec.name,
        detach=True,  # else the container is made for somebody who reads its output
        environment=dict(spec.env),
        labels={LABEL_MANAGED_BY: MANAGED_BY, LABEL_SPEC_HASH: spec.hash},
        host_config=client.create_host_config(
            network_mode="host",
            privileged=True,
            restart_policy={"Name": "no"},
            binds=list(_binds(spec.mounts)),
        ),
    )
    client.start(created["Id"])


def _make_source(mount: Mount) -> None:
    """Docker makes a missing source of a bind as a directory, which is wrong for a file."""
    source = Path(mount.source)
    if mount.is_file and not source.exists():
        source.parent.mkdir(parents=True, exist_ok=True)
        source.touch()


def _binds(mounts: tuple[Mount, ...]) -> Iterator[str]:
    for mount in mounts:
        yield f"{mount.source}:{mount.destination}" + (":ro" if mount.read_only else "")


def _explain(refusal: APIError) -> str:
    said = str(refusal.explanation or refusal).strip()
    if refusal.status_code == _CONFLICT:
        return f"Docker refuses because another container is in the way: {said}"
    return f"Docker refuses: {said}"
