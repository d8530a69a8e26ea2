"""Certificates, keys and etcd's own certificate: files that OpenSSL made, and a real etcd with TLS."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.model.container.container import Container, ContainerState, Docker, Mount
from calico_agent.model.host.certificate import Credential, Credentials, EtcdServers
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.credentials import read_credentials, read_etcd_servers
from tests.authority import issue, openssl, self_signed
from tests.etcd_server import Certificates, EtcdServer, free_port, running_etcd

pytestmark = pytest.mark.real

NO_DOCKER = Unreadable("Docker", "it was not asked")


def settings(ca: Path | str, cert: Path | str = "", key: Path | str = "") -> DatastoreSettings:
    return DatastoreSettings(("https://etcd1:2379",), str(ca), str(cert), str(key))


def only(found: Credentials) -> Credential:
    (credential,) = found.found
    return credential


def test_files_that_fit_each_other(tmp_path: Path) -> None:
    authority = self_signed(tmp_path, "authority")
    client = issue(authority, "client", "extendedKeyUsage=clientAuth\n")
    found = only(read_credentials(settings(authority.cert, client.cert, client.key), NO_DOCKER))
    assert found.users == ("calico-agent",)
    assert (found.trouble, found.issued) == ("", True)
    assert found.ca is not None
    assert found.own is not None
    assert [one.subject for file in (found.ca, found.own) for one in file.certificates] == ["authority", "client"]


def test_what_is_wrong_with_files_is_said_of_each(tmp_path: Path) -> None:
    authority, other = self_signed(tmp_path, "authority"), self_signed(tmp_path, "other")
    client = issue(authority, "client")
    locked, der, folder, junk = (tmp_path / name for name in ("locked.key", "client.der", "folder.crt", "junk.crt"))
    openssl("ec", "-in", str(client.key), "-aes256", "-passout", "pass:secret", "-out", str(locked))
    openssl("x509", "-in", str(client.cert), "-outform", "der", "-out", str(der))
    folder.mkdir()
    junk.write_text("junk")

    def said(ca: Path, cert: Path, key: Path) -> tuple[str, ...]:
        found = only(read_credentials(settings(ca, cert, key), NO_DOCKER))
        files = (file.trouble for file in (found.ca, found.own) if file is not None)
        return tuple(filter(None, (*files, found.trouble)))

    assert said(authority.cert, client.cert, other.key) == (
        f"{client.cert} and {other.key} are not a certificate and its key",
    )
    assert said(authority.cert, client.cert, locked) == (
        f"{locked} is encrypted, and nobody is there to give its password",
    )
    assert said(authority.cert, client.cert, tmp_path / "no.key") == (
        f"the file of the client key, {tmp_path}/no.key, does not exist",
    )
    assert said(authority.cert, der, client.key)[0].startswith("it is in the form DER")
    assert said(folder, client.cert, client.key)[0].startswith("it is a directory, as Docker makes one")
    assert said(junk, client.cert, client.key) == ("it holds no certificate",)
    assert said(tmp_path / "no.crt", client.cert, client.key) == ("it does not exist",)


def test_programs_that_use_other_files_are_told_apart(tmp_path: Path) -> None:
    authority = self_signed(tmp_path, "authority")
    client, plugin = issue(authority, "client"), issue(authority, "plugin")
    container = Container(
        "1",
        "calico-node",
        "calico/node:v3.28.5",
        ContainerState.RUNNING,
        env=(
            ("ETCD_ENDPOINTS", "https://etcd1:2379"),
            ("ETCD_CA_CERT_FILE", "/certs/authority.crt"),
            ("ETCD_CERT_FILE", "/certs/client.crt"),
            ("ETCD_KEY_FILE", "/certs/client.key"),
        ),
        mounts=(Mount(str(tmp_path), "/certs", read_only=True),),
    )
    root = tmp_path / "root"
    folder = root / "etc/cni/net.d"
    folder.mkdir(parents=True)
    certs = {f"etcd_{kind}_file": f"/certs/{name}" for kind, name in (("cert", "plugin.crt"), ("key", "plugin.key"))}
    (folder / "10-calico.conf").write_text(
        json.dumps({"type": "calico", "etcd_ca_cert_file": "/certs/ca.crt", **certs})
    )
    (folder / "20-old.conf").write_text(json.dumps({"type": "calico", "etcd_cert_file": "/gone"}))
    (root / "certs").mkdir()
    for path, name in ((plugin.cert, "plugin.crt"), (plugin.key, "plugin.key"), (authority.cert, "ca.crt")):
        (root / "certs" / name).write_bytes(path.read_bytes())
    given = settings(authority.cert, client.cert, client.key)
    found = read_credentials(given, Docker(containers=(container,)))
    assert [one.users for one in found.found[:1]] == [("calico-agent", "calico/node")]
    found = read_credentials(None, NO_DOCKER, root)
    assert [(one.users, one.key, one.issued) for one in found.found] == [
        (("the CNI plugin",), "/certs/plugin.key", True)
    ], "nobody uses the file that comes later"


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    folder = tmp_path_factory.mktemp("etcd")
    with running_etcd(folder / "etcd", Certificates.issue(folder / "certificates")) as server:
        yield server


def test_each_endpoint_shows_its_certificate_or_why_it_cannot(etcd: EtcdServer, tmp_path: Path) -> None:
    dead = f"https://127.0.0.1:{free_port()}"
    found = read_etcd_servers(etcd.settings(etcd.url, dead, "http://127.0.0.1:1"))
    assert isinstance(found, EtcdServers)
    alive, gone = found.found
    assert (alive.trouble, gone.code) == ("", "refused"), "one without TLS has no certificate"
    assert alive.certificate is not None
    assert alive.certificate.not_after > datetime.now(UTC)
    others = Certificates.issue(tmp_path / "others")
    with_others = replace(etcd.settings(), cert_file=str(others.client), key_file=str(others.client_key))
    refused = read_etcd_servers(with_others)
    assert isinstance(refused, EtcdServers)
    assert refused.found[0].code == "tls"
    assert "does not accept our certificate" in refused.found[0].trouble


def test_a_certificate_for_other_names_says_for_which(tmp_path: Path) -> None:
    certificates = Certificates.issue(tmp_path / "certificates", "etcd1.example", "10.0.0.1")
    with running_etcd(tmp_path / "etcd", certificates) as server:
        found = read_etcd_servers(server.settings())
    assert isinstance(found, EtcdServers)
    told = "the server's certificate is not for 127.0.0.1, but for etcd1.example, 10.0.0.1"
    assert (found.found[0].code, found.found[0].trouble) == ("tls", told)


def test_nobody_said_where_etcd_is() -> None:
    assert isinstance(read_etcd_servers(None), Unreadable)


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    authority = self_signed(tmp_path, "authority")
    client = issue(authority, "client")
    client.key.chmod(stat.S_IRUSR)
    body = client.key.read_text().splitlines()[1]
    swapped = settings(authority.cert, client.key, client.cert)
    assert body not in repr(read_credentials(swapped, NO_DOCKER))
