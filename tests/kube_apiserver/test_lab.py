"""The main job and the findings once more, on a lab whose datastore is a real Kubernetes API.

The same tests as on etcd (tests.lab), as far as they do not ask only the kernel and BIRD, which say the same there. The
agents supervise, with a kubeconfig that has the shipped ClusterRole and Role and nothing more; calico/node has its own.
"""

import json
import re
from collections.abc import Iterator
from functools import partial

import pytest

from calico_agent.sources.datastore.kubernetes.leases.lease import LEASES
from tests.lab import test_findings, test_main_job
from tests.lab.apiserver import NODE_KUBECONFIG, KubernetesDatastore
from tests.lab.conftest import named_lab
from tests.lab.datastore import HOST_CERTIFICATES
from tests.lab.lab import Lab
from tests.lab.options import Kind, Options
from tests.lab.test_main_job import HOSTS, all_good_before, report, text
from tests.patience import until

__all__ = ["all_good_before"]

pytestmark = [pytest.mark.lab, pytest.mark.real]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts, each with the agent in supervise mode and one pod. A test puts back what it changed."""
    with named_lab("kube") as lab:
        lab.up(Options(datastore=Kind.KUBERNETES))
        yield lab


def is_alive(lab: Lab, host: str) -> bool:
    claim = report(lab, host)["name_claim"]
    return bool(claim["alive"]) and claim["hostname"] == host


def afresh(lab: Lab, host: str) -> None:
    """Start the usual agent again; the starts of calico/node that a test spoilt are not counted any more."""
    lab.agent_stop(host)
    (lab.host(host).root / "var/lib/calico-agent/attempts.json").unlink(missing_ok=True)
    lab.agent_start(host)


def one_line(lab: Lab, host: str) -> str:
    return " ".join(text(lab, host).split())


def test_the_containers_have_what_the_preset_says_and_a_kubeconfig_of_their_own(lab: Lab) -> None:
    made = json.loads(lab.engine("host2").inspect("{{json .}}"))
    given = {"DATASTORE_TYPE=kubernetes", "KUBECONFIG=/etc/calico/kubernetes/kubeconfig", "CALICO_K8S_NODE_REF=host2"}
    assert given <= set(made["Config"]["Env"])
    assert f"{HOST_CERTIFICATES}:/etc/calico/kubernetes:ro" in made["HostConfig"]["Binds"]
    assert not [word for word in made["Config"]["Env"] if word.startswith("ETCD_")]


def test_each_host_holds_the_lease_of_its_name_and_says_so(lab: Lab) -> None:
    datastore = lab.datastore
    assert isinstance(datastore, KubernetesDatastore)
    for host in HOSTS:
        lease = datastore.object(f"{LEASES}/{host}")
        assert lease["spec"]["holderIdentity"].startswith(f"{host}_")
        until("its sign of life is seen", partial(is_alive, lab, host), partial(text, lab, host))
        assert f"claimed in the Kubernetes API by {host} (" in one_line(lab, host)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("host1", "NAME-CLAIMED", "the node name host1 is another machine's, host1 (10.77.0.11)"),
        ("nobody", "NAME-NO-NODE", "Kubernetes has no Node nobody"),
    ],
)
def test_under_a_name_that_is_not_this_hosts_nothing_is_started(lab: Lab, name: str, code: str, says: str) -> None:
    lab.node_stop("host3")
    lab.agent_start("host3", {"CALICO_AGENT_IDENTITY_NAME": name, "CALICO_AGENT_AGENT_STATE_DIR": ""})
    try:
        until(f"it says {code}", lambda: code in one_line(lab, "host3"), lambda: text(lab, "host3"))
        said = one_line(lab, "host3")
        assert says in said
        assert "not creating calico-node" in said
        assert lab.engine("host3").containers() == {}
    finally:
        afresh(lab, "host3")


def test_an_account_that_the_api_does_not_know_is_named_as_the_reason_why_calico_node_ends(lab: Lab) -> None:
    kubeconfig = lab.host("host2").root / NODE_KUBECONFIG.lstrip("/")
    good = kubeconfig.read_text()
    kubeconfig.write_text(re.sub(r'"token": "[^"]+"', '"token": "of-before"', good))
    refused = "the Kubernetes API refuses calico/node's account: Unauthorized"
    try:
        lab.exec("host2", "docker", "kill", "calico-node", check=True)
        until("it is said", lambda: refused in one_line(lab, "host2"), lambda: text(lab, "host2"))
    finally:
        kubeconfig.write_text(good)
        afresh(lab, "host2")


test_name_and_address_are_given_to_the_container = test_main_job.test_name_and_address_are_given_to_the_container
test_a_docker_bridge_registered_elsewhere_is_named_and_cured = (
    test_main_job.test_a_docker_bridge_registered_elsewhere_is_named_and_cured
)
test_a_killed_container_runs_again_and_no_route_is_lost = (
    test_main_job.test_a_killed_container_runs_again_and_no_route_is_lost
)
test_a_killed_agent_leaves_the_container_and_adopts_it = (
    test_main_job.test_a_killed_agent_leaves_the_container_and_adopts_it
)
test_without_the_datastore_it_is_unknown_and_nothing_is_touched = (
    test_main_job.test_without_the_datastore_it_is_unknown_and_nothing_is_touched
)
test_a_foreign_route_is_named_where_it_is_and_where_it_hurts = (
    test_main_job.test_a_foreign_route_is_named_where_it_is_and_where_it_hurts
)
test_a_deleted_route_that_bird_puts_back_is_no_alarm = (
    test_main_job.test_a_deleted_route_that_bird_puts_back_is_no_alarm
)
test_without_any_configuration_the_running_container_tells_where_the_datastore_is = (
    test_main_job.test_without_any_configuration_the_running_container_tells_where_the_datastore_is
)
test_detect_says_why_docker0_was_not_chosen = test_main_job.test_detect_says_why_docker0_was_not_chosen
test_the_health_endpoints_answer_on_loopback = test_main_job.test_the_health_endpoints_answer_on_loopback
test_a_host_that_is_cut_off_is_named_while_its_sessions_stay_up = (
    test_findings.test_a_host_that_is_cut_off_is_named_while_its_sessions_stay_up
)
test_routes_that_bird_holds_back_after_its_start_are_the_fault_of_the_peer_it_waits_for = (
    test_findings.test_routes_that_bird_holds_back_after_its_start_are_the_fault_of_the_peer_it_waits_for
)
test_a_host_that_has_all_routes_and_does_not_forward = (
    test_findings.test_a_host_that_has_all_routes_and_does_not_forward
)
test_a_policy_rule_that_takes_the_packets_for_pods_elsewhere = (
    test_findings.test_a_policy_rule_that_takes_the_packets_for_pods_elsewhere
)
test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again = (
    test_findings.test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again
)
test_a_route_by_hand_that_bird_spreads_is_the_fault_of_the_host_that_has_it = (
    test_findings.test_a_route_by_hand_that_bird_spreads_is_the_fault_of_the_host_that_has_it
)
