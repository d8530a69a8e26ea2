"""A host with containerd and no Docker, in a cluster whose datastore is the Kubernetes API: nothing is configured."""

import json
from collections.abc import Iterator

import pytest

from tests.lab.apiserver import NODE_KUBECONFIG
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Kind, Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

ONCE = ("calico-agent", "status", "--once", "--config", "/dev/null")
CONFLIST = {
    "name": "k8s-pod-network",
    "cniVersion": "0.3.1",
    "plugins": [{"type": "calico", "datastore_type": "kubernetes", "kubernetes": {"kubeconfig": NODE_KUBECONFIG}}],
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """host1 with Docker, and host2 with containerd alone; calico/node and a pod on each, and no agent."""
    with named_lab("ctrd") as lab:
        lab.up(Options(hosts=2, datastore=Kind.KUBERNETES, containerd=1), bare=True)
        for host in ("host1", "host2"):
            lab.node_start(host)
            lab.pod(host, f"pod{host[-1]}-a")
        yield lab


def said(lab: Lab) -> str:
    """What `status --once` prints on host2, as one line."""
    done = lab.exec("host2", *ONCE)
    return " ".join((done.stdout + done.stderr).split())


def test_node_datastore_and_routes_are_found_without_docker_and_configuration(lab: Lab) -> None:
    """At the first look: nothing there waits for a socket that nobody answers."""
    assert lab.exec("host2", "docker", "version").returncode != 0
    until("all is good", lambda: "all good" in said(lab), lambda: said(lab))
    report = json.loads(lab.exec("host2", *ONCE, "--json").stdout)
    conditions = {one["type"]: one["status"] for one in report["conditions"]}
    assert set(conditions.values()) == {"True"}, conditions
    assert report["problems"] == []
    assert (report["routes"]["present"], report["routes"]["missing"]) == (1, 0)


def test_a_wrong_route_is_named_there_as_well(lab: Lab) -> None:
    until("all is good", lambda: "all good" in said(lab), lambda: said(lab))
    block = lab.exec("host2", "ip", "route", "show", "via", "10.77.0.11").stdout.split()[0]
    lab.exec("host2", "ip", "route", "replace", block, "via", "10.77.0.1", check=True)
    try:
        until("it is named", lambda: f"RT-FOREIGN {block}" in said(lab), lambda: said(lab))
    finally:
        lab.exec("host2", "ip", "route", "del", block, "via", "10.77.0.1", check=True)
    until("all is good again", lambda: "all good" in said(lab), lambda: said(lab))


def test_with_calico_node_gone_the_cni_plugin_tells_where_the_datastore_is(lab: Lab) -> None:
    folder = lab.host("host2").root / "etc/cni/net.d"
    (folder / "10-calico.conflist").write_text(json.dumps(CONFLIST))
    lab.node_stop("host2")
    try:
        report = json.loads(lab.exec("host2", *ONCE, "--json").stdout)
        conditions = {one["type"]: one["status"] for one in report["conditions"]}
        assert conditions["DatastoreReachable"] == "True", report
    finally:
        lab.node_start("host2")
        (folder / "10-calico.conflist").unlink()
    until("all is good again", lambda: "all good" in said(lab), lambda: said(lab))
