"""The presets are what each generation was given by its own tools."""

import tomllib
from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.container.container import Mount
from calico_agent.model.identity import AddressChoice
from calico_agent.model.network.address import Family
from calico_agent.model.settings import DatastoreSettings, NodeSettings, Preset
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.presets import PRESETS, render_preset
from tests.captures import CAPTURES, inspected
from tests.plan.test_desired_container import IDENTITY

ETCD = DatastoreSettings(endpoints=("http://10.77.0.1:2379",))


UNIT_OF_2017 = inspected(CAPTURES.parent / "calico-v2.3" / "healthy" / "host1")
# What the image sets, and what each host or cluster has of its own.
OWN = {"PATH", "NODENAME", "IP", "IP6", "AS", "NO_DEFAULT_POOLS", "CALICO_IPV4POOL_CIDR", "DOCKER_API_VERSION"}


def test_v1_3_is_the_unit_of_2017() -> None:
    spec = wanted_container(NodeSettings("calico/node:v1.3.0", preset=Preset.V1_3), ETCD, IDENTITY)
    env = dict(spec.env)
    assert (env.pop("NODENAME"), env.pop("IP"), env.pop("ETCD_ENDPOINTS")) == (
        "host1",
        "10.77.0.11/24",
        "http://10.77.0.1:2379",
    )
    given = dict(word.split("=", 1) for word in UNIT_OF_2017["Config"]["Env"])
    assert env == {name: value for name, value in given.items() if name not in OWN and not name.startswith("ETCD_")}
    binds = {bind for bind in UNIT_OF_2017["HostConfig"]["Binds"] if not bind.startswith("/etc/calico/certs")}
    assert {f"{mount.source}:{mount.destination}" for mount in spec.mounts} == binds


@pytest.mark.parametrize("env", [(), (("FELIX_IPV6SUPPORT", "false"),)], ids=["as it is", "unless somebody says no"])
@pytest.mark.parametrize("preset", Preset)
def test_a_node_with_an_ipv6_address_uses_it(preset: Preset, env: tuple[tuple[str, str], ...]) -> None:
    ipv6 = AddressChoice(Family.IPV6, chosen=ip_interface("fd00:77::11/64"), link="eth0")
    identity = replace(IDENTITY, ipv6=ipv6)
    spec = wanted_container(NodeSettings("calico/node:x", preset=preset, env=env), ETCD, identity)
    assert dict(spec.env)["FELIX_IPV6SUPPORT"] == ("false" if env else "true")


def test_v3_keeps_its_name_on_the_host() -> None:
    spec = wanted_container(NodeSettings("calico/node:v3.31.7"), ETCD, IDENTITY)
    assert dict(spec.env)["DATASTORE_TYPE"] == "etcdv3"
    assert Mount("/var/lib/calico", "/var/lib/calico") in spec.mounts


@pytest.mark.parametrize("preset", Preset)
def test_what_is_configured_wins_over_the_preset(preset: Preset) -> None:
    node = NodeSettings(
        "calico/node:x",
        preset=preset,
        env=(("CALICO_NETWORKING_BACKEND", "none"), ("FELIX_LOGSEVERITYSCREEN", "warning")),
        mounts=(Mount("/logs", "/var/log/calico"),),
    )
    spec = wanted_container(node, ETCD, IDENTITY)
    assert set(node.env) < set(spec.env)
    assert [mount for mount in spec.mounts if mount.destination == "/var/log/calico"] == list(node.mounts)


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_shown_as_comments_that_hold_all_of_it(preset: Preset) -> None:
    text = render_preset(preset)
    assert tomllib.loads(text) == {}
    assert all(f"{name}={value}" in text for name, value in PRESETS[preset].env)
    assert all(f"{mount.source}:{mount.destination}" in text for mount in PRESETS[preset].mounts)
