"""What Docker answers of a host: `docker network inspect`, `docker inspect calico-node`, and the processes in it."""

from collections.abc import Iterator
from typing import Any

from tests.worlds.model.confd import Configured
from tests.worlds.model.kernel import holder
from tests.worlds.model.settle import Settled, speaks
from tests.worlds.model.startup import first_found, lacks_tunnel, node_name
from tests.worlds.model.values import ETCD, Host, IPAddress, World

_PROGRAMS = ("felix", "bird", "bird6", "confd")
_MOUNTS = ("/lib/modules", "/var/run/calico", "/var/log/calico")


def networks(host: Host) -> list[dict[str, Any]]:
    """All networks of the host."""
    found = [
        _network(one.name, one.bridge, str(one.subnet), str(one.subnet.network_address + 1)) for one in host.docker
    ]
    others = [
        {"Name": name, "Id": "c4" * 32, "Driver": driver} for name, driver in (("host", "host"), ("none", "null"))
    ]
    return [*found, *others]


def container(world: World, host: Host) -> list[dict[str, Any]]:
    """calico/node as it was started, and one beside it where there is one."""
    if host.trouble.container == "absent":
        return []
    first = _calico_node(world, host)
    second = host.trouble.second
    return [first, {**first, "Id": "2f" * 32, "Name": f"/{second}"}] if second else [first]


def _calico_node(world: World, host: Host) -> dict[str, Any]:
    mounts = (*_MOUNTS, *(() if world.release.v2 else ("/var/lib/calico",)))
    exited = "calico" in host.stopped
    store = {"ETCD_ENDPOINTS": "http://10.255.0.1:2379"} if world.store == ETCD else {"DATASTORE_TYPE": "kubernetes"}
    env = {**store, "CALICO_NETWORKING_BACKEND": "bird", **dict(host.env)}
    state = {
        "Status": host.trouble.container or ("exited" if exited else "running"),
        "Pid": 0 if exited else 1000,
        "ExitCode": 1 if exited else 0,
        "StartedAt": "2026-11-23T00:31:27Z",
        "FinishedAt": "2026-11-23T00:31:30Z" if exited else "0001-01-01T00:00:00Z",
    }
    return {
        "Id": "cf" * 32,
        "Name": "/calico-node",
        "Path": "start_runit",
        "Args": [],
        "Image": "sha256:e4",
        "State": state,
        "Config": {
            "Image": f"calico/node:{world.release.version}",
            "Env": [f"{key}={value}" for key, value in env.items()],
            "Labels": _labels(world, host),
        },
        "HostConfig": {"NetworkMode": "host", "Privileged": True, "RestartPolicy": {"Name": "no"}},
        "Mounts": [{"Source": one, "Destination": one, "RW": one != "/lib/modules"} for one in mounts],
    }


def _labels(world: World, host: Host) -> dict[str, str]:
    """What a kubelet writes on the containers of its pods."""
    if world.store == ETCD:
        return {}
    said = {"pod.name": f"calico-node-{host.machine}", "pod.namespace": "kube-system", "container.name": "calico-node"}
    return {f"io.kubernetes.{name}": one for name, one in said.items()}


def processes(host: Host) -> list[tuple[int, int, str, tuple[str, ...]]]:
    """Process id, parent, name and arguments of each in the container."""
    if "calico" in host.stopped or host.trouble.container:
        return []
    found: list[tuple[int, int, str, tuple[str, ...]]] = [
        (1000, 1, "runsvdir", ("/sbin/runsvdir", "-P", "/etc/service/enabled"))
    ]
    for number, name in enumerate(_PROGRAMS):
        found.append((1010 + number, 1000, "runsv", ("runsv", name)))
        if name not in host.stopped:
            found.append((1020 + number, 1010 + number, name, (name,)))
    return found


def log(settled: Settled, hostname: str) -> list[str]:
    """The end of its log, with Docker's times."""
    lines = ["2026-11-23T00:31:28.000000000Z Skipping datastore connection test"]
    host = settled.world.host(hostname)
    if "calico" in host.stopped:
        refused = _refusal(settled, host) or ["Calico node started successfully"]
        return [*lines, *(f"2026-11-23T00:31:29.000000000Z {one}" for one in refused)]
    lines.append("2026-11-23T00:31:29.000000000Z Calico node started successfully")
    strangers = list(knocking(settled, hostname))
    for seconds in range(0, 60, 5) if strangers else ():
        at = f"2026-11-27T11:59:{seconds:02d}.000000000Z"
        lines += [
            f"{at} bird: BGP: Unexpected connect from unknown address {one} (port 55{seconds:02d})" for one in strangers
        ]
    return lines


def knocking(settled: Settled, hostname: str) -> Iterator[str]:
    """The addresses from which other BIRDs dial a host whose BIRD has no session with them."""
    if not speaks(settled.world.host(hostname), 4):
        return
    known = {one.configured.peer for version in (4, 6) for one in settled.sessions.get((hostname, version), ())}
    for (other, _), sessions in settled.sessions.items():
        for one in sessions:
            dials = one.info not in {"Established", "Passive", "Idle"} and other != hostname
            bound = holder(settled.machines[other].devices, one.configured.own) is not None
            if dials and bound and settled.network.send(other, one.configured.peer).host == hostname:
                source = _seen_as(settled, other, one.configured)
                if source is not None and source not in known:
                    yield str(source)


def _seen_as(settled: Settled, hostname: str, one: Configured) -> IPAddress | None:
    """The source address with which packets arrive: Docker rewrites those of its networks that leave the host."""
    machine = settled.machines[hostname]
    if machine.host.trouble.rewritten:
        wires = (network for wire in settled.world.segments for network in wire.networks)
        return next((network.network_address + 1 for network in wires if one.peer in network), one.own)
    if one.unbound or any(one.own in network.subnet for network in machine.host.docker):
        return machine.way(one.peer)[1]
    return one.own


def _refusal(settled: Settled, host: Host) -> list[str]:
    """What start-up says where another node has the address, or IPAM has none for a tunnel."""
    given = host.given("IP").partition("/")[0]
    if given == "autodetect":
        given = str(found.ip) if (found := first_found(settled.world, host, 4)) else ""
    for node in settled.world.nodes:
        if node.ipv4 is not None and str(node.ipv4.ip) == given and node.name != node_name(settled.world, host):
            end = ":" if settled.world.release.v2 else "."
            return [
                f"Calico node '{node.name}' is already using the IPv4 address {given}{end}",
                "Calico node failed to start",
            ]
    if lacks_tunnel(settled.world, node_name(settled.world, host)):
        why = "Assigned 0 out of 1 requested IPv4 addresses; No more free affine blocks and strict affinity enabled"
        fatal = "2026-11-23 00:31:29.159 [FATAL][48] tunnel-ip-allocator/allocateip.go 446: "
        return [f"{fatal}Unable to autoassign an IPv4 address error={why}", "Calico node failed to start"]
    return []


def _network(name: str, bridge: str, subnet: str, gateway: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Id": bridge.removeprefix("br-").ljust(64, "0"),
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": subnet, "Gateway": gateway}]},
        "Options": {"com.docker.network.bridge.name": bridge} if bridge == "docker0" else {},
    }
