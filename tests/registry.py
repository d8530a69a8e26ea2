"""A real registry (Debian's docker-registry) beside a real Docker Engine: on loopback, in the engine's own namespaces.

Docker speaks plain HTTP to a registry on loopback. The registry ends with the engine's process 1.
"""

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docker_engine import IMAGE
from tests.lab.engine import Engine
from tests.patience import until

USER, PASSWORD = "puller", "correct horse"  # the hash below is of this password
_HTPASSWD = f"{USER}:$2b$04$s8CjJ37BGYdllXVf0jGe3uPGsq.NwhAsPY7issJobyfgPNswvJRXO\n"


@dataclass(frozen=True, slots=True)
class Registry:
    """One that answers, at `address` as seen from its engine."""

    engine: Engine
    address: str

    def push(self, name: str, *, megabytes: int = 0, image: str = IMAGE) -> str:
        """Give it `image` under a name, with a layer of so many random megabytes; the reference to pull it.

        The engine itself does not have the image afterwards.
        """
        reference = f"{self.address}/{name}"
        if megabytes:
            fill = f"SCRIPT=head -c {megabytes}000000 /dev/urandom > /filling; exit 0"
            self.engine.docker("run", "--name=filled", f"--env={fill}", image)
            self.engine.docker("commit", "--change=ENV SCRIPT=", "filled", reference)
            self.engine.docker("rm", "filled")
        else:
            self.engine.docker("tag", image, reference)
        self.engine.docker("push", reference)
        self.engine.docker("rmi", reference)
        return reference

    def digest(self, reference: str) -> str:
        """The same image by its digest, as the registry has it."""
        self.engine.docker("pull", reference)
        shown = self.engine.docker("image", "inspect", "--format={{json .RepoDigests}}", reference).stdout
        self.engine.docker("rmi", reference)
        repository = reference.rpartition(":")[0]
        digests: list[str] = json.loads(shown)
        return next(found for found in digests if found.startswith(f"{repository}@"))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections and answers nothing (SIGSTOP)."""
        pids = self._pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)

    def _pids(self) -> list[int]:
        port = self.address.rpartition(":")[2]
        found = [one.pid for one in self.engine.host.processes() if any(f"registry-{port}" in arg for arg in one.argv)]
        assert found, "no registry runs"
        return found


@contextmanager
def docker_registry(engine: Engine, directory: Path, port: int = 5000, *, password: bool = False) -> Iterator[Registry]:
    """A registry that answers; it asks for USER and PASSWORD when `password`."""
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / f"registry-{port}.yml"
    (directory / "htpasswd").write_text(_HTPASSWD)
    access = f"auth: {{htpasswd: {{realm: test, path: {directory}/htpasswd}}}}\n" if password else ""
    configuration.write_text(
        "version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/store-{port}}}}}\n"
        f'http: {{addr: "127.0.0.1:{port}"}}\n{access}'
    )
    log = directory / f"registry-{port}.log"
    engine.host.spawn("docker-registry", "serve", str(configuration), log=log)
    registry = Registry(engine, f"127.0.0.1:{port}")
    knock = ("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}")
    until("it answers", lambda: engine.host.run(*knock, check=False).returncode == 0, log.read_text)
    try:
        yield registry
    finally:
        registry.stop()


def credentials(file: Path, address: str, password: str = PASSWORD) -> Path:
    """A file as `docker login` writes it."""
    login = base64.b64encode(f"{USER}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {address: {"auth": login}}}))
    return file
