"""The environment of a container of a pod, each variable with the place where its value is written."""

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING

from calico_agent.adopt.described import Difference, Given
from calico_agent.adopt.manifest.objects import elements, is_true, mapping, member, string
from calico_agent.adopt.manifest.quantity import quantity
from calico_agent.adopt.manifest.secrets import SecretFile, Store, read_key
from calico_agent.adopt.manifest.workload import Workload, refuse_template
from calico_agent.adopt.manifest.yaml_text import TextNode

# $(NAME) in a value, and $$ for a dollar (kubernetes.io/docs, "Define Dependent Environment Variables").
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
# What the hosted manifests of Calico 3.x have where everybody's own addresses belong.
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*>")
_PASSWORDS = frozenset({"ETCD_PASSWORD", "CALICO_ETCD_PASSWORD"})

_FIELDS = {
    "spec.nodeName": "it is the name of this host's node in Kubernetes (kubectl get nodes)",
    "status.hostIP": "it is this host's address in Kubernetes (kubectl get nodes -o wide)",
    "status.podIP": "it is the pod's address, which in the host's network is this host's",
}
_NODE_REF = "CALICO_K8S_NODE_REF"
_KEPT = "; a node that is registered already keeps what it has without"


class Environment:
    """What the variables are, what else has to be known of them, and the files that some are read from."""

    def __init__(self, workload: Workload, store: Store) -> None:
        self._workload = workload
        self._text = workload.text
        self._store = store
        self.variables: dict[str, Given] = {}
        self.remarks: list[Difference] = []
        self.files: list[SecretFile] = []
        for source in elements(member(workload.container, "envFrom")):
            self._take_all(source)
        for entry in elements(member(workload.container, "env")):
            self._take(entry)

    def setting(self, name: str) -> Given:
        """A setting of the datastore, as libcalico-go reads it: with this prefix first."""
        return self.variables.get(f"CALICO_{name}") or self.variables.get(name, Given())

    def _take_all(self, source: TextNode) -> None:
        prefix = string(member(source, "prefix"))
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = member(source, key)
            if reference is None:
                continue
            name = string(member(reference, "name"))
            place = self._text.place(reference.start)
            if not self._store.has(kind, name):
                self.remarks.append(_not_here(kind, name, place, optional=is_true(member(reference, "optional"))))
            for variable, value in self._store.keys(kind, name).items():
                full = prefix + variable
                if kind == "Secret":
                    self.variables[full] = self._from_secret(full, name, variable, place)
                else:
                    self.variables[full] = self._literal(value)

    def _take(self, entry: TextNode) -> None:
        name = string(member(entry, "name"))
        place = self._text.place(entry.start)
        if not name:
            raise self._text.refused(entry.start, "a variable without a name")
        source = member(entry, "valueFrom")
        if source is None:
            value = member(entry, "value")
            given = _expanded(self._literal(value), self.variables) if value is not None else Given("", place)
        else:
            found = self._from(name, source, place)
            if found is None:
                return
            given = found
        self.variables[name] = given

    def _literal(self, node: TextNode) -> Given:
        refuse_template(self._text, node)
        return _known(string(node), self._text.place(node.start))

    def _from(self, name: str, source: TextNode, place: str) -> Given | None:
        if (reference := member(source, "configMapKeyRef")) is not None:
            return self._from_config_map(reference, *self._named(reference), place)
        if (reference := member(source, "secretKeyRef")) is not None:
            return self._from_secret(name, *self._named(reference), place)
        if (reference := member(source, "fieldRef")) is not None:
            return self._from_field(name, string(member(reference, "fieldPath")), place)
        if (reference := member(source, "resourceFieldRef")) is not None:
            return self._from_resource(reference, place)
        kinds = ", ".join(mapping(source)) or "nothing"
        return Given("", place, unknown=f"it comes from {kinds[:60]}, which is not known here")

    def _named(self, reference: TextNode) -> tuple[str, str]:
        """The object and the key that are referred to."""
        name, key = string(member(reference, "name")), string(member(reference, "key"))
        if not name or not key:
            raise self._text.refused(reference.start, "a reference without a name or a key")
        return name, key

    def _from_config_map(self, reference: TextNode, name: str, key: str, place: str) -> Given | None:
        value = self._store.keys("ConfigMap", name).get(key)
        if value is not None:
            return self._literal(value)
        if is_true(member(reference, "optional")) and self._store.has("ConfigMap", name):
            return None
        command = read_key("configmap", self._store.namespace, name, key)
        return Given("", place, unknown=f"this file does not have it: {command}")

    def _from_secret(self, name: str, secret: str, key: str, place: str) -> Given:
        if name in _PASSWORDS:
            file = self._store.secret_file(secret, key)
            self.files.append(file)
            return Given("", place, file=file.path)
        read = read_key("secret", self._store.namespace, secret, key)
        return Given("", place, unknown=f"it is in a Secret: {read} | base64 -d")

    def _from_field(self, name: str, path: str, place: str) -> Given:
        known = {
            "metadata.namespace": self._workload.daemon_set.namespace,
            "spec.serviceAccountName": string(member(self._workload.pod, "serviceAccountName")),
        }
        if known.get(path):
            return Given(known[path], place)
        words = _FIELDS.get(path, f"it is the pod's {path[:60]}, and there will be no pod")
        return Given("", place, unknown=words + (_KEPT if name == _NODE_REF else ""))

    def _from_resource(self, reference: TextNode, place: str) -> Given:
        resource = string(member(reference, "resource"))
        own = string(member(reference, "containerName"), "calico-node") == string(
            member(self._workload.container, "name")
        )
        value = quantity(string(member(self._workload.container, "resources", *resource.split(".")))) if own else None
        divisor = quantity(string(member(reference, "divisor"), "1")) or quantity("1")
        if value is None or divisor is None:
            return Given("", place, unknown=f"it is {resource[:60]} of the pod, and this file does not say how much")
        return Given(str(int((value / divisor).to_integral_value(ROUND_CEILING))), place)


def _known(value: str, place: str) -> Given:
    if found := _PLACEHOLDER.search(value):
        return Given("", place, unknown=f"the manifest still has {found[0]} there")
    return Given(value, place)


def _expanded(given: Given, before: Mapping[str, Given]) -> Given:
    """With $(NAME) of variables that came before; what is not known makes the whole unknown."""
    unknown = [before[name].unknown for name in _names(given.value) if name in before and before[name].unknown]
    if unknown:
        return Given("", given.place, unknown=unknown[0])

    def one(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return before[found[1]].value if found[1] in before else found[0]

    return Given(_REFERENCE.sub(one, given.value), given.place, given.unknown, given.file)


def _names(value: str) -> Iterator[str]:
    return (found[1] for found in _REFERENCE.finditer(value) if found[1])


def _not_here(kind: str, name: str, place: str, *, optional: bool) -> Difference:
    what = f"the variables of the {kind} {name}"
    if optional:
        why = "it may be there or not, this file does not have it, and nothing of it is carried over"
    else:
        why = f"this file does not have it: kubectl get {kind.lower()} {name} shows what is missing"
    return Difference("envFrom", what, "", why, place, lost=not optional)
