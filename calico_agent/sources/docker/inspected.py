"""One container of the Docker Engine, by name, whatever it is: what `docker inspect` says of it and of its image."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.docker.errors import DOCKER_ERRORS, why_unreadable


@dataclass(frozen=True, slots=True)
class Inspected:
    """`image` is None where it was removed and the container is left. `log_driver`, `runtime` are the daemon's."""

    container: Mapping[str, Any]
    image: Mapping[str, Any] | None
    log_driver: str
    runtime: str


def inspect_container(url: str, name: str, timeout: float) -> Inspected | Unreadable:
    """Within the timeout as a whole. The codes of Unreadable are DockerReader's, and `none` where there is none."""
    with closing(_Inspector(url, timeout)) as reader:
        return reader.inspect(name)


class _Inspector(DockerReader):
    """The same door to the Engine."""

    def inspect(self, name: str) -> Inspected | Unreadable:
        self._deadline = time.monotonic() + self._timeout
        try:
            container = self._ask().inspect_container(name)
            image, daemon = self._image(str(container["Image"])), self._ask().info()
            return Inspected(
                container, image, str(daemon["LoggingDriver"]), str(daemon.get("DefaultRuntime") or "runc")
            )
        except NotFound:
            return Unreadable("Docker", "there is no such container", "none")
        except DOCKER_ERRORS as error:
            return why_unreadable(self._url, self._timeout, error)

    def _image(self, identity: str) -> Mapping[str, Any] | None:
        try:
            # The stubs leave this one out.
            attrs: dict[str, Any] = self._ask().inspect_image(identity)  # type: ignore[no-untyped-call]
        except NotFound:
            return None
        return attrs
