"""server/issuance.py on certificates that OpenSSL made."""

from pathlib import Path

import pytest

from calico_agent.sources.datastore.server.issuance import is_issued
from calico_agent.sources.datastore.server.tls_files import TlsFiles
from tests.authority import EC, ED25519, RSA, Pair, issue, openssl, self_signed

pytestmark = pytest.mark.real

AUTHORITY = "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n"


def asked(ca: Path, pair: Pair) -> bool | None:
    return is_issued(TlsFiles(str(ca), str(pair.cert), str(pair.key)))


@pytest.mark.parametrize("kind", [EC, RSA, ED25519], ids=["EC", "RSA", "Ed25519"])
def test_the_authority_that_issued_it_and_another(tmp_path: Path, kind: tuple[str, ...]) -> None:
    authority, other = self_signed(tmp_path, "authority", kind), self_signed(tmp_path, "other", kind)
    client = issue(authority, "client", "extendedKeyUsage=clientAuth\n", kind)
    assert asked(authority.cert, client) is True
    assert asked(other.cert, client) is False


def test_an_authority_of_the_same_name_with_another_key(tmp_path: Path) -> None:
    """The usual remains of a second `kubeadm init` or of a playbook that was run anew."""
    client = issue(self_signed(tmp_path, "authority"), "client")
    anew = self_signed(tmp_path, "authority")
    assert asked(anew.cert, client) is False


def test_a_bundle_of_authorities(tmp_path: Path) -> None:
    one, other = self_signed(tmp_path, "one"), self_signed(tmp_path, "other")
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(other.cert.read_bytes() + one.cert.read_bytes())
    assert asked(bundle, issue(one, "client")) is True


def test_intermediate_ones_come_with_the_certificate_or_are_trusted_themselves(tmp_path: Path) -> None:
    root = self_signed(tmp_path, "root")
    between = issue(root, "between", AUTHORITY)
    client = issue(between, "client")
    assert asked(root.cert, client) is False, "etcd is not shown the one between"
    assert asked(between.cert, client) is True, "Go trusts what is in the file, whoever signed it"
    chain = tmp_path / "chain.crt"
    chain.write_bytes(client.cert.read_bytes() + between.cert.read_bytes())
    assert asked(root.cert, Pair(chain, client.key)) is True


def test_what_openssl_alone_would_refuse(tmp_path: Path) -> None:
    """Kubernetes' manual makes certificates for etcd with this key usage, and Go does not look at it."""
    authority = self_signed(tmp_path, "authority")
    client = issue(authority, "client", "keyUsage=keyEncipherment,dataEncipherment\n", RSA)
    assert asked(authority.cert, client) is True


def test_one_that_is_its_own_authority(tmp_path: Path) -> None:
    alone = self_signed(tmp_path, "alone")
    assert asked(alone.cert, alone) is True


def test_what_cannot_be_used_says_nothing(tmp_path: Path) -> None:
    authority, other = self_signed(tmp_path, "authority"), self_signed(tmp_path, "other")
    client, locked = issue(authority, "client"), tmp_path / "locked.key"
    openssl("ec", "-in", str(client.key), "-aes256", "-passout", "pass:secret", "-out", str(locked))
    assert asked(authority.cert, Pair(client.cert, other.key)) is None
    assert asked(authority.cert, Pair(client.cert, locked)) is None
    assert asked(tmp_path / "missing", client) is None
    assert asked(client.key, client) is None
