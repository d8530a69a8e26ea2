"""What `config check` says of the files that a configuration names, and that nothing else asks for them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from calico_agent.config import check, load
from calico_agent.errors import ConfigError
from tests.etcd_server import Certificates

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Named:
    """A configuration with certificates and a password, and its files."""

    file: Path
    certificates: Certificates
    password: Path

    def fault(self) -> str:
        """The one fault that `config check` finds."""
        with pytest.raises(ConfigError) as caught:
            check(self.file, {})
        (fault,) = caught.value.faults
        assert fault.isprintable()
        return fault.removeprefix(f"{self.file}: [datastore] ").replace(str(self.file.parent), "")

    def make_pipe(self, path: Path) -> None:
        """A pipe under that name."""
        path.unlink()
        os.mkfifo(path)

    def renew(self, not_after: datetime) -> None:
        """Another client certificate of the same kind."""
        cert = trustme.CA().issue_cert("calico-agent.example", not_after=not_after)
        cert.cert_chain_pems[0].write_to_path(self.certificates.client)
        cert.private_key_pem.write_to_path(self.certificates.client_key)


@pytest.fixture
def named(tmp_path: Path) -> Named:
    certificates = Certificates.issue(tmp_path)
    certificates.client_key.chmod(0o600)
    password = tmp_path / "password"
    password.write_text("secret\n")
    password.chmod(0o640)
    file = tmp_path / "agent.toml"
    file.write_text(
        f'[datastore]\nendpoints = ["https://10.0.0.1:2379"]\nca_file = "{certificates.ca}"\n'
        f'cert_file = "{certificates.client}"\nkey_file = "{certificates.client_key}"\n'
        f'username = "agent"\npassword_file = "{password}"\n'
    )
    return Named(file, certificates, password)


def test_good_files_are_told_with_the_day_until_which_they_are_good(named: Named) -> None:
    named.renew(NOW + timedelta(days=100))
    _, warnings, notes = check(named.file, {})
    assert warnings == []
    assert [note.partition("] ")[2].partition(": ")[0] for note in notes] == ["ca_file", "cert_file"]
    assert notes[1].endswith(f"/client.crt: valid until {NOW + timedelta(days=100):%Y-%m-%d %H:%M} UTC")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda named: named.certificates.ca.unlink(),
            "ca_file: /ca.crt cannot be read: No such file or directory",
            id="an authority that is not there",
        ),
        pytest.param(lambda named: named.certificates.ca.write_bytes(b""), "ca_file: /ca.crt is empty", id="empty"),
        pytest.param(
            lambda named: named.certificates.ca.write_text("junk"),
            "ca_file: /ca.crt holds no usable certificate of an authority",
            id="an authority that is junk",
        ),
        pytest.param(
            lambda named: named.certificates.client.write_text("junk"),
            "cert_file: /client.crt holds no certificate",
            id="a certificate that is junk",
        ),
        pytest.param(
            lambda named: named.certificates.client_key.write_text("junk"),
            "key_file: /client.key holds no private key",
            id="a key that is junk",
        ),
        pytest.param(
            lambda named: named.certificates.client_key.write_bytes(named.certificates.client_key.read_bytes()[:200]),
            "cert_file: /client.crt and /client.key are not a certificate and its key",
            id="a key that is half written",
        ),
        pytest.param(
            lambda named: named.certificates.client_key.write_bytes(named.certificates.server_key.read_bytes()),
            "cert_file: /client.crt and /client.key are not a certificate and its key",
            id="the key of another certificate",
        ),
        pytest.param(
            lambda named: named.renew(datetime(2020, 1, 2, 3, 4, tzinfo=UTC)),
            "cert_file: /client.crt: expired on 2020-01-02 03:04 UTC",
            id="a certificate that has expired",
        ),
        pytest.param(
            lambda named: named.certificates.client_key.chmod(0o666),
            "key_file: /client.key is not safe: every user may write it (mode 0666): chmod o-w /client.key",
            id="a key that everybody may write",
        ),
        pytest.param(
            lambda named: named.certificates.ca.chmod(0o646),
            "ca_file: /ca.crt is not safe: every user may write it (mode 0646): chmod o-w /ca.crt",
            id="an authority that everybody may choose",
        ),
        pytest.param(
            lambda named: named.make_pipe(named.password),
            "password_file: /password cannot be read: it is a pipe, not a file",
            id="a password that is a pipe",
        ),
        pytest.param(
            lambda named: named.password.write_bytes(b"caf\xe9\n"),
            "password_file: the first line of the password file /password is not UTF-8 text",
            id="a password of another encoding",
        ),
        pytest.param(
            lambda named: named.password.write_bytes(b"\nsecret\n"),
            "password_file: the password file /password has an empty first line",
            id="a password in the second line",
        ),
        pytest.param(
            lambda named: (named.password.unlink(), named.password.mkdir()),
            "password_file: /password cannot be read: Is a directory",
            id="a directory, as Docker makes of a mount that is missing",
        ),
    ],
)
def test_a_file_that_is_wrong_is_a_fault_of_the_check_and_of_nothing_else(
    named: Named, change: Callable[[Named], object], told: str
) -> None:
    change(named)
    assert named.fault() == told
    assert load(named.file, {}).datastore.ca_file == str(named.certificates.ca)


def test_a_configuration_that_everybody_may_write_is_a_fault_of_the_check(named: Named) -> None:
    named.file.chmod(0o666)
    with pytest.raises(ConfigError) as caught:
        check(named.file, {})
    assert caught.value.faults == (f"{named.file}: every user may write it (mode 0666): chmod o-w {named.file}",)


def test_a_secret_that_everybody_may_read_is_a_warning(named: Named) -> None:
    named.certificates.client_key.chmod(0o644)
    named.password.chmod(0o604)
    _, warnings, _ = check(named.file, {})
    assert [warning.partition("] ")[2].replace(str(named.file.parent), "") for warning in warnings] == [
        "key_file: /client.key is not safe: every user may read it (mode 0644): chmod o-r /client.key",
        "password_file: /password is not safe: every user may read it (mode 0604): chmod o-r /password",
    ]


def test_a_certificate_that_expires_soon_is_a_warning(named: Named) -> None:
    named.renew(NOW + timedelta(days=3))
    _, warnings, _ = check(named.file, {})
    assert [warning.partition("] ")[2].replace(str(named.file.parent), "") for warning in warnings] == [
        f"cert_file: /client.crt: valid until {NOW + timedelta(days=3):%Y-%m-%d %H:%M} UTC"
    ]


def test_the_files_of_variables_and_of_docker_are_looked_at_too(named: Named, tmp_path: Path) -> None:
    environ = {
        "CALICO_AGENT_DATASTORE_CA_FILE": f"{tmp_path}/none.crt",
        "CALICO_AGENT_DOCKER_CREDENTIALS": f"{tmp_path}/none.json",
    }
    with pytest.raises(ConfigError) as caught:
        check(named.file, environ)
    assert caught.value.faults == (
        f"CALICO_AGENT_DATASTORE_CA_FILE: {tmp_path}/none.crt cannot be read: No such file or directory",
        f"CALICO_AGENT_DOCKER_CREDENTIALS: {tmp_path}/none.json cannot be read: No such file or directory",
    )


def test_a_kubeconfig_is_looked_into(tmp_path: Path) -> None:
    """What it names has to be there; a program that makes the credential is not run for a check."""
    kubeconfig, file = tmp_path / "kubeconfig", tmp_path / "agent.toml"
    file.write_text(f'[datastore]\nkubeconfig = "{kubeconfig}"\n')
    whole: dict[str, Any] = {
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }

    def checked() -> str:
        kubeconfig.write_text(json.dumps(whole))
        kubeconfig.chmod(0o600)
        try:
            return " ".join(check(file, {})[2])
        except ConfigError as error:
            return " ".join(error.faults)

    assert "token does not exist" in checked()
    (tmp_path / "token").write_text("abc")
    assert f"{kubeconfig}: for https://10.0.0.1:6443" in checked()
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "no-such-program")}
    whole["users"][0]["user"] = {"exec": command}
    assert "for https://10.0.0.1:6443" in checked()
    whole["users"][0]["user"] = {"username": "a"}
    assert "which Kubernetes gave up in v1.19" in checked()
    whole["current-context"] = ""
    assert "it has no current-context" in checked()


def test_the_kubeconfig_for_calico_node_is_looked_into_as_its_container_sees_it(tmp_path: Path) -> None:
    """Its folder is another one there, and the program that makes a credential is not there at all."""
    own, given, file = tmp_path / "own", tmp_path / "given", tmp_path / "agent.toml"
    whole: dict[str, Any] = {
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
        "users": [{"name": "u", "user": {"token": "abc"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    own.write_text(json.dumps(whole))
    own.chmod(0o600)

    def checked(user: dict[str, Any], *, mounts: str = "", named: bool = True) -> str:
        path = given if named else own
        path.write_text(json.dumps(whole | {"users": [{"name": "u", "user": user}]}))
        path.chmod(0o600)
        node = f'kubeconfig = "{given}"' if named else ""
        file.write_text(
            f'mode = "supervise"\n[node]\nimage = "calico/node:v3.31.7"\npreset = "kubernetes"\n{node}\n{mounts}\n'
            f'[datastore]\nkubeconfig = "{own}"\n'
        )
        try:
            return " ".join(check(file, {})[1])
        except ConfigError as error:
            return " ".join(error.faults)

    assert checked({"tokenFile": "token"}) == ""
    assert f"[node] kubeconfig: {given} names {tmp_path}/token, which is not there" in checked(
        {"tokenFile": f"{tmp_path}/token"}
    )
    assert checked({"tokenFile": f"{tmp_path}/token"}, mounts=f'mounts = ["{tmp_path}:{tmp_path}:ro"]') == ""
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/usr/bin/aws"}
    assert "by exec, which calico/node in a container does not have: [node] kubeconfig may name" in checked(
        {"exec": command}, named=False
    )
    whole["current-context"] = ""
    assert "it has no current-context" in checked({"token": "abc"})
