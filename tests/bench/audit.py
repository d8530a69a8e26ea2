"""The audit of a table of 50,000 routes against what others need to read it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_interface
from pathlib import Path
from statistics import median

from calico_agent.checks.routes.check import RouteCheck, check_routes
from calico_agent.expected.routes import expect
from calico_agent.expected.view import View, view_of
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, NameChoice
from calico_agent.model.last_value_cache import caches_in_use
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.kernel.decode.fib import Learned
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket
from calico_agent.sources.kernel.routes import dump_routes
from calico_agent.sources.kernel.uapi import NLMSGHDR
from tests.bench.cluster import ME, NETWORK, BigCluster
from tests.bench.entry import Entry
from tests.bench.route_writer import write_routes
from tests.netns import network_namespace

_CLUSTER = BigCluster(nodes=1000, blocks=50_000)
_ROUNDS = 15
_LINKS = {1: "lo", 2: "eth0", 3: "wire0"}
# A table that is as it was is not decoded again. So that no run profits from that, this route comes and goes: it lies
# outside the pool, and in front of all others, so that every datagram of the dump is another one.
_OTHER = (IPv4Network("11.0.0.0/26"), _CLUSTER.address(0))
_GET_ROUTE, _DONE = 26, 3
_IPV4_DUMP = bytes((2, *bytes(11)))


def measure(_folder: Path) -> Iterator[Entry]:
    """Alternately: our audit, `ip route show`, and the bytes of the kernel's dump alone."""
    with network_namespace() as host:
        host.ip(
            "link add eth0 index 2 type veth peer name wire0 index 3",
            "link set eth0 addrgenmode none up",
            "link set wire0 addrgenmode none up",
            f"addr add {NETWORK.network_address + 1}/{NETWORK.prefixlen} dev eth0",
        )
        routes = ((_CLUSTER.block(i), _CLUSTER.address(_CLUSTER.owner(i))) for i in range(_CLUSTER.blocks))
        host.run(write_routes, routes, 2)
        ours, ip, raw = host.run(_alternate)
    how = (
        f"medians of {_ROUNDS} alternating runs, {_CLUSTER.blocks} routes over {_CLUSTER.nodes} next hops and one in "
        "front of them that comes and goes, so that no round finds the table of the round before"
    )
    audit = f"dump, decode and compare {ours * 1000:.1f} ms, expectation and paths known from the run before"
    yield Entry("audit_vs_ip_route_show", ours / ip, "x ip route show", 0.8, f"{how}: {audit}; ip {ip * 1000:.1f} ms")
    yield Entry(
        "audit_vs_raw_dump",
        ours / raw,
        "x raw kernel dump",
        6.0,
        f"{how}: {audit}; taking the kernel's datagrams and looking at nothing {raw * 1000:.1f} ms",
    )


@caches_in_use()
def _alternate() -> tuple[float, float, float]:
    learned, view = Learned(), _view()
    assert view.cluster is not None
    expectation = expect(view.cluster, view.local)

    def audit() -> None:
        kernel = Kernel(fib=dump_routes(_LINKS, learned=learned))
        check = check_routes(view, kernel, expectation)
        assert _all_right(check), check.counts

    def show() -> None:
        subprocess.run(("ip", "route", "show"), stdout=subprocess.DEVNULL, check=True)

    times: dict[Callable[[], None], list[float]] = {audit: [], show: [], _raw_dump: []}
    for number in range(_ROUNDS + 1):
        write_routes([_OTHER], 2, delete=number % 2 == 1)
        for run, seconds in times.items():
            begun = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begun)
    ours, ip, raw = (median(seconds[1:]) for seconds in times.values())
    return ours, ip, raw


def _all_right(check: RouteCheck) -> bool:
    return check.counts.present == check.counts.expected == _CLUSTER.blocks and not check.findings


def _raw_dump() -> None:
    with NetlinkSocket() as netlink:
        for datagram in netlink.dump(_GET_ROUTE, _IPV4_DUMP):
            if NLMSGHDR.unpack_from(datagram)[1] == _DONE:
                return


def _view() -> View:
    """Everything a pass knows beside the routes."""
    own = ip_interface(f"{NETWORK.network_address + 1}/{NETWORK.prefixlen}")
    nobody = Unreadable("Docker", "not used")
    at = datetime.now(UTC)
    identity = Identity(
        NameChoice(ME, "configuration"),
        AddressChoice(Family.IPV4, chosen=own, candidates=(Candidate(own, "eth0"),)),
        AddressChoice(Family.IPV6, wanted=False),
    )
    records = ((key, json.dumps(value).encode()) for key, value in _CLUSTER.records())
    datastore = decode_datastore(records, revision=1, read_at=at)
    observation = Observation(at, Host("host"), Kernel(), nobody, datastore, nobody)
    return view_of(observation, identity, mode=Mode.OBSERVE, container_name="calico-node")
