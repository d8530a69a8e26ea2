"""One host of a big cluster: a namespace with a real etcd, a real BIRD with a session to every node, the real agent.

The other nodes are BGP speakers in a second namespace that carries all their addresses.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.cluster import ME, NETWORK, BigCluster
from tests.bench.route_writer import write_routes
from tests.bench.speakers import Speakers
from tests.etcd_server import EtcdServer
from tests.netns import NetworkNamespace, network_namespace

LINK = 2
_FAR_END = "02:00:00:00:00:02"
PROGRAM = Path(sys.executable).with_name("calico-agent")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Program:
    """A process of ours, and what it has used."""

    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_mib(self) -> float:
        """Resident memory now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE_KIB / 1024

    def threads(self) -> int:
        """Its threads now."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


@dataclass(frozen=True, slots=True)
class World:
    """The host, and where its parts keep their files."""

    folder: Path
    cluster: BigCluster
    host: NetworkNamespace
    etcd: EtcdServer
    docker: str = ""

    @property
    def socket_path(self) -> str:
        """Where the agent answers."""
        return str(self.folder / "agent.sock")

    def write_routes(self, blocks: Iterable[int] | None = None, *, delete: bool = False) -> None:
        """The right routes to some blocks, or to all, without BIRD."""
        cluster = self.cluster
        chosen = range(cluster.blocks) if blocks is None else blocks
        routes = ((cluster.block(i), cluster.address(cluster.owner(i))) for i in chosen)
        self.host.run(write_routes, routes, LINK, delete=delete)

    def page(self, path: str) -> str:
        """What the agent answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.socket_path)
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        return answer.partition(b"\r\n\r\n")[2].decode()

    def status(self) -> dict[str, Any]:
        """What the agent says now."""
        document: dict[str, Any] = json.loads(self.page("/status"))
        return document

    def metric(self, name: str) -> float:
        """One value of the agent's metrics page."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.page("/metrics"), re.MULTILINE)
        assert found is not None, f"there is no metric {name}"
        return float(found[1])

    @contextmanager
    def agent(self, *, mode: str = "observe", **settings: dict[str, object]) -> Iterator[Program]:
        """The agent, from before its first pass on. `settings` are keys of the configuration by section."""
        file = self.folder / "calico-agent.toml"
        file.write_text(f'mode = "{mode}"\n{_toml(self._settings() | settings)}')
        as_on_a_host = f"PYTHONPATH={self._without_development_tools()}"
        with self._program("agent", "env", as_on_a_host, str(PROGRAM), "run", "--config", str(file)) as program:
            yield program

    def _without_development_tools(self) -> Path:
        """A folder with which Python finds no `rich`, as on a host: structlog loads it where it is (3 MiB)."""
        folder = self.folder / "no-tools"
        folder.mkdir(exist_ok=True)
        (folder / "rich.py").write_text("raise ImportError('only linters need it')\n")
        return folder

    def wait_for_routes(self) -> None:
        """Until the agent finds every route right."""
        self.wait(lambda said: bool(said["routes"] and said["routes"]["present"] == self.cluster.blocks))

    def wait(self, done: Callable[[dict[str, Any]], bool], seconds: float = 120) -> dict[str, Any]:
        """Until what the agent says is so."""
        end = time.monotonic() + seconds
        while True:
            said: dict[str, Any] = {}
            try:
                said = self.status()
            except Exception as error:  # noqa: BLE001 - it is told when the time is over
                said = {"error": repr(error)}
            if "error" not in said and "routes" in said and done(said):
                return said
            log = (self.folder / "agent.log").read_text()[-1500:]
            assert time.monotonic() < end, f"the agent never got there: {json.dumps(said)[:1500]}\n{log}"
            time.sleep(0.2)

    @contextmanager
    def bird(self) -> Iterator[Program]:
        """BIRD, with a session to every other node, by which it learns all routes."""
        file = self.folder / "bird.conf"
        file.write_text(_bird_configuration(self.cluster))
        arguments = ("-d", "-c", str(file), "-s", str(self.folder / "bird.ctl"))
        with network_namespace() as others, self._program("bird", "/usr/sbin/bird", *arguments) as program:
            self.host.ip(f"link set wire0 netns {others.path}")
            addresses = (f"addr add {self.cluster.address(i)}/16 dev wire0" for i in range(self.cluster.nodes))
            others.batch(("link set wire0 up", *addresses))
            speakers = Speakers(self.cluster)
            try:
                others.run(speakers.start)
                yield program
            finally:
                speakers.close()

    @contextmanager
    def _program(self, name: str, *argv: str) -> Iterator[Program]:
        with _running(self.host.command(*argv), self.folder / f"{name}.log") as process:
            yield Program(process)

    def _settings(self) -> dict[str, dict[str, object]]:
        nowhere = str(self.folder / "nobody.sock")
        return {
            "identity": {"name": ME},
            "datastore": {"endpoints": [self.etcd.url]},
            "docker": {"url": self.docker or f"unix://{nowhere}"},
            "agent": {"state_dir": str(self.folder / "state")},
            "bird": {"socket": str(self.folder / "bird.ctl"), "socket6": nowhere},
            "http": {"listen": "", "socket": self.socket_path},
        }


@contextmanager
def big_host(folder: Path, cluster: BigCluster, docker: str = "") -> Iterator[World]:
    """A host with a filled etcd; BIRD and agent are started by whoever needs them. `docker` is an engine's address."""
    folder.mkdir(parents=True, exist_ok=True)
    with network_namespace() as host:
        host.ip(
            f"link add eth0 index {LINK} type veth peer name wire0 index {LINK + 1} address {_FAR_END}",
            "link set eth0 addrgenmode none up",
            "link set wire0 addrgenmode none up",
            f"addr add {NETWORK.network_address + 1}/{NETWORK.prefixlen} dev eth0",
        )
        # By themselves the machine's namespaces together hold a thousand neighbour entries at most.
        neighbours = (cluster.address(i) for i in range(cluster.nodes))
        host.batch(f"neigh add {address} lladdr {_FAR_END} dev eth0 nud permanent" for address in neighbours)
        etcd = EtcdServer(folder / "etcd")
        try:
            host.run(etcd.start)
            host.run(cluster.fill, etcd)
            yield World(folder, cluster, host, etcd, docker)
        finally:
            etcd.kill()


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended at the end, by its pid."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _bird_configuration(cluster: BigCluster) -> str:
    """What Calico's templates make of the mesh, in short; the other side dials.

    BIRD's scan, which puts a deleted route back, is put off: here the fault must be there until it is seen.
    """
    peers = (str(cluster.address(i)) for i in range(cluster.nodes))
    lines = (
        f"router id {NETWORK.network_address + 1};",
        "protocol kernel { learn; persist; scan time 600; import all; export all; graceful restart; merge paths on; }",
        "protocol device { scan time 2; }",
        'protocol direct { interface "*"; }',
        "template bgp calico {",
        f"  local as 64512; source address {NETWORK.network_address + 1}; multihop; gateway recursive; add paths on;",
        "  graceful restart; import all; export none; passive on;",
        "}",
        *(f"protocol bgp Mesh_{peer.replace('.', '_')} from calico {{ neighbor {peer} as 64512; }}" for peer in peers),
    )
    return "".join(f"{line}\n" for line in lines)


def _toml(sections: dict[str, dict[str, object]]) -> str:
    # Strings and lists of strings are written alike in JSON and TOML.
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
        for name, section in sections.items()
    )
