"""What asking the daemon costs in a cluster of 1,000 nodes while passes run, and what slow clients cost the daemon."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.tls_clients import TOKEN, make_authorities
from tests.bench.cluster import BigCluster
from tests.bench.entry import Entry
from tests.bench.world import Program, World, big_host
from tests.patience import until

_NODES = 1000
_PORT = 9197
_QUESTIONS, _PAUSE = 300, 0.02
_CHANGE_SECONDS = 0.1
_SLOW_SECONDS = 20


def measure(folder: Path) -> Iterator[Entry]:
    """One daemon with TLS and a session with each node."""
    made = make_authorities(folder)
    (folder / "token").write_text(TOKEN)
    http: dict[str, object] = {
        "listen": f"127.0.0.1:{_PORT}",
        "cert_file": str(made.server.cert),
        "key_file": str(made.server.key),
        "token_file": str(folder / "token"),
    }
    with (
        big_host(folder / "host", BigCluster(_NODES, _NODES)) as world,
        world.bird(),
        world.agent(http=http | {"socket": world.socket_path}) as agent,
    ):
        world.wait_for_routes()
        for path, name in (("/metrics", "metrics"), ("/status", "status"), ("/", "page")):
            yield from _asked(world, path, name)
        yield from _besieged(world, agent, made.ours.cert)


@contextmanager
def _passes(world: World) -> Iterator[None]:
    """A route goes and comes ten times a second, so that one pass follows the other."""
    ended = threading.Event()

    def change() -> None:
        while not ended.wait(_CHANGE_SECONDS):
            world.write_routes([0], delete=True)
            world.write_routes([0])

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _asked(world: World, path: str, name: str) -> Iterator[Entry]:
    with _passes(world):
        before = _number_of_passes(world)
        seconds = _timed(lambda: world.page(path), _QUESTIONS)
        passes = _number_of_passes(world) - before
    how = (
        f"{_QUESTIONS} questions for {path} on the unix socket at {_NODES} nodes with as many BGP sessions, while "
        f"{passes:.0f} passes ran"
    )
    yield Entry(f"{name}_p50", seconds[_QUESTIONS // 2] * 1000, "ms", 20, f"{how}: the median")
    yield Entry(f"{name}_p99", seconds[int(0.99 * _QUESTIONS)] * 1000, "ms", 20, how)


def _timed(ask: Callable[[], object], times: int) -> list[float]:
    """How long each took (s), the shortest first."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begun)
        time.sleep(_PAUSE)
    return sorted(taken)


def _besieged(world: World, agent: Program, authority: Path) -> Iterator[Entry]:
    """Passes, memory and a scraper without and with a thousand clients that are slow with TLS."""
    client = ssl.create_default_context(cafile=str(authority))

    def scrape() -> None:
        world.host.run(_scrape, client)

    with _passes(world):
        scrape()
        free, alone = _pass_seconds(world), _timed(scrape, 50)
        memory = agent.rss_mib()
        program = world.host.command(sys.executable, "-m", "tests.api.slow_tls", str(_PORT), str(authority))
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            assert clients.stdout is not None
            assert clients.stdout.readline() == "all there\n"
            besieged, among = _pass_seconds(world), _timed(scrape, 50)
            grown = agent.rss_mib() - memory
            clients.communicate("enough")
    how = f"{_SLOW_SECONDS} s with 1000 clients that say nothing, begin a handshake or a request, and come again"
    said = f"{how}: a pass takes {besieged * 1000:.1f} ms, and {free * 1000:.1f} ms without them"
    yield Entry("slow_tls_passes", besieged / free, "x a pass without", 1.5, said)
    yield Entry("slow_tls_memory", grown, "MiB more", 10, how)
    said = f"{how}: the slowest of 50 scrapes over TLS; without them {alone[-1] * 1000:.0f} ms"
    yield Entry("slow_tls_scrape", among[-1] * 1000, "ms", 1000, said)


def _scrape(client: ssl.SSLContext) -> None:
    with client.wrap_socket(
        socket.create_connection(("127.0.0.1", _PORT), timeout=20), server_hostname="localhost"
    ) as connection:
        connection.sendall(f"GET /metrics HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert b"".join(iter(lambda: connection.recv(1 << 16), b"")).startswith(b"HTTP/1.0 200 ")


def _pass_seconds(world: World) -> float:
    """How long passes take now, on average (s)."""
    number, seconds = _number_of_passes(world), world.metric("calico_agent_pass_duration_seconds_sum")
    time.sleep(_SLOW_SECONDS)
    until("a pass has ended", lambda: _number_of_passes(world) > number)
    return (world.metric("calico_agent_pass_duration_seconds_sum") - seconds) / (_number_of_passes(world) - number)


def _number_of_passes(world: World) -> float:
    return world.metric("calico_agent_pass_duration_seconds_count")
