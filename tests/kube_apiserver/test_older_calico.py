"""A Calico that has fewer kinds of resources, read with the account of its own calico/node."""

from pathlib import Path

import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.sources.datastore.kubernetes.kinds import V1
from calico_agent.sources.datastore.reading import read_datastore
from tests.kube_apiserver.calico import KINDS, settings
from tests.kube_apiserver.server import KubeApiServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

_READ = ["get", "list", "watch"]
_NODES = {"apiGroups": [""], "resources": ["nodes"], "verbs": _READ}


def test_a_kind_that_is_not_there_needs_no_right(api: KubeApiServer, tmp_path: Path) -> None:
    """BGPFilter came with v3.25: before, neither the API nor calico/node's role knows of it, and the answer is 403."""
    kinds = [plural for plural in KINDS if plural != "bgpfilters"]
    for plural in kinds:
        api.custom_resource(V1, plural, KINDS[plural])
    api.grant(api.account("node-3-24"), "node-3-24", _NODES, {"apiGroups": [V1], "resources": kinds, "verbs": _READ})
    found = read_datastore(settings(api, tmp_path, token=api.token("node-3-24")), timeout=10.0)
    assert isinstance(found, Datastore), found
    fewer = [plural for plural in kinds if plural != "ippools"]
    api.grant(api.account("less"), "less", _NODES, {"apiGroups": [V1], "resources": fewer, "verbs": _READ})
    refused = read_datastore(settings(api, tmp_path, token=api.token("less")), timeout=10.0)
    assert isinstance(refused, Unreadable)
    assert 'cannot list resource "ippools"' in refused.reason
