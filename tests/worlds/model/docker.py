"""What Docker answers of a host: `docker network inspect`, `docker inspect calico-node`, and the processes in it."""

from typing import Any

from tests.worlds.model.settle import Settled
from tests.worlds.model.values import Host, World

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
    """calico/node as it was started."""
    mounts = (*_MOUNTS, *(() if world.release.v2 else ("/var/lib/calico",)))
    exited = "calico" in host.stopped
    env = {"ETCD_ENDPOINTS": "http://10.255.0.1:2379", "CALICO_NETWORKING_BACKEND": "bird", **dict(host.env)}
    state = {
        "Status": "exited" if exited else "running",
        "Pid": 0 if exited else 1000,
        "ExitCode": 1 if exited else 0,
        "StartedAt": "2026-11-23T00:31:27Z",
        "FinishedAt": "2026-11-23T00:31:30Z" if exited else "0001-01-01T00:00:00Z",
    }
    found = {
        "Id": "cf" * 32,
        "Name": "/calico-node",
        "Path": "start_runit",
        "Args": [],
        "Image": "sha256:e4",
        "State": state,
        "Config": {
            "Image": f"calico/node:{world.release.version}",
            "Env": [f"{key}={value}" for key, value in env.items()],
            "Labels": {},
        },
        "HostConfig": {"NetworkMode": "host", "Privileged": True, "RestartPolicy": {"Name": "no"}},
        "Mounts": [{"Source": one, "Destination": one, "RW": one != "/lib/modules"} for one in mounts],
    }
    return [found]


def processes(host: Host) -> list[tuple[int, int, str, tuple[str, ...]]]:
    """Process id, parent, name and arguments of each in the container."""
    if "calico" in host.stopped:
        return []
    found: list[tuple[int, int, str, tuple[str, ...]]] = [
        (1000, 1, "runsvdir", ("/sbin/runsvdir", "-P", "/etc/service/enabled"))
    ]
    for number, name in enumerate(_PROGRAMS):
        found.append((1010 + number, 1000, "runsv", ("runsv", name)))
        if name not in host.stopped:
            found.append((1020 + number, 1010 + number, name, (name,)))
    return found


def log(_settled: Settled, _hostname: str) -> list[str]:
    """The end of its log."""
    return []


def _network(name: str, bridge: str, subnet: str, gateway: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Id": bridge.removeprefix("br-").ljust(64, "0"),
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": subnet, "Gateway": gateway}]},
        "Options": {"com.docker.network.bridge.name": bridge} if bridge == "docker0" else {},
    }
