"""When Kubernetes replaces the pods of a changed DaemonSet: never by itself, while hosts are moved one by one.

A DaemonSet of `apps/v1` or `apps/v1beta2` has RollingUpdate unless it says otherwise, one of `extensions/v1beta1`
OnDelete (pkg/apis/{apps,extensions}/*/defaults.go of kubernetes/kubernetes@v1.15.0); before Kubernetes 1.6 there was
only what is OnDelete now. With RollingUpdate calico-node would go from all hosts within minutes of `kubectl apply`.
"""

from calico_agent.adopt.manifest.edit import Edit, new_value, pair_before
from calico_agent.adopt.manifest.objects import own_member, string
from calico_agent.adopt.manifest.workload import Workload
from calico_agent.adopt.manifest.yaml_text import Kind, TextNode

ON_DELETE = "OnDelete"
_ROLLING = "RollingUpdate"
_BY_DEFAULT = frozenset({"apps/v1", "apps/v1beta2"})


def strategy(workload: Workload) -> str:
    """Which one the DaemonSet has."""
    update = _update(workload)
    kind = own_member(update, "type") if update else None
    default = _ROLLING if workload.daemon_set.api_version in _BY_DEFAULT else ON_DELETE
    return string(kind[1], default) if kind else default


def to_on_delete(workload: Workload) -> Edit | None:
    """The change that gives it OnDelete; None where it has that."""
    if strategy(workload) == ON_DELETE:
        return None
    spec = own_member(workload.daemon_set.node, "spec")
    assert spec is not None
    update = _update(workload)
    if update is None:
        snippet = f"updateStrategy:\n  type: {ON_DELETE}\n"
        return pair_before(workload.text, spec[1], "updateStrategy", snippet)
    kind = own_member(update, "type")
    if kind is None:
        return pair_before(workload.text, update, "type", f"type: {ON_DELETE}\n")
    return new_value(kind[1], ON_DELETE)


def _update(workload: Workload) -> TextNode | None:
    spec = own_member(workload.daemon_set.node, "spec")
    found = own_member(spec[1], "updateStrategy") if spec else None
    if found is None or (found[1].kind is Kind.MAPPING and not found[1].children):
        return None
    if found[1].kind is not Kind.MAPPING:
        raise workload.text.refused(
            found[1].start, "`updateStrategy` comes from an anchor: write it out there, then split"
        )
    return found[1]
