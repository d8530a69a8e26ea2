"""The kernel's routes and neighbours as Felix writes them, through iproute2."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.lab.image import logs

FELIX_PROTOCOL = "80"


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One route of the main table. No gateway and no device: a blackhole."""

    destination: str
    device: str = ""
    gateway: str = ""
    protocol: str = "boot"
    onlink: bool = False
    mtu: int = 0
    metric: int = 0

    def arguments(self) -> str:
        """As `ip route` takes it."""
        if not self.device:
            return f"blackhole {self.destination} proto {self.protocol}"
        via = f" via {self.gateway}" if self.gateway else ""
        scope = "" if self.gateway or ":" in self.destination else " scope link"
        tail = "".join(
            f" {word}"
            for word in (
                "onlink" if self.onlink else "",
                f"mtu {self.mtu}" if self.mtu else "",
                f"metric {self.metric}" if self.metric else "",
            )
            if word
        )
        return f"{self.destination}{via} dev {self.device} proto {self.protocol}{scope}{tail}"


def routes(version: int) -> frozenset[Route]:
    """The main table, without multipath routes (nobody's of ours)."""
    found = ip_json(f"-{version}", "-details", "route", "show", "table", "main")
    return frozenset(_route(record) for record in found if "nexthops" not in record)


def _route(record: dict[str, Any]) -> Route:
    return Route(
        destination=record["dst"],
        device="" if record.get("type") == "blackhole" else record.get("dev", ""),
        gateway=record.get("gateway", ""),
        protocol=record.get("protocol", "boot"),
        onlink="onlink" in record.get("flags", ()),
        mtu=next((metric["mtu"] for metric in record.get("metrics", ()) if "mtu" in metric), 0),
        metric=record.get("metric", 0),
    )


def ip_json(*arguments: str) -> list[dict[str, Any]]:
    """What `ip -json` prints; empty when it fails (no such device, say)."""
    return _json("ip", *arguments)


def bridge_json(*arguments: str) -> list[dict[str, Any]]:
    """What `bridge -json` prints; empty when it fails."""
    return _json("bridge", *arguments)


def _json(program: str, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run((program, "-json", *arguments), capture_output=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def change(program: str, *arguments: str) -> None:
    """Run `ip` or `bridge`; a failure is logged and tried again at the next round."""
    done = subprocess.run((program, *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        logs.warning(f"{program} {' '.join(arguments)} failed", error=done.stderr.strip())
