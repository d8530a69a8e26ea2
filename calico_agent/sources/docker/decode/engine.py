"""`docker info` -> Engine (GET /info of the Engine API). Older Engines leave fields out, so that all are optional."""

from collections.abc import Iterator, Mapping
from typing import Any

from calico_agent.model.container.engine import Engine
from calico_agent.sources.decode_error import Malformed

_MOST_REMARKS = 64


def decode_engine(info: Mapping[str, Any]) -> Engine:
    """Raises Malformed where it is not of the Engine's form."""
    if not isinstance(info.get("ServerVersion"), str):
        raise Malformed("Docker's answer has no ServerVersion")
    swarm = info.get("Swarm")
    return Engine(
        version=info["ServerVersion"],
        root_dir=_text(info, "DockerRootDir"),
        driver=_text(info, "Driver"),
        storage=tuple(_pairs(info.get("DriverStatus")))[:_MOST_REMARKS],
        cgroup_driver=_text(info, "CgroupDriver"),
        cgroup_version=_text(info, "CgroupVersion"),
        security=frozenset(_security(info.get("SecurityOptions"))),
        live_restore=info.get("LiveRestoreEnabled") is True,
        swarm=isinstance(swarm, Mapping) and swarm.get("LocalNodeState") == "active",
        default_runtime=_text(info, "DefaultRuntime") or "runc",
        system=_text(info, "OSType") or "linux",
    )


def _text(info: Mapping[str, Any], key: str) -> str:
    value = info.get(key)
    return value if isinstance(value, str) else ""


def _pairs(remarks: object) -> Iterator[tuple[str, str]]:
    for remark in remarks if isinstance(remarks, list) else ():
        if isinstance(remark, list) and len(remark) == 2:
            yield str(remark[0]), str(remark[1])


def _security(options: object) -> Iterator[str]:
    """`name=seccomp,profile=default`, and before Docker 1.13 the bare word."""
    for option in options if isinstance(options, list) else ():
        yield str(option).partition(",")[0].removeprefix("name=")
