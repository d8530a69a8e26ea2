"""One host of a recording as the observation that an agent would have made there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from calico_agent.expected.local_node import node_container
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.docker.decode.calico_node import is_calico_node
from calico_agent.sources.docker.decode.container import decode_container, decode_network
from calico_agent.sources.docker.decode.log_lines import log_lines
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from tests.replay.birds import read_bird, server_time
from tests.replay.datastore import read_datastore, read_endpoints
from tests.replay.files import GARBLED, json_content, text
from tests.replay.kernel import kernel_from
from tests.replay.programs import with_programs

CONTAINER = "calico-node"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_capture(capture: Path, host: str, container: str = CONTAINER) -> Observation:
    """One host of a recording. `container` is the configured name of its calico/node.

    Its `pods` are the records of all nodes' pods: who judges it takes of them what an agent would have asked for.
    """
    folder = capture / host
    docker = _docker(folder)
    at = _recorded_at(folder, docker, container)
    docker = with_programs(docker, folder, at)
    datastore = read_datastore(capture, at)
    bird6 = folder / "bird6.txt"
    return Observation(
        at=at,
        host=_host(folder, host),
        kernel=_kernel(folder, (*endpoints(docker, container), *_registered(datastore))),
        docker=docker,
        datastore=datastore,
        bird=read_bird(folder / "bird.txt", Family.IPV4),
        bird6=read_bird(bird6, Family.IPV6) if bird6.exists() or _uses_ipv6(docker, container) else None,
        pods=read_endpoints(capture),
    )


def settings_of(docker: Docker | Unreadable, container: str = CONTAINER) -> DatastoreSettings | None:
    """The datastore that the recorded container was given."""
    found = node_container(docker, container)
    settings = datastore_settings(found) if found else None
    return None if isinstance(settings, Unreadable) else settings


def endpoints(docker: Docker | Unreadable, container: str = CONTAINER) -> tuple[IPAddress, ...]:
    """The addresses of the datastore that the recorded container was given; names are not resolved."""
    settings = settings_of(docker, container)
    return tuple(_literal_addresses(settings.endpoints)) if settings is not None else ()


def _literal_addresses(urls: tuple[str, ...]) -> Iterator[IPAddress]:
    for url in urls:
        try:
            yield ip_address(urlsplit(url).hostname or "")
        except ValueError:
            continue


def _registered(datastore: Datastore | Unreadable) -> Iterator[IPAddress]:
    if isinstance(datastore, Datastore):
        for node in datastore.nodes:
            yield from (address.ip for address in (node.ipv4, node.ipv6) if address is not None)


def _host(folder: Path, name: str) -> Host | Unreadable:
    if not folder.is_dir():
        return Unreadable("host", f"there is no directory {name}", "absent")
    told = text(folder / "host.json")  # of a bundle
    return Host(hostname=name, nodename_file=text(folder / "nodename"), **(json.loads(told) if told else {}))


def _kernel(folder: Path, destinations: tuple[IPAddress, ...]) -> Kernel | Unreadable:
    try:
        return kernel_from(
            json_content(folder / "ip-addr.json"),
            json_content(folder / "ip-route.json"),
            destinations,
            rules={
                Family.IPV4: text(folder / "ip-rule.txt") or "",
                Family.IPV6: text(folder / "ip6-rule.txt") or "",
            },
            neighbours=text(folder / "neigh.txt"),
            forwarding=text(folder / "fdb.txt"),
        )
    except GARBLED as error:
        return Unreadable("kernel", f"the recording cannot be read: {error!r}", "malformed")


def _docker(folder: Path) -> Docker | Unreadable:
    log = log_lines((text(folder / "container.log") or "").splitlines())
    try:
        networks = tuple(map(decode_network, json_content(folder / "docker-networks.json")))
        containers = tuple(decode_container(attrs, log) for attrs in json_content(folder / "docker-inspect.json"))
    except GARBLED as error:
        return Unreadable("Docker", f"the recording cannot be read: {error!r}", "malformed")
    return Docker(networks=networks, containers=tuple(filter(is_calico_node, containers)))


def _uses_ipv6(docker: Docker | Unreadable, container: str) -> bool:
    found = node_container(docker, container)
    return found is not None and found.env_value("IP6") not in {"", "none"}


def _recorded_at(folder: Path, docker: Docker | Unreadable, container: str) -> datetime:
    """BIRD's own clock; where BIRD says nothing, a while after the container last changed."""
    if (told := server_time(folder / "bird.txt")) is not None:
        return told
    found = node_container(docker, container)
    times = (found.started_at, found.finished_at) if found else ()
    return max((time for time in times if time is not None), default=_SOME_DAY) + timedelta(minutes=1)
