"""What calico-agent would say about a recorded host: `python -m tests.replay CAPTURE HOST [--json]`.

CAPTURE is a directory with `etcd.jsonl` (one key a line) and a directory for each host: `bird.txt`, `bird6.txt` (raw
replies of the control socket), `ip-addr.json`, `ip-route.json`, `ip-rule.txt`, `docker-inspect.json`,
`docker-networks.json`, `container.log`, `nodename`. A file that is missing or garbled makes its source unreadable, as
it would be live. Nothing outside the directory is looked at: the time is the recording's, and the host is called like
its directory.

Exit code: 0 all good, 1 something is wrong, 2 usage.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from calico_agent import __version__
from calico_agent.decode.bird import COMMANDS, RIB_COMMAND, decode_bird
from calico_agent.decode.container import decode_container, decode_network, is_calico_node
from calico_agent.decode.errors import Malformed
from calico_agent.decode.etcd import decode_datastore
from calico_agent.decode.node_datastore import datastore_settings
from calico_agent.identify.host import identify_host
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Bird
from calico_agent.model.container import Docker
from calico_agent.model.finding import Assessment
from calico_agent.model.host import Host
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Block, Datastore
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import Report
from calico_agent.model.settings import IdentitySettings, Mode
from calico_agent.report.as_json import render_json
from calico_agent.report.as_text import render_status
from calico_agent.report.timeline import History, advance
from calico_agent.verify.assessment import assess
from calico_agent.verify.local import node_container
from tests.replay_kernel import kernel_from

CONTAINER = "calico-node"
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, Malformed)
_ERRORS = {"[Errno 2]": "absent", "[Errno 11]": "timeout", "timed out": "timeout", "[Errno 111]": "refused"}
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_capture(capture: Path, host: str) -> Observation:
    """One host of a recording."""
    folder = capture / host
    docker = _docker(folder)
    at = _recorded_at(folder, docker)
    datastore = _datastore(capture / "etcd.jsonl", at)
    bird6 = folder / "bird6.txt"
    return Observation(
        at=at,
        host=_host(folder, host),
        kernel=_kernel(folder, (*endpoints(docker), *_registered(datastore))),
        docker=docker,
        datastore=datastore,
        bird=_bird(folder / "bird.txt", Family.IPV4),
        bird6=_bird(bird6, Family.IPV6) if bird6.exists() or _uses_ipv6(docker) else None,
        held=frozenset(address for block in _blocks(datastore) for address in block.held_by(host)),
    )


def assess_capture(capture: Path, host: str) -> Assessment:
    """The pure stages, one after the other."""
    observation = read_capture(capture, host)
    identity = identify_host(
        observation.host,
        observation.kernel,
        observation.docker,
        observation.datastore,
        IdentitySettings(),
        endpoints(observation.docker),
    )
    return assess(observation, identity, mode=Mode.OBSERVE, container_name=CONTAINER)


def report_capture(capture: Path, host: str) -> Report:
    """The report that `status` would show, with everything confirmed."""
    observation, assessment = read_capture(capture, host), assess_capture(capture, host)
    _, conditions, problems = advance(History(), assessment, observation.at, timedelta(0))
    datastore = observation.datastore if isinstance(observation.datastore, Datastore) else None
    return Report(
        at=observation.at,
        started_at=observation.at,
        version=__version__,
        mode=Mode.OBSERVE,
        hostname=host,
        identity=assessment.identity,
        conditions=conditions,
        problems=problems,
        sessions=assessment.sessions,
        routes=assessment.routes,
        container=node_container(observation.docker, CONTAINER),
        unreadable=observation.unreadable(),
        datastore_origin="recording",
        datastore_revision=datastore.revision if datastore else 0,
        datastore_read_at=datastore.read_at if datastore else None,
        nodes=len(datastore.nodes) if datastore else 0,
    )


def endpoints(docker: Docker | Unreadable) -> tuple[IPAddress, ...]:
    """The addresses of the datastore that the recorded container was given; names are not resolved."""
    container = node_container(docker, CONTAINER)
    settings = datastore_settings(container) if container else None
    if settings is None or isinstance(settings, Unreadable):
        return ()
    return tuple(_literal_addresses(settings.endpoints))


def _literal_addresses(urls: tuple[str, ...]) -> Iterator[IPAddress]:
    for url in urls:
        try:
            yield ip_address(urlsplit(url).hostname or "")
        except ValueError:
            continue


def _blocks(datastore: Datastore | Unreadable) -> tuple[Block, ...]:
    return () if isinstance(datastore, Unreadable) else datastore.blocks


def _registered(datastore: Datastore | Unreadable) -> Iterator[IPAddress]:
    if isinstance(datastore, Datastore):
        for node in datastore.nodes:
            yield from (address.ip for address in (node.ipv4, node.ipv6) if address is not None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def _json(path: Path) -> Any:
    """The content of a JSON file. Raises ValueError when there is none."""
    text = _text(path)
    if text is None:
        raise ValueError(f"{path.name} is missing")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error


def _host(folder: Path, name: str) -> Host | Unreadable:
    if not folder.is_dir():
        return Unreadable("host", f"there is no directory {name}", "absent")
    return Host(hostname=name, nodename_file=_text(folder / "nodename"))


def _kernel(folder: Path, destinations: tuple[IPAddress, ...]) -> Kernel | Unreadable:
    try:
        rules = _text(folder / "ip-rule.txt") or ""
        return kernel_from(_json(folder / "ip-addr.json"), _json(folder / "ip-route.json"), destinations, rules)
    except _GARBLED as error:
        return Unreadable("kernel", f"the recording cannot be read: {error!r}", "malformed")


def _docker(folder: Path) -> Docker | Unreadable:
    log = tuple((_text(folder / "container.log") or "").splitlines())
    try:
        networks = tuple(map(decode_network, _json(folder / "docker-networks.json")))
        containers = tuple(decode_container(attrs, log) for attrs in _json(folder / "docker-inspect.json"))
    except _GARBLED as error:
        return Unreadable("Docker", f"the recording cannot be read: {error!r}", "malformed")
    return Docker(networks=networks, containers=tuple(filter(is_calico_node, containers)))


def _datastore(path: Path, at: datetime) -> Datastore | Unreadable:
    text = _text(path)
    if text is None:
        return Unreadable("etcd", f"{path.name} is missing", "absent")
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        items = [(str(row["key"]), _stored(row["value"])) for row in rows]
        revision = max((int(row.get("mod_revision", 0)) for row in rows), default=0)
    except _GARBLED as error:
        return Unreadable("etcd", f"{path.name} cannot be read: {error!r}", "malformed")
    return decode_datastore(items, revision=revision, read_at=at)


def _stored(value: Any) -> bytes:
    """The bytes etcd held: a value that is no JSON is recorded as text."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _bird(path: Path, family: Family) -> Bird | Unreadable:
    text = _text(path)
    source = "BIRD" if family is Family.IPV4 else "BIRD for IPv6"
    if text is None:
        return Unreadable(source, f"{path.name} is missing", "absent")
    replies = dict(_replies(text))
    for command in COMMANDS:
        reply = replies.get(command, "")
        if reply.startswith("# error:"):
            reason = reply.removeprefix("# error:").strip()
            code = next((code for mark, code in _ERRORS.items() if mark in reason), "malformed")
            return Unreadable(source, reason, code)
    wanted = {command: reply for command, reply in replies.items() if command in COMMANDS}
    if not replies.get(RIB_COMMAND, "# error:").startswith("# error:"):
        wanted[RIB_COMMAND] = replies[RIB_COMMAND]
    try:
        return decode_bird(family, wanted)
    except Malformed as error:
        return Unreadable(source, str(error), "malformed")


def _replies(text: str) -> Iterator[tuple[str, str]]:
    """Each command with its reply; `# greeting` lines and the greeting below them belong to none."""
    for part in text.split("# > ")[1:]:
        command, _, reply = part.partition("\n")
        yield command.strip(), reply.partition("# greeting")[0]


def _uses_ipv6(docker: Docker | Unreadable) -> bool:
    container = node_container(docker, CONTAINER)
    return container is not None and container.env_value("IP6") not in {"", "none"}


def _recorded_at(folder: Path, docker: Docker | Unreadable) -> datetime:
    """BIRD's own clock; where BIRD says nothing, a while after the container last changed."""
    for line in (_text(folder / "bird.txt") or "").splitlines():
        if "Current server time is " in line:
            try:
                return datetime.fromisoformat(line.partition(" is ")[2].strip()).replace(tzinfo=UTC)
            except ValueError:
                break
    container = node_container(docker, CONTAINER)
    times = (container.started_at, container.finished_at) if container else ()
    return max((time for time in times if time is not None), default=_SOME_DAY) + timedelta(minutes=1)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("capture", type=Path, help="directory with etcd.jsonl and one directory for each host")
    parser.add_argument("host", help="name of a host's directory in it")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    chosen = parser.parse_args(arguments)
    if not (chosen.capture / chosen.host).is_dir():
        parser.error(f"{chosen.capture} has no directory {chosen.host}")
    report = report_capture(chosen.capture, chosen.host)
    print(json.dumps(render_json(report), indent=2) if chosen.json else render_status(report, report.at))
    return 0 if report.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
