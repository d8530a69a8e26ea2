"""The container that is wanted always says who it is; everything else can be configured."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions
from calico_agent.model.identity import AddressChoice, Identity, NameChoice
from calico_agent.model.network.address import Family
from calico_agent.model.settings import DatastoreSettings, NodeSettings
from calico_agent.plan.desired_container import wanted_container

IDENTITY = Identity(
    name=NameChoice("host1", "host name"),
    ipv4=AddressChoice(Family.IPV4, chosen=ip_interface("10.77.0.11/24"), link="eth0"),
    ipv6=AddressChoice(Family.IPV6, wanted=False),
)
ETCD = DatastoreSettings(
    endpoints=("https://10.77.0.1:2379", "https://10.77.0.2:2379"),
    ca_file="/etc/etcd/ca.pem",
    cert_file="/etc/etcd/cert.pem",
    key_file="/etc/etcd/key.pem",
)
NODE = NodeSettings(image="calico/node:v3.31.7")


def test_name_and_address_are_always_given() -> None:
    env = dict(wanted_container(NODE, ETCD, IDENTITY).env)
    assert (env["NODENAME"], env["IP"]) == ("host1", "10.77.0.11/24")
    assert "IP6" not in env


def test_an_upgrade_of_the_agent_leaves_the_container_of_before_alone() -> None:
    """Its label holds this hash, as agents of before wrote it: another one would replace calico/node on all hosts."""
    assert wanted_container(NODE, ETCD, IDENTITY).hash == "5bdb5617abbf5f18"
    dual_stack = replace(IDENTITY, ipv6=AddressChoice(Family.IPV6, chosen=ip_interface("fd00::1/64")))
    assert wanted_container(NODE, ETCD, dual_stack).hash == "013432b511cfd655"


@pytest.mark.parametrize("name", ["NODENAME", "IP"])
def test_the_configured_environment_cannot_override(name: str) -> None:
    node = replace(NODE, env=((name, "autodetect"),))
    assert dict(wanted_container(node, ETCD, IDENTITY).env)[name] != "autodetect"


def test_an_ipv6_only_host_says_that_it_has_no_ipv4() -> None:
    identity = replace(
        IDENTITY,
        ipv4=AddressChoice(Family.IPV4, wanted=False),
        ipv6=AddressChoice(Family.IPV6, chosen=ip_interface("fd00::1/64")),
    )
    env = dict(wanted_container(NODE, ETCD, identity).env)
    assert (env["IP"], env["IP6"], env["FELIX_IPV6SUPPORT"]) == ("none", "fd00::1/64", "true")


def test_certificates_are_mounted_read_only_where_the_environment_points() -> None:
    spec = wanted_container(NODE, ETCD, IDENTITY)
    env = dict(spec.env)
    mounts = {mount.destination: mount for mount in spec.mounts}
    for variable, source in (
        ("ETCD_CA_CERT_FILE", ETCD.ca_file),
        ("ETCD_CERT_FILE", ETCD.cert_file),
        ("ETCD_KEY_FILE", ETCD.key_file),
    ):
        assert mounts[env[variable]] == Mount(source, env[variable], read_only=True)
    assert env["ETCD_ENDPOINTS"] == "https://10.77.0.1:2379,https://10.77.0.2:2379"


def test_the_configuration_wins_over_other_defaults() -> None:
    node = replace(NODE, env=(("CALICO_NETWORKING_BACKEND", "vxlan"),), mounts=(Mount("/srv/log", "/var/log/calico"),))
    spec = wanted_container(node, ETCD, IDENTITY)
    assert dict(spec.env)["CALICO_NETWORKING_BACKEND"] == "vxlan"
    assert Mount("/srv/log", "/var/log/calico") in spec.mounts
    assert len({mount.destination for mount in spec.mounts}) == len(spec.mounts)


def test_what_is_left_out_of_the_preset_is_not_given() -> None:
    spec = wanted_container(replace(NODE, without=frozenset({"DATASTORE_TYPE", "/var/log/calico"})), ETCD, IDENTITY)
    usual = wanted_container(NODE, ETCD, IDENTITY)
    assert set(usual.env) - set(spec.env) == {("DATASTORE_TYPE", "etcdv3")}
    assert set(usual.mounts) - set(spec.mounts) == {Mount("/var/log/calico", "/var/log/calico")}


@pytest.mark.parametrize(
    "options", [RunOptions(memory=1 << 30), RunOptions(labels=(("a", "b"),)), RunOptions(log_driver="local")]
)
def test_other_limits_labels_or_logging_make_another_container(options: RunOptions) -> None:
    usual, other = (
        wanted_container(NODE, ETCD, IDENTITY),
        wanted_container(replace(NODE, options=options), ETCD, IDENTITY),
    )
    assert other.options == options
    assert other.hash != usual.hash


def test_the_hash_depends_on_content_and_not_on_order() -> None:
    spec = wanted_container(NODE, ETCD, IDENTITY)
    shuffled = replace(spec, env=tuple(reversed(spec.env)), mounts=tuple(reversed(spec.mounts)))
    assert shuffled.hash == spec.hash
    moved = replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, chosen=ip_interface("10.77.0.12/24")))
    assert wanted_container(NODE, ETCD, moved).hash != spec.hash


def test_an_incomplete_identity_is_refused() -> None:
    nameless = replace(IDENTITY, name=NameChoice(None, refusal="localhost is everybody's name"))
    with pytest.raises(ValueError, match="complete identity"):
        wanted_container(NODE, ETCD, nameless)
