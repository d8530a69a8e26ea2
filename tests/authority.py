"""Certificates as OpenSSL makes them: of authorities, of intermediate ones, self-signed, of any kind of key."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)
ED25519 = ("ed25519",)


@dataclass(frozen=True)
class Pair:
    """Files of a certificate and its key."""

    cert: Path
    key: Path


def self_signed(folder: Path, name: str, kind: tuple[str, ...] = EC) -> Pair:
    """An authority, or somebody who is his own."""
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    asked = ("req", "-x509", "-newkey", *kind, "-nodes", "-days", "90", "-subj", f"/CN={name}")
    openssl(*asked, "-keyout", str(pair.key), "-out", str(pair.cert))
    return pair


def issue(issuer: Pair, name: str, extensions: str = "", kind: tuple[str, ...] = EC) -> Pair:
    """A certificate by another one. `extensions` are lines of OpenSSL's configuration."""
    folder = issuer.cert.parent
    pair, request, wanted = Pair(folder / f"{name}.crt", folder / f"{name}.key"), folder / "csr", folder / "ext"
    wanted.write_text(extensions)
    openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", str(pair.key), "-out", str(request))
    by = ("-CA", str(issuer.cert), "-CAkey", str(issuer.key), "-CAcreateserial", "-extfile", str(wanted))
    openssl("x509", "-req", "-in", str(request), "-days", "90", *by, "-out", str(pair.cert))
    return pair


def openssl(*arguments: str) -> None:
    """Runs it. Raises CalledProcessError."""
    subprocess.run(("openssl", *arguments), check=True, capture_output=True, timeout=60)
