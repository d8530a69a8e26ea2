"""A healthy host on which another address of its network is the first one, as a virtual address may become (VRRP).

The kernel then sends from that one, and calls the registered one secondary. That is an order, and no fault.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from calico_agent.config import Config
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.captures import CAPTURES
from tests.replay.capture import read_capture
from tests.replay.judge import assess_observation

Change = Callable[[list[Any]], None]


def first(address: str, length: int, family: str) -> Change:
    """Another address, configured before the one that is there."""

    def change(links: list[Any]) -> None:
        eth0 = next(link for link in links if link["ifname"] == "eth0")
        held = eth0["addr_info"]
        own = next(one for one in held if one["family"] == family and one["scope"] == "global")
        if family == "inet":
            own["secondary"] = True
        held.insert(0, {**own, "local": address, "prefixlen": length, "secondary": False})

    return change


def recorded(capture: str, change: Change, folder: Path) -> Observation:
    """A copy of a recording with other addresses on host1."""
    shutil.copytree(CAPTURES / capture, folder / capture)
    path = folder / capture / "host1" / "ip-addr.json"
    links = json.loads(path.read_text())
    change(links)
    path.chmod(0o600)
    path.write_text(json.dumps(links))
    return read_capture(folder / capture, "host1")


RECORDED = {
    "an address of the same network": ("healthy", first("10.77.0.100", 24, "inet")),
    "a single address": ("healthy", first("10.77.0.100", 32, "inet")),
    "an IPv6 address of the same network": ("dual-stack", first("fd00:77::100", 64, "inet6")),
    "in a cluster of VXLAN tunnels": ("vxlan-always", first("10.77.0.100", 24, "inet")),
}


@pytest.mark.parametrize("with_sessions", [True, False], ids=["BIRD answers", "BIRD cannot be asked"])
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("capture", "change"), RECORDED.values(), ids=RECORDED.keys())
def test_the_node_stays_with_its_address(
    capture: str, change: Change, mode: Mode, tmp_path: Path, *, with_sessions: bool
) -> None:
    observation = recorded(capture, change, tmp_path)
    if not with_sessions:
        silent = Unreadable("BIRD", "timed out", "timeout")
        observation = replace(observation, bird=silent, bird6=silent if observation.bird6 is not None else None)
    config = Config(mode=mode)
    both = structs.replace(config, identity=structs.replace(config.identity, ipv6="auto"))
    identity = assess_observation(observation, both).identity
    assert str(identity.ipv4.chosen) == "10.77.0.11/24"
    assert identity.ipv4.lost is None
    if capture == "dual-stack":
        assert str(identity.ipv6.chosen) == "fd00:77::11/64"
    codes = {one.cause.code for one in assess_observation(observation, config).problems}
    assert not codes & {"IP-CHANGED", "IP-MISMATCH", "IP-AMBIGUOUS", "IP-CONFLICT"}
    if with_sessions and mode is Mode.OBSERVE:
        assert codes == set()
