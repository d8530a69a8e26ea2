"""Manifests for the tests: those of `data`, and small ones that are put together."""

from pathlib import Path

from calico_agent.adopt.manifest.split import Split, split
from calico_agent.adopt.manifest.yaml_text import Text

DATA = Path(__file__).parent / "data"
NAMES = sorted(path.name for path in DATA.glob("*.yaml"))
CERTS = "/etc/calico/certs"
NODE = """\
- name: calico-node
  image: calico/node:v3.31.7
  env:
  - name: ETCD_ENDPOINTS
    value: http://10.77.0.1:2379
"""
OTHER = "- name: install-cni\n  image: calico/cni:v3.31.7\n"


def read(name: str) -> str:
    return (DATA / name).read_bytes().decode()


def daemon_set(containers: str, *, pod: str = "hostNetwork: true", api: str = "extensions/v1beta1") -> str:
    """A DaemonSet with these lines of containers, and these of its pods."""
    rows = [f"apiVersion: {api}", "kind: DaemonSet", "metadata:", "  name: calico-node", "  namespace: kube-system"]
    rows += ["spec:", "  template:", "    spec:"]
    rows += [f"      {line}" for line in pod.splitlines()]
    rows += ["      containers:", *(f"      {line}" for line in containers.splitlines())]
    return "\n".join(rows) + "\n"


def split_text(text: str) -> Split:
    """Fails where the text has been split already."""
    result = split(Text("calico.yaml", text), CERTS)
    assert isinstance(result, Split)
    return result
