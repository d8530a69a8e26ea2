"""Kubernetes as far as a DaemonSet needs it: `kubectl` and a kubelet on each lab host, around one folder of files.

A real API server and kubelet do not run in the lab's namespaces. What calico-agent meets of them are containers, and
those are real: named and labelled as dockershim does it (pkg/kubelet/dockershim/naming.go@kubernetes v1.23), from the
very manifest, with ConfigMap, Secret and field references resolved, and made anew, with the next attempt's number, when
one ends or is removed while its pod still has it.

Pods keep the template that they were made from: only a deleted pod is made anew, as with `updateStrategy: OnDelete`.
What would roll over all hosts is refused rather than done in another way than Kubernetes would.
"""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.lab.options import address

CLUSTER = "CALAB_CLUSTER"
"""Environment variable: the folder that stands for the API server; all hosts see it."""

_NAMESPACE = "kube-system"
_LOOK_SECONDS = 0.3
_WAIT_SECONDS = 60.0
_GRACE_SECONDS = 10

Object = dict[str, Any]


class Cluster:
    """What the API server would hold."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[CLUSTER])
        (self._folder / "pods").mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> Any:
        file = self._folder / name
        return json.loads(file.read_text()) if file.exists() else {}

    def write(self, name: str, value: Any) -> None:
        unfinished = self._folder / f".{os.getpid()}"
        unfinished.write_text(json.dumps(value))
        unfinished.rename(self._folder / name)

    def object(self, kind: str, name: str) -> Object:
        """Raises SystemExit where there is none."""
        found: Object = self.read("objects").get(f"{kind}/{name}")
        if found is None:
            raise SystemExit(f'Error from server (NotFound): {kind.lower()}s "{name}" not found')
        return found

    def pods(self) -> Iterator[Object]:
        for file in sorted((self._folder / "pods").iterdir()):
            try:
                yield json.loads(file.read_text())
            except FileNotFoundError:
                continue  # deleted meanwhile

    def put_pod(self, pod: Object) -> None:
        self.write(f"pods/{pod['name']}", pod)

    def drop_pod(self, name: str) -> None:
        (self._folder / "pods" / name).unlink(missing_ok=True)


def kubectl(arguments: Sequence[str]) -> int:
    """The commands of the guides."""
    words = list(arguments)
    while words and words[0] in {"-n", "--namespace"}:
        del words[:2]
    cluster = Cluster()
    match words:
        case ["apply", "-f", file]:
            return _apply(cluster, Path(file))
        case ["get", "pods", *options]:
            return _get_pods(cluster, options)
        case ["get", "secret", name, "-o", path]:
            key = path.removeprefix("jsonpath={.data.").removesuffix("}").replace("\\", "")
            sys.stdout.write(cluster.object("Secret", name)["data"][key])
            return 0
        case ["delete", "pod", name]:
            return _delete_pod(cluster, name)
        case ["rollout", "undo", target]:
            return _undo(cluster, target)
        case ["kubelet"]:
            return Kubelet(cluster).run()
    print(f"the lab's kubectl does not know: {' '.join(arguments)}", file=sys.stderr)
    return 2


def _apply(cluster: Cluster, file: Path) -> int:
    objects = cluster.read("objects")
    for one in yaml.safe_load_all(file.read_text()):
        if not one:
            continue
        key = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "DaemonSet":
            _remember(cluster, one, objects.get(key))
        print(f"{one['kind'].lower()}/{one['metadata']['name']} {'configured' if key in objects else 'created'}")
        objects[key] = one
    cluster.write("objects", objects)
    return 0


def _remember(cluster: Cluster, new: Object, old: Object | None) -> None:
    """The history of the template, for `rollout undo`."""
    template = new["spec"]["template"]
    strategy = new["spec"].get("updateStrategy", {}).get("type")
    on_delete = strategy == "OnDelete" or (strategy is None and new["apiVersion"] == "extensions/v1beta1")
    if old is not None and old["spec"]["template"] != template and not on_delete:
        raise SystemExit("the lab's kubectl does not roll a change over all hosts: updateStrategy must be OnDelete")
    history = cluster.read("history") or []
    if not history or history[-1] != template:
        cluster.write("history", [*history, template])


def _undo(cluster: Cluster, target: str) -> int:
    """The template of before becomes the newest (revisions hold the template only, ControllerRevision)."""
    name = target.removeprefix("daemonset/")
    history = cluster.read("history")
    if len(history) < 2:
        raise SystemExit("error: no last revision to roll back to")
    found = cluster.object("DaemonSet", name)
    found["spec"]["template"] = history[-2]
    cluster.write("history", [*history[:-2], history[-1], history[-2]])
    cluster.write("objects", {**cluster.read("objects"), f"DaemonSet/{name}": found})
    print(f"daemonset.apps/{name} rolled back")
    return 0


def _get_pods(cluster: Cluster, options: Sequence[str]) -> int:
    if "--no-headers" not in options:
        print("NAME NODE")
    for pod in cluster.pods():
        print(pod["name"], pod["node"])
    return 0


def _delete_pod(cluster: Cluster, name: str) -> int:
    """Returns when it is gone, as kubectl does."""
    pod = next((one for one in cluster.pods() if one["name"] == name), None)
    if pod is None:
        raise SystemExit(f'Error from server (NotFound): pods "{name}" not found')
    cluster.put_pod({**pod, "deleted": True})
    deadline = time.monotonic() + _WAIT_SECONDS
    while any(one["uid"] == pod["uid"] for one in cluster.pods()):
        if time.monotonic() > deadline:
            raise SystemExit(f"error: timed out waiting for the condition on pods/{name}")
        time.sleep(0.1)
    print(f'pod "{name}" deleted')
    return 0


class Kubelet:
    """One host's, with the part of the DaemonSet's controller that gives each host its pod."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = socket.gethostname()
        self._stopping = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        while not self._stopping:
            self._sync()
            time.sleep(_LOOK_SECONDS)
        return 0

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _sync(self) -> None:
        pods = [pod for pod in self._cluster.pods() if pod["node"] == self._node]
        objects = self._cluster.read("objects")
        if not pods:
            for one in objects.values():
                if one["kind"] == "DaemonSet":
                    self._cluster.put_pod(self._new_pod(one))
        for pod in pods:
            if pod.get("deleted"):
                self._end(pod)
            else:
                self._keep(pod, objects)

    def _new_pod(self, daemon_set: Object) -> Object:
        name = f"{daemon_set['metadata']['name']}-{secrets.token_hex(3)[:5]}"
        spec = daemon_set["spec"]["template"]["spec"]
        return {"name": name, "node": self._node, "uid": str(uuid.uuid4()), "spec": spec, "deleted": False}

    def _end(self, pod: Object) -> None:
        for identity in self._containers(pod):
            _docker("stop", "--time", str(_GRACE_SECONDS), identity)
            _docker("rm", "--force", identity)
        self._cluster.drop_pod(pod["name"])

    def _keep(self, pod: Object, objects: Mapping[str, Object]) -> None:
        for container in pod["spec"]["containers"]:
            running = self._containers(pod, container["name"], "--filter", "status=running")
            if running:
                continue
            attempt = 0
            for identity in self._containers(pod, container["name"]):
                attempt = 1 + int(_docker("inspect", "-f", "{{.Name}}", identity).rpartition("_")[2])
                _docker("rm", "--force", identity)
            _docker(*self._run(pod, container, objects, attempt))

    def _containers(self, pod: Object, name: str = "", *filters: str) -> list[str]:
        wanted = [f"label=io.kubernetes.pod.uid={pod['uid']}"]
        wanted += [f"label=io.kubernetes.container.name={name}"] if name else []
        options = [word for one in wanted for word in ("--filter", one)]
        return _docker("ps", "--all", "--quiet", "--no-trunc", *options, *filters).split()

    def _run(self, pod: Object, container: Object, objects: Mapping[str, Object], attempt: int) -> Iterator[str]:
        name = container["name"]
        yield from ("run", "--detach", "--net=host", "--restart=no")
        yield f"--name=k8s_{name}_{pod['name']}_{_NAMESPACE}_{pod['uid']}_{attempt}"
        labels = {"pod.name": pod["name"], "pod.namespace": _NAMESPACE, "pod.uid": pod["uid"], "container.name": name}
        yield from (f"--label=io.kubernetes.{key}={value}" for key, value in labels.items())
        if container.get("securityContext", {}).get("privileged"):
            yield "--privileged"
        for variable in container.get("env", ()):
            yield f"--env={variable['name']}={self._value(variable, objects)}"
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            source = self._source(volumes[mount["name"]], pod, objects)
            yield f"--volume={source}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"
        command = container.get("command", [])
        if command:
            yield f"--entrypoint={command[0]}"
        yield container["image"]
        yield from (*command[1:], *container.get("args", ()))

    def _value(self, variable: Object, objects: Mapping[str, Object]) -> str:
        match variable.get("valueFrom"):
            case {"configMapKeyRef": {"name": name, "key": key}}:
                return str(objects[f"ConfigMap/{name}"]["data"][key])
            case {"fieldRef": {"fieldPath": "spec.nodeName"}}:
                return self._node
            case {"fieldRef": {"fieldPath": "status.hostIP"}}:
                return str(address(self._node).ip)
        return str(variable.get("value", ""))

    def _source(self, volume: Object, pod: Object, objects: Mapping[str, Object]) -> str:
        if "hostPath" in volume:
            return str(volume["hostPath"]["path"])
        folder = Path(f"/var/lib/kubelet/pods/{pod['uid']}/volumes/kubernetes.io~secret/{volume['name']}")
        folder.mkdir(parents=True, exist_ok=True)
        for key, value in objects[f"Secret/{volume['secret']['secretName']}"]["data"].items():
            (folder / key).write_bytes(base64.b64decode(value))
        return str(folder)


def _docker(*arguments: str) -> str:
    done = subprocess.run(("docker", *arguments), capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        print(f"docker {' '.join(arguments)}: {done.stderr.strip()}", file=sys.stderr, flush=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(kubectl(sys.argv[1:]))
