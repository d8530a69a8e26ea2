"""The main job and the findings once more, on a lab whose datastore is a real Kubernetes API.

The same tests as on etcd (tests.lab), as far as the datastore has a part in them: what they find of the kernel and of
BIRD alone is the same there. The agents have a kubeconfig with the shipped ClusterRole and nothing more.
"""

from collections.abc import Iterator

import pytest

from tests.lab import test_findings, test_main_job
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Kind, Options
from tests.lab.test_main_job import all_good_before

__all__ = ["all_good_before"]

pytestmark = [pytest.mark.lab, pytest.mark.real]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts, each with calico/node, the agent and one pod. A test puts back what it changed."""
    with named_lab("kube") as lab:
        lab.up(Options(datastore=Kind.KUBERNETES))
        yield lab


test_a_docker_bridge_registered_elsewhere_is_named_and_cured = (
    test_main_job.test_a_docker_bridge_registered_elsewhere_is_named_and_cured
)
test_without_the_datastore_it_is_unknown_and_nothing_is_touched = (
    test_main_job.test_without_the_datastore_it_is_unknown_and_nothing_is_touched
)
test_a_foreign_route_is_named_where_it_is_and_where_it_hurts = (
    test_main_job.test_a_foreign_route_is_named_where_it_is_and_where_it_hurts
)
test_without_any_configuration_the_running_container_tells_where_the_datastore_is = (
    test_main_job.test_without_any_configuration_the_running_container_tells_where_the_datastore_is
)
test_detect_says_why_docker0_was_not_chosen = test_main_job.test_detect_says_why_docker0_was_not_chosen
test_a_host_that_is_cut_off_is_named_while_its_sessions_stay_up = (
    test_findings.test_a_host_that_is_cut_off_is_named_while_its_sessions_stay_up
)
test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again = (
    test_findings.test_a_pod_whose_record_is_gone_is_named_until_it_has_one_again
)
test_a_route_by_hand_that_bird_spreads_is_the_fault_of_the_host_that_has_it = (
    test_findings.test_a_route_by_hand_that_bird_spreads_is_the_fault_of_the_host_that_has_it
)
