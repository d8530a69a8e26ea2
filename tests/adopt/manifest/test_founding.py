"""The container that comes of the hosted manifest of Calico 2.3, beside that of the systemd units of 2017.

The units were written by hand from that manifest, and differ from it. Nothing else may differ here.
"""

from ipaddress import ip_interface
from pathlib import Path

from calico_agent.adopt.as_toml import render_toml
from calico_agent.config import load
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.identity import AddressChoice, Identity, NameChoice
from calico_agent.model.network.address import Family
from calico_agent.plan.desired_container import wanted_container
from tests.adopt.manifest.texts import read, split_text
from tests.adopt.shapes import UNIT_ENV, UNIT_MOUNTS

HOST = Identity(
    NameChoice("host1.example.com"),
    AddressChoice(Family.IPV4, chosen=ip_interface("10.77.0.11/24")),
    AddressChoice(Family.IPV6, wanted=False),
)

# What differs: in the unit, as calico-agent runs what the manifest says, and why.
ENVIRONMENT = {
    "AS": ("", None, "empty, so it says nothing; the manifest does not have it"),
    "IP6": ("", None, "empty, so there is no IPv6; the manifest does not have it"),
    "IP": ("10.77.0.11", "10.77.0.11/24", "calico-agent gives the length of the network, so that it is not /32"),
    "CALICO_IPV4POOL_CIDR": ("10.254.64.0/18", "192.168.0.0/16", "each cluster's own pool: the manifest's here"),
    "CALICO_LIBNETWORK_ENABLED": ("true", None, "networks of Docker, which the manifest does not serve"),
    "ETCD_CA_CERT_FILE": ("/etc/etcd/ssl/ca.pem", "/etc/calico/certs/ca_cert.crt", "calico-agent's own place"),
    "ETCD_CERT_FILE": ("/etc/etcd/ssl/etcd.pem", "/etc/calico/certs/cert.crt", "calico-agent's own place"),
    "ETCD_KEY_FILE": ("/etc/etcd/ssl/etcd-key.pem", "/etc/calico/certs/key.pem", "calico-agent's own place"),
}
MOUNTS = {
    "/lib/modules": ("/lib/modules", "/lib/modules:ro", "nothing is written there: read-only in the manifest"),
    "/run/docker/plugins": ("/run/docker/plugins", None, "for networks of Docker, which the manifest does not serve"),
    "/var/run/docker.sock": ("/var/run/docker.sock", None, "for networks of Docker, which the manifest does not serve"),
    "/var/log/calico": ("/var/log/calico", None, "all logs go to standard output, where Docker keeps them"),
    "/etc/etcd/ssl/ca.pem": ("/etc/etcd/ssl/ca.pem", None, "the certificates come from the Secret of the manifest"),
    "/etc/etcd/ssl/etcd.pem": ("/etc/etcd/ssl/etcd.pem", None, "the certificates come from the Secret"),
    "/etc/etcd/ssl/etcd-key.pem": ("/etc/etcd/ssl/etcd-key.pem", None, "the certificates come from the Secret"),
    "/etc/calico/certs/ca_cert.crt": (None, "/etc/calico/certs/etcd-ca:ro", "the authority, from the Secret"),
    "/etc/calico/certs/cert.crt": (None, "/etc/calico/certs/etcd-cert:ro", "the certificate, from the Secret"),
    "/etc/calico/certs/key.pem": (None, "/etc/calico/certs/etcd-key:ro", "the key, from the Secret"),
}


def container_of_the_manifest(directory: Path) -> ContainerSpec:
    """What the agent runs on a host by the configuration that was written."""
    file = directory / "calico-agent.toml"
    file.write_text(render_toml(split_text(read("hosted-2.3.yaml")).translation, "the hosted manifest"))
    config = load(file, {}, {})
    datastore = config.datastore_settings()
    assert datastore is not None
    return wanted_container(config.node_settings(), datastore, HOST)


def test_the_environment_differs_where_it_must_and_nowhere_else(tmp_path: Path) -> None:
    found = dict(container_of_the_manifest(tmp_path).env)
    names = UNIT_ENV.keys() | found.keys()
    differing = {name for name in names if UNIT_ENV.get(name) != found.get(name)}
    assert {name: (UNIT_ENV.get(name), found.get(name)) for name in differing} == {
        name: (unit, agent) for name, (unit, agent, _) in ENVIRONMENT.items()
    }


def test_the_mounts_differ_where_they_must_and_nowhere_else(tmp_path: Path) -> None:
    mounts = container_of_the_manifest(tmp_path).mounts
    found = {mount.destination: mount.source + (":ro" if mount.read_only else "") for mount in mounts}
    unit = dict(zip(UNIT_MOUNTS, UNIT_MOUNTS, strict=True))
    differing = {path for path in unit.keys() | found.keys() if unit.get(path) != found.get(path)}
    assert {path: (unit.get(path), found.get(path)) for path in differing} == {
        path: (before, after) for path, (before, after, _) in MOUNTS.items()
    }


def test_of_the_rest_only_the_registry_and_the_weight_differ(tmp_path: Path) -> None:
    """Both are privileged and in the host's network, which a specification cannot say otherwise. The unit's image is
    `calico/node:v1.3.0` of Docker's own registry; the pod asked for a quarter of a processor.
    """
    spec = container_of_the_manifest(tmp_path)
    assert (spec.name, spec.image) == ("calico-node", "quay.io/calico/node:v1.3.0")
    assert spec.options.given() == [["cpu_shares", 256]]
