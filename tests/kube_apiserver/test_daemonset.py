"""The DaemonSet that we ship: the real API takes it as it is, and the agent does its work with what it gives it.

The container is made of the manifest by hand: its environment, its capabilities, its mounts and nothing else of what is
below /run and /var, a root file system to be read only, no new privileges. So the agent has here what it has in a pod.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from tests.etcd_server import free_port
from tests.kube_apiserver.calico import ACCOUNT, install, write
from tests.kube_apiserver.server import KubeApiServer, running_apiserver
from tests.patience import until
from tests.places import DATA, REPOSITORY

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

MANIFEST: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/kubernetes/daemonset.yaml").read_text())
POD: dict[str, Any] = MANIFEST["spec"]["template"]
CONTAINER: dict[str, Any] = POD["spec"]["containers"][0]
ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
STRICTLY = "dryRun=All&fieldValidation=Strict"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiServer]:
    """One with a recorded cluster."""
    with running_apiserver(tmp_path_factory.mktemp("daemonset") / "api") as found:
        install(found)
        write(found, DATA / "calico-kubernetes/healthy")
        yield found


def test_the_api_takes_it_as_it_is(server: KubeApiServer) -> None:
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets"
    found = server.call("POST", f"{path}?{STRICTLY}", MANIFEST)
    assert found["spec"]["template"]["spec"]["serviceAccountName"] == ACCOUNT
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", **POD["metadata"]}, "spec": POD["spec"]}
    made = server.call("POST", f"/api/v1/namespaces/kube-system/pods?{STRICTLY}", pod)["spec"]
    assert (made["hostNetwork"], made["hostPID"]) == (True, True)
    assert made["containers"][0]["securityContext"].get("appArmorProfile") == {"type": "Unconfined"}


def test_it_has_no_more_than_the_container_of_the_guide() -> None:
    """docs/install-elsewhere.md has the same as a `docker run`."""
    guide = (REPOSITORY / "docs/install-elsewhere.md").read_text()
    told = {word.partition("=")[2] for word in guide.split() if word.startswith("--cap-add=")}
    context = CONTAINER["securityContext"]
    assert set(context["capabilities"]["add"]) == told
    assert context["capabilities"]["drop"] == ["ALL"]
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
    written = {one["mountPath"] for one in CONTAINER["volumeMounts"] if not one.get("readOnly")}
    assert written == {"/var/lib/calico-agent", "/run/calico-agent"}


def mounts(folder: Path) -> Iterator[str]:
    """The commands that make the container's file system: nothing of /run and /var but what the manifest mounts."""
    hidden = folder / "hidden"
    for name in ("run", "var", "account", *(one["name"] for one in CONTAINER["volumeMounts"])):
        (hidden / name).mkdir(parents=True, exist_ok=True)
    yield "mount --make-rprivate /"
    wanted = [
        ("/lib/modules" if one["name"] == "modules" else str(hidden / one["name"]), one)
        for one in CONTAINER["volumeMounts"]
    ]
    places = [str(Path(one["mountPath"].replace("/var/run/", "/run/"))) for _, one in wanted]
    account = ACCOUNT_FOLDER.replace("/var/run/", "/run/")
    for top in ("run", "var"):
        for place in (*places, account):
            if place.startswith(f"/{top}/"):
                (hidden / top / place.removeprefix(f"/{top}/")).mkdir(parents=True, exist_ok=True)
    (hidden / "var/run").symlink_to("/run")
    for (source, one), place in zip(wanted, places, strict=True):
        if place.startswith(("/run/", "/var/")):
            inside = hidden / place.lstrip("/")
            yield f"mount --bind {shlex.quote(source)} {shlex.quote(str(inside))}"
            if one.get("readOnly"):
                yield f"mount -o remount,bind,ro {shlex.quote(str(inside))}"
    yield f"mount --bind {hidden / 'account'} {hidden / account.lstrip('/')}"
    yield "mount -o remount,bind,ro /"
    yield f"mount --rbind {hidden / 'run'} /run"
    yield f"mount --rbind {hidden / 'var'} /var"


@contextmanager
def as_in_its_pod(server: KubeApiServer, folder: Path) -> Iterator[int]:
    """The agent as the kubelet would start it; the port at which it answers."""
    port = free_port()
    account = folder / "hidden/account"
    account.mkdir(parents=True)
    (account / "token").write_text(server.token(ACCOUNT))
    (account / "ca.crt").write_bytes(server.ca)
    added = [f"+{one.lower()}" for one in CONTAINER["securityContext"]["capabilities"]["add"]]
    bounds = ",".join(["-all", *added])
    agent = ("setpriv", f"--bounding-set={bounds}", "--inh-caps=-all", "--no-new-privs")
    command = shlex.join((*agent, sys.executable, "-m", "calico_agent", "run"))
    script = "\n".join(("set -eu", *mounts(folder), f"cd {REPOSITORY}", f"exec {command}"))
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "CALICO_AGENT_HTTP_LISTEN": f"127.0.0.1:{port}",
        **{one["name"]: one["value"] for one in CONTAINER["env"]},
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script], env=environment, stdout=log, stderr=log, cwd="/"
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


def test_the_agent_works_with_what_it_gives(server: KubeApiServer, tmp_path: Path) -> None:
    pool = urllib3.PoolManager(retries=False, timeout=20)

    def asked(probe: str, port: int) -> int:
        get = CONTAINER[probe]["httpGet"]
        assert get["port"] == 9197
        try:
            return pool.request("GET", f"http://{get['host']}:{port}{get['path']}").status
        except urllib3.exceptions.HTTPError:
            return 0

    with as_in_its_pod(server, tmp_path) as port:

        def log() -> str:
            return (tmp_path / "log").read_text(errors="replace")[-3000:]

        until("it lives", lambda: asked("livenessProbe", port) == 200, log)
        status: dict[str, Any] = {}

        def looked() -> bool:
            status.update(json.loads(pool.request("GET", f"http://127.0.0.1:{port}/status").data))
            return bool(status.get("datastore", {}).get("revision"))

        until("it has read the cluster", looked, log)
        assert (status["agent"]["mode"], status["datastore"]["nodes"]) == ("observe", 3)
        assert asked("readinessProbe", port) == 503  # no calico/node runs on this machine
        unread = {one["source"] for one in status["unreadable"]}
        assert not unread & {"kernel", "host", "the Kubernetes API"}, unread
        assert not [one for one in status["problems"] if one["code"] in {"SV-STATE", "AGENT-FILES", "AGENT-HTTP"}]
        assert any((tmp_path / "hidden/state").iterdir()), "it keeps its state"
