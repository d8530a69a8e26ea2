"""What Docker says, and what calico/node's programs do and write."""

from collections.abc import Iterator
from datetime import UTC, datetime

from calico_agent.config import Config
from calico_agent.diags.bundle import BundlePart
from calico_agent.diags.scrub import scrubbed_environment
from calico_agent.model.container.container import Container
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.log_lines import LogLine
from calico_agent.sources.docker.felix_health import FelixHealthReader
from calico_agent.sources.docker.plain import PlainDocker, read_plain
from calico_agent.sources.docker.program_logs import read_program_logs
from calico_agent.sources.docker.programs import read_processes

_SHOWN_LABELS = ("io.github.calico-agent.", "io.kubernetes.", "org.opencontainers.", "org.label-schema.")


def docker_parts(hostname: str, config: Config) -> Iterator[BundlePart]:
    """The Engine, its networks, calico/node's containers with their logs."""
    found = read_plain(config.docker.url, config.node.container_name, config.docker.timeout_seconds)
    if isinstance(found, Unreadable):
        yield BundlePart(f"{hostname}/docker-inspect.json", trouble=found.reason)
        return
    environments = [str(entry) for one in found.containers for entry in one["Config"].get("Env") or ()]
    yield BundlePart(
        f"{hostname}/docker-inspect.json", document=[_shown(one) for one in found.containers], secrets=environments
    )
    yield BundlePart(f"{hostname}/docker-networks.json", document=found.networks)
    yield BundlePart("docker/version.json", document=found.version)
    yield BundlePart("docker/info.json", document=found.info)
    yield BundlePart("docker/containers.json", document=found.others)
    yield from _logs(hostname, found, config.node.container_name)
    for container in found.docker.containers:
        if container.running and container.name == config.node.container_name:
            yield from _programs(hostname, container)


def _shown(attrs: object) -> object:
    """An inspected container with the environment that may be seen, and with labels that are not people's own."""
    assert isinstance(attrs, dict), "Docker's answer was understood before"
    inner = dict(attrs["Config"])
    inner["Env"] = scrubbed_environment(map(str, inner.get("Env") or ()))
    labels = inner.get("Labels") or {}
    inner["Labels"] = {
        name: value if str(name).startswith(_SHOWN_LABELS) else "(not shown)" for name, value in labels.items()
    }
    return {**attrs, "Config": inner}


def _logs(hostname: str, found: PlainDocker, name: str) -> Iterator[BundlePart]:
    for container in found.docker.containers:
        text = "".join(map(_line, found.logs.get(container.id, ())))
        yield BundlePart(f"{hostname}/container.log" if container.name == name else f"log/{container.name}.txt", text)


def _line(line: LogLine) -> str:
    return f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z {line.text}\n" if line.at else f"{line.text}\n"


def _programs(hostname: str, container: Container) -> Iterator[BundlePart]:
    """Its processes, what Felix says of its health, and the files that its programs log into."""
    processes, now = read_processes(container), datetime.now(UTC)
    if processes is None:
        yield BundlePart(f"{hostname}/ps.txt", trouble="its processes cannot be seen from here")
        return
    rows = (
        f"{one.pid} {one.parent} {max(0, int((now - one.started_at).total_seconds()))} "
        f"{'T' if one.stopped else 'S'} {' '.join(one.arguments) or one.name}\n"
        for one in processes
    )
    yield BundlePart(f"{hostname}/ps.txt", "".join(rows))
    felix = next((one.pid for one in processes if one.name in {"calico-felix", "felix"}), 0)
    health = FelixHealthReader().read(felix) if felix else None
    if health is not None:
        parts = "".join(f"| {one.name} | {one.timeout or '-'} | {one.state} | - |\n" for one in health.hung)
        yield BundlePart(f"{hostname}/felix-health.txt", f"HTTP/1.1 {200 if health.live else 503}\n{parts}")
    for program, lines in read_program_logs(container).items():
        if lines:
            yield BundlePart(f"{hostname}/log/{program}/current", "".join(f"{line.text}\n" for line in lines))
