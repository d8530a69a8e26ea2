"""The way to the Docker Engine of a host that may have none: its SDK is loaded when there is somebody to talk to.

That takes a sixth of a second of computing, for which `status --once` on a host without Docker need not wait.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from calico_agent.model.container.container import Docker
from calico_agent.model.container.engine import Engine
from calico_agent.model.observation import Unreadable

if TYPE_CHECKING:
    from calico_agent.sources.docker.client import DockerReader

_UNIX = "unix://"


class DockerDoor:
    """Reads as `DockerReader` does. Not for several threads."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url = url
        self._timeout = timeout
        self._reader: DockerReader | None = None

    def read(self, container_name: str, *, image: str = "") -> Docker | Unreadable:
        """As of DockerReader."""
        return self._absent() or self._open().read(container_name, image=image)

    def read_engine(self) -> Engine | Unreadable:
        """As of DockerReader."""
        return self._absent() or self._open().read_engine()

    def close(self) -> None:
        """Close the connection; the next read makes a new one."""
        if self._reader is not None:
            self._reader.close()

    def _absent(self) -> Unreadable | None:
        """What DockerReader would say of a socket that is not there."""
        path = self._url.removeprefix(_UNIX)
        if self._reader is None and self._url.startswith(_UNIX):
            try:
                Path(path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return Unreadable("Docker", f"there is no socket {path}: dockerd does not run here", "absent")
            except OSError:
                return None  # the reader tells what it is
        return None

    def _open(self) -> "DockerReader":
        if self._reader is None:
            from calico_agent.sources.docker.client import DockerReader  # noqa: PLC0415 - see above

            self._reader = DockerReader(self._url, self._timeout)
        return self._reader
