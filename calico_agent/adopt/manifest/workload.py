"""Which container of a manifest is calico/node, and which manifests calico-agent must not take apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.manifest.objects import KubernetesObject, elements, member, own_member, string, twice
from calico_agent.adopt.manifest.yaml_text import TEMPLATE_REASON, Kind, Parsed, Text, TextNode, templated
from calico_agent.sources.docker.decode.calico_node import names_calico_node

_NAME = "calico-node"
_INSTALLER = "install-cni"
_SHUTDOWN = frozenset({"-shutdown", "shutdown"})
_WORKLOADS = frozenset({"DaemonSet", "Deployment", "Pod", "ReplicaSet", "StatefulSet"})
_OPERATOR_API = "operator.tigera.io/"
_OPERATOR = "tigera-operator"


@dataclass(frozen=True, slots=True)
class Workload:
    """A DaemonSet whose pods run calico/node. `container` is an element of the list `containers`."""

    daemon_set: KubernetesObject
    pod: TextNode
    containers: TextNode
    container: TextNode

    @property
    def text(self) -> Text:
        return self.daemon_set.text

    @property
    def others(self) -> tuple[TextNode, ...]:
        """The containers that stay."""
        return tuple(each for each in self.containers.children if each is not self.container)

    @property
    def init_containers(self) -> tuple[TextNode, ...]:
        return elements(member(self.pod, "initContainers"))

    @property
    def marks_node(self) -> bool:
        """Whether calico/node marks its node NetworkUnavailable as it stops, as the manifests have it since v3.18."""
        command = elements(member(self.container, "lifecycle", "preStop", "exec", "command"))
        return not _SHUTDOWN.isdisjoint(string(word) for word in command)


@dataclass(frozen=True, slots=True)
class AlreadySplit:
    """A DaemonSet of Calico from which calico/node has been taken."""

    daemon_set: KubernetesObject


def find_workload(parsed: Parsed, everything: Sequence[KubernetesObject]) -> Workload | AlreadySplit:
    """Raises Refused where there is not exactly one, and where calico-agent cannot take it over."""
    found = [(each, container) for each in everything for container in _calico_nodes(each)]
    if operators := [each for each in everything if _is_operators(each)]:
        raise _operator(operators[0])
    if len(found) > 1:
        raise _several(found)
    if found:
        return _workload(*found[0])
    for each in everything:
        if each.kind == "DaemonSet" and (each.name == _NAME or _installs_plugin(each)):
            return AlreadySplit(each)
    raise _nothing_found(parsed.text, everything)


def _workload(owner: KubernetesObject, container: TextNode) -> Workload:
    text = owner.text
    if owner.kind != "DaemonSet":
        raise text.refused(
            container.start, f"calico-node is in a {owner.kind}, not in a DaemonSet: which hosts is it for?"
        )
    refuse_template(text, owner.node)
    refuse_doubled_keys(owner)
    pod = _written(owner.node, ("spec", "template", "spec"), owner)
    containers = _written(pod, ("containers",), owner)
    _refuse_canal(owner, containers)
    return Workload(owner, pod, containers, container)


def _written(node: TextNode, path: tuple[str, ...], owner: KubernetesObject) -> TextNode:
    """The value below these keys, which has to be written there itself: what is shared cannot be changed for one."""
    for key in path:
        own = own_member(node, key)
        if own is None or own[1].kind is Kind.ALIAS:
            place = own[1].start if own else node.start
            raise owner.text.refused(
                place, f"`{key}` of the {owner.title} comes from an anchor: write it out there, then split"
            )
        node = own[1]
    return node


def _calico_nodes(owner: KubernetesObject) -> Iterator[TextNode]:
    if owner.kind not in _WORKLOADS:
        return
    pod = member(owner.node, "spec") if owner.kind == "Pod" else member(owner.node, "spec", "template", "spec")
    for container in elements(member(pod, "containers")):
        if is_calico_node(container):
            yield container


def is_calico_node(container: TextNode) -> bool:
    """Whether a container is calico/node: by its name, or it runs the image's own command."""
    if string(member(container, "name")) == _NAME:
        return True
    runs_other = member(container, "command") is not None or member(container, "args") is not None
    return not runs_other and names_calico_node("", string(member(container, "image")))


def _installs_plugin(owner: KubernetesObject) -> bool:
    """Whether a DaemonSet of another name is what is left of Calico's."""
    pod = member(owner.node, "spec", "template", "spec")
    both = (*elements(member(pod, "initContainers")), *elements(member(pod, "containers")))
    return any(string(member(each, "name")) == _INSTALLER for each in both)


def _several(found: Sequence[tuple[KubernetesObject, TextNode]]) -> NotTakenOver:
    (owner, first), (other, second) = found[:2]
    return other.text.refused(
        second.start,
        f"a second container of calico/node, in the {other.title}; the first is in {owner.text.place(first.start)}: "
        "split a manifest that has one",
    )


def _nothing_found(text: Text, everything: Sequence[KubernetesObject]) -> NotTakenOver:
    if not everything:
        return text.refused(0, "has no Kubernetes object in it")
    kinds = sorted({each.kind or "something without a kind" for each in everything})
    what = ", ".join(kind[:40] for kind in kinds[:6]) + (" ..." if len(kinds) > 6 else "")
    return text.refused(
        everything[0].node.start, f"no DaemonSet in this file has a container of calico/node; what it has: {what}"
    )


def _refuse_canal(owner: KubernetesObject, containers: TextNode) -> None:
    for each in containers.children:
        if "flannel" in string(member(each, "image")):
            raise owner.text.refused(
                each.start,
                "is Canal: flannel gives the pods their routes, and calico/node only the policy, without BGP; "
                "calico-agent would have nothing to look after",
            )


def _is_operators(each: KubernetesObject) -> bool:
    return each.api_version.startswith(_OPERATOR_API) or (each.kind == "Deployment" and each.name == _OPERATOR)


def _operator(each: KubernetesObject) -> NotTakenOver:
    return NotTakenOver(
        each.place,
        f"{each.title} is the Tigera operator's, which makes the DaemonSet itself and would put calico-node back; "
        "it keeps no data in etcd either",
    )


def refuse_doubled_keys(owner: KubernetesObject) -> None:
    """Raises Refused: kubectl takes the last, or none, by its age."""
    if doubled := twice(owner.node):
        first, second = doubled
        line = owner.text.line(first.start)
        raise owner.text.refused(second.start, f"the key {second.real.text[:60]} is there twice, first in line {line}")


def refuse_template(text: Text, node: TextNode) -> None:
    """Raises Refused for a value that has still to be filled in."""
    stack = [node]
    while stack:
        each = stack.pop()
        braces = each.kind is Kind.MAPPING and each.flow and any(key.kind is Kind.MAPPING for key, _ in each.pairs())
        if braces or (each.kind is Kind.SCALAR and templated(each.text)):
            raise text.refused(each.start, TEMPLATE_REASON)
        stack.extend(reversed(each.children))
