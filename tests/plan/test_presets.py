"""The presets are what each generation was given by its own tools."""

import tomllib

import pytest

from calico_agent.model.container import Mount
from calico_agent.model.settings import DatastoreSettings, NodeSettings, Preset
from calico_agent.plan.presets import PRESETS, render_preset
from calico_agent.plan.wanted import wanted_container
from tests.plan.test_wanted import IDENTITY

ETCD = DatastoreSettings(endpoints=("http://10.77.0.1:2379",))


def test_v1_3_is_the_unit_of_2017() -> None:
    spec = wanted_container(NodeSettings("calico/node:v1.3.0", preset=Preset.V1_3), ETCD, IDENTITY)
    env = dict(spec.env)
    assert (env["NODENAME"], env["IP"], env["CALICO_NETWORKING_BACKEND"]) == ("host1", "10.77.0.11/24", "bird")
    assert (env["CALICO_LIBNETWORK_ENABLED"], env["NO_DEFAULT_POOLS"]) == ("true", "")
    assert "DATASTORE_TYPE" not in env, "calico/node v1.3.0 knows one datastore, etcd v2"
    assert {mount.destination for mount in spec.mounts} == {
        "/lib/modules",
        "/run/docker/plugins",
        "/var/log/calico",
        "/var/run/calico",
        "/var/run/docker.sock",
    }


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
