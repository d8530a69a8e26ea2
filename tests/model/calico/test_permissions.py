"""What Calico needs to be allowed."""

from calico_agent.model.calico.permissions import needs
from calico_agent.model.host.kubernetes_api import Holder, Permission


def test_no_permission_is_needed_twice() -> None:
    for holder in Holder:
        for datastore in (False, True):
            found = [need.permission for need in needs(holder, kubernetes_datastore=datastore)]
            assert found
            assert len(found) == len(set(found))


def test_a_permission_is_named_as_kubectl_names_it() -> None:
    assert str(Permission("get", "pods")) == "get pods"
    assert str(Permission("patch", "nodes/status")) == "patch nodes/status"
    assert str(Permission("list", "ippools", "crd.projectcalico.org")) == "list ippools.crd.projectcalico.org"
