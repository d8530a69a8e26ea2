"""Logins for the API: each kind that a kubeconfig or a service account has, from real files and programs."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import trustme

from calico_agent.model.settings import KubernetesSettings
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.rooted import rooted
from calico_agent.sources.datastore.server.error import DatastoreError

SERVER = "https://10.0.0.1:6443"


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: str) -> Path:
    whole = {
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "current", "context": {"cluster": "c", "user": "u"}},
            {"name": "other", "context": {"cluster": "c"}},
        ],
        "current-context": "current",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(whole))
    return path


def credentials(path: Path, **more: Any) -> Logins:
    return Logins(KubernetesSettings(kubeconfig=str(path), **more))


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(DatastoreError) as error:
        credentials(path, **more).login()
    assert error.value.code == "file"
    return error.value.reason


def program(folder: Path, answer: object, *, code: int = 0, mode: int = 0o755) -> Path:
    """A credential plugin, which counts how often it was run, and writes down what it was asked."""
    path = folder / "plugin"
    told = json.dumps(answer)
    script = f'#!/bin/sh\necho run >> {folder}/runs\necho "$KUBERNETES_EXEC_INFO $EXTRA $1" > {folder}/asked\n'
    path.write_text(f"{script}cat <<'END'\n{told}\nEND\nexit {code}\n")
    path.chmod(mode)
    return path


def plugin(command: object, version: str = "v1", **more: object) -> dict[str, Any]:
    return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(command), **more}}


def test_a_program_is_told_of_the_cluster_where_it_wants_that(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("authority")
    user = plugin(program(tmp_path, {"status": {"token": "abc"}}), provideClusterInfo=True)
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    cluster: dict[str, Any] = {"certificate-authority": "ca.crt", "tls-server-name": "api", "extensions": [extension]}
    assert credentials(kubeconfig(tmp_path, user, **cluster), runs_plugins=True).login().token == "abc"
    asked = json.loads((tmp_path / "asked").read_text().strip())
    assert asked["spec"]["cluster"] == {
        "server": SERVER,
        "tls-server-name": "api",
        "certificate-authority-data": b64encode(b"authority").decode(),
        "config": {"audience": "x"},
    }


def test_a_token_and_a_token_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    login = credentials(kubeconfig(tmp_path, {"token": "abc"})).login()
    assert (login.server, login.token) == (SERVER, "abc")
    (tmp_path / "token").write_text("from-file\n")
    assert credentials(kubeconfig(tmp_path, {"tokenFile": "token"})).login().token == "from-file"


def test_a_client_certificate_inline_and_in_files(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("host1.example")
    certificate, key = issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()
    inline = {"client-certificate-data": b64encode(certificate).decode(), "client-key-data": b64encode(key).decode()}
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    for user in (inline, {"client-certificate": "c.pem", "client-key": str(tmp_path / "k.pem")}):
        login = credentials(kubeconfig(tmp_path, user)).login()
        assert (login.certificate.strip(), login.key.strip()) == (certificate.strip(), key.strip())


def test_another_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"token": "abc"})
    assert credentials(path, context="other").login().token == ""
    assert "no context named 'none'" in refused(path, context="none")


def test_the_files_of_a_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("abc")
    (tmp_path / "ca.crt").write_text("")
    account = Logins(KubernetesSettings(ca_file=str(tmp_path / "ca.crt"), token_file=str(tmp_path / "token")))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DatastoreError, match="KUBERNETES_SERVICE_HOST is not set"):
        account.login()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert account.login().server == "https://[fd00::1]:6443"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"username": "a", "password": "b"}, "which Kubernetes gave up in v1.19"),
        ({"auth-provider": {"name": "gcp"}}, "which Kubernetes gave up in v1.26"),
        ({"tokenFile": "none"}, "none does not exist"),
        ({"token": "two words"}, "its token is no token"),
    ],
)
def test_what_is_of_no_use_is_told(tmp_path: Path, user: dict[str, Any], words: str) -> None:
    told = refused(kubeconfig(tmp_path, user))
    assert words in told
    assert "two words" not in told


def test_a_kubeconfig_that_is_missing_or_that_everybody_may_write(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none")
    path = kubeconfig(tmp_path, {"token": "abc"})
    path.chmod(0o666)
    assert "everybody may write it" in refused(path)


@pytest.mark.real
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plugin_makes_a_token_that_is_kept_as_long_as_it_is_good(tmp_path: Path, version: str) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    command = program(tmp_path, {"status": {"token": "made", "expirationTimestamp": end}})
    user = plugin(command, version, args=["arg"], env=[{"name": "EXTRA", "value": "more"}])
    found = credentials(kubeconfig(tmp_path, user), runs_plugins=True)
    assert [found.login().token for _ in range(3)] == ["made"] * 3
    assert (tmp_path / "runs").read_text() == "run\n"
    info, _, rest = (tmp_path / "asked").read_text().partition("} more")
    assert json.loads(f"{info}}}")["apiVersion"] == f"client.authentication.k8s.io/{version}"
    assert rest == " arg\n"
    found.login(anew=True)
    assert (tmp_path / "runs").read_text() == "run\n" * 2
    program(tmp_path, {"status": {"token": "over", "expirationTimestamp": "2026-01-01T00:00:00Z"}})
    assert [found.login(anew=True).token, found.login().token] == ["over", "over"]
    assert (tmp_path / "runs").read_text() == "run\n" * 4


@pytest.mark.real
def test_a_plugin_makes_a_certificate(tmp_path: Path) -> None:
    answer = {"status": {"clientCertificateData": "certificate", "clientKeyData": "key"}}
    found = credentials(kubeconfig(tmp_path, plugin(program(tmp_path, answer))), runs_plugins=True).login()
    assert (found.certificate, found.key) == (b"certificate", b"key")


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "code", "mode", "words"),
    [
        ({"status": {}}, 0, 0o755, "holds neither a token nor a certificate"),
        ({"status": {"token": "abc"}}, 3, 0o755, "it ended with code 3"),
        ([], 0, 0o755, "not a JSON object"),
        ({"status": {"token": "abc"}}, 0, 0o777, "others than root may write it"),
        ({"status": {"token": "abc"}}, 0, 0o644, "it is not executable"),
        ({"status": {"token": "abc", "expirationTimestamp": "soon"}}, 0, 0o755, "which is no time"),
    ],
)
def test_a_plugin_that_is_of_no_use(tmp_path: Path, answer: object, code: int, mode: int, words: str) -> None:
    command = program(tmp_path, answer, code=code, mode=mode)
    told = refused(kubeconfig(tmp_path, plugin(command)), runs_plugins=True)
    assert words in told
    assert str(command) in told


def test_a_plugin_is_run_for_a_configured_kubeconfig_alone(tmp_path: Path) -> None:
    command = program(tmp_path, {"status": {"token": "made"}})
    for user, runs in ((plugin(command), False), (plugin(command, "v1alpha1"), True)):
        assert "(exec) which is not run" in refused(kubeconfig(tmp_path, user), runs_plugins=runs)
    interactive = plugin(command, interactiveMode="Always")
    assert "(exec) which is not run" in refused(kubeconfig(tmp_path, interactive), runs_plugins=True)
    assert not (tmp_path / "runs").exists()


def test_a_path_in_another_root_is_followed_there(tmp_path: Path) -> None:
    """As /var/run/secrets in a container: /var/run is a link to /run, and the token one to ..data/token."""
    secrets = tmp_path / "run/secrets/account"
    (secrets / "..data").mkdir(parents=True)
    (secrets / "..data/token").write_text("abc")
    (secrets / "token").symlink_to("..data/token")
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to("/run")
    (tmp_path / "out").symlink_to("../../../etc")
    (tmp_path / "loop").symlink_to("/loop")
    assert rooted(tmp_path, PurePosixPath("/var/run/secrets/account/token")).read_text() == "abc"
    assert rooted(tmp_path, PurePosixPath("/out/passwd")) == tmp_path / "etc/passwd"
    assert rooted(tmp_path, PurePosixPath("/../../etc/passwd")) == tmp_path / "etc/passwd"
    assert rooted(Path("/"), PurePosixPath("/etc/passwd")) == Path("/etc/passwd")
    with pytest.raises(OSError, match="loop"):
        rooted(tmp_path, PurePosixPath("/loop/x")).read_text()
