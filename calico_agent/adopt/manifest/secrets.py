"""ConfigMaps and Secrets that a manifest brings, and how to get at those that it does not.

What is in a Secret never becomes a text of ours: it becomes a file, by a command that reads it from the cluster.
"""

import base64
import binascii
import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from calico_agent.adopt.manifest.objects import KubernetesObject, mapping, member, string
from calico_agent.adopt.manifest.yaml_text import TextNode

_ESCAPED = re.compile(r"([.\\'\"\[\]{}$])")


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A key of a Secret that becomes a file of the host."""

    path: str
    secret: str
    key: str
    namespace: str

    @property
    def command(self) -> str:
        """Writes the file, from the cluster."""
        read = f"{read_key('secret', self.namespace, self.secret, self.key)} | base64 -d"
        return f"{read} | install -D -m 0600 /dev/stdin {shlex.quote(self.path)}"


def read_key(kind: str, namespace: str, name: str, key: str) -> str:
    """The command that prints one key of a ConfigMap or Secret of the cluster."""
    path = "{.data." + _ESCAPED.sub(r"\\\1", key) + "}"
    return f"kubectl -n {shlex.quote(namespace)} get {kind} {shlex.quote(name)} -o jsonpath={shlex.quote(path)}"


@dataclass(frozen=True, slots=True)
class Store:
    """The ConfigMaps and Secrets of a manifest that the pods of one namespace can refer to."""

    namespace: str
    certs_dir: str
    objects: dict[tuple[str, str], KubernetesObject] = field(default_factory=dict)
    _read: dict[tuple[str, str], dict[str, TextNode]] = field(default_factory=dict, compare=False)

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self.objects

    def keys(self, kind: str, name: str) -> dict[str, TextNode]:
        """The keys of a ConfigMap or Secret with their values; empty where the manifest does not have it."""
        found = self._read.setdefault((kind, name), {})
        owner = self.objects.get((kind, name))
        if owner is not None and not found:
            for part in ("data", "stringData") if kind == "Secret" else ("data",):
                found |= mapping(member(owner.node, part))
        return found

    def secret_content(self, secret: str, key: str) -> bytes | None:
        """What a key of a Secret of this manifest holds; None where it is not there. Raises Refused for no base64."""
        owner = self.objects.get(("Secret", secret))
        if owner is None:
            return None
        if plain := string(member(owner.node, "stringData", key)):
            return plain.encode()
        encoded = member(owner.node, "data", key)
        if not string(encoded):
            return None
        assert encoded is not None
        try:
            return base64.b64decode("".join(string(encoded).split()), validate=True)
        except binascii.Error:
            raise owner.text.refused(
                encoded.start, f"the key {key[:60]} of the Secret {secret} is not base64"
            ) from None

    def secret_file(self, secret: str, key: str, name: str = "") -> SecretFile:
        """Where the key of a Secret is put on the host. `name` is its path below the mount, if not the key."""
        path = str(PurePosixPath(self.certs_dir, (name or key).lstrip("/")))
        return SecretFile(path, secret, key, self.namespace)


def store_of(everything: list[KubernetesObject], namespace: str, certs_dir: str) -> Store:
    """Of two that have one name the later counts, as `kubectl apply` leaves it."""
    found = {
        (each.kind, each.name): each
        for each in everything
        if each.kind in {"ConfigMap", "Secret"} and each.namespace == namespace
    }
    return Store(namespace, certs_dir, found)
