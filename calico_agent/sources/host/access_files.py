"""The files by which the agent and whoever asks it over TCP know each other: its certificate, and who is let in.

The same rules as those of the Prometheus exporter toolkit (docs/web-configuration.md of its repository): of what is
configured, a client has to show all.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from calico_agent.errors import ServeError
from calico_agent.model.host.certificate import Certificate
from calico_agent.model.settings import AccessFiles
from calico_agent.small_file import read_small
from calico_agent.sources.datastore.server.tls_files import EncryptedError, refuse_password
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.decode.certificate import decode_certificates

_MOST_BYTES = 1 << 20
# Guessing 16 characters takes longer than the sun shines; fewer may be somebody's word.
_SHORTEST_TOKEN = 16
# One in use and one that comes; more are a list of users, which a proxy keeps.
_MOST_TOKENS = 16


class AccessFileError(ServeError):
    """A file is of no use. `key` is the name of its setting in [http]."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message, hint=f"see [http] {key}")
        self.key = key


@dataclass(frozen=True, slots=True)
class AccessMaterial:
    """What the files hold. `context` is None without TLS, `tokens` are SHA-256 digests.

    `certificates` are the one of the port (`server`) and the last to expire of the authorities of clients
    (`client_authority`); none of a role without a file.
    """

    context: ssl.SSLContext | None = None
    tokens: tuple[bytes, ...] = ()
    certificates: Mapping[str, Certificate] = field(default_factory=dict)


def read_access(files: AccessFiles) -> AccessMaterial:
    """Read all files. Raises AccessFileError, also for those that do not fit each other."""
    tokens = _tokens(files.token) if files.token else ()
    if not files.cert:
        return AccessMaterial(tokens=tokens)
    certificates = {"server": _certificates("cert_file", files.cert)[0]}
    if files.client_ca:
        authorities = _certificates("client_ca_file", files.client_ca)
        certificates["client_authority"] = max(authorities, key=lambda one: one.not_after)
    return AccessMaterial(_context(files), tokens, certificates)


def _context(files: AccessFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    if b"PRIVATE KEY-----" not in _content("key_file", files.key):
        raise AccessFileError("key_file", f"{files.key} holds no private key")
    try:
        context.load_cert_chain(files.cert, files.key, password=refuse_password)
    except EncryptedError:
        said = f"{files.key} is encrypted, and nobody is there to give its password"
        raise AccessFileError("key_file", said) from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or ""
        if reason.endswith(("TOO_SMALL", "TOO_WEAK")):
            said = f"{files.cert} is refused by this system's OpenSSL: {reason.lower().replace('_', ' ')}"
            raise AccessFileError("cert_file", said) from None
        raise AccessFileError("key_file", f"{files.cert} and {files.key} are not a certificate and its key") from None
    if files.client_ca:
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ssl.SSLError):
            said = f"{files.client_ca} holds no usable certificate of an authority"
            raise AccessFileError("client_ca_file", said) from None
        context.verify_mode = ssl.CERT_REQUIRED
        # As programs in Go do, Prometheus among them: who is in that file is trusted, whoever signed that one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _tokens(path: str) -> tuple[bytes, ...]:
    """The digest of each line. The words of an error quote nothing."""
    lines = [line.strip() for line in _content("token_file", path).splitlines() if line.strip()]
    if not 1 <= len(lines) <= _MOST_TOKENS:
        raise AccessFileError(
            "token_file", f"{path} has {len(lines) or 'no'} tokens (wanted 1 to {_MOST_TOKENS} lines)"
        )
    for number, line in enumerate(lines, 1):
        if len(line) < _SHORTEST_TOKEN or not line.isascii() or any(not 33 <= letter <= 126 for letter in line):
            wanted = f"{_SHORTEST_TOKEN} or more ASCII characters without spaces: `openssl rand -hex 32` makes one"
            raise AccessFileError("token_file", f"token {number} of {path} cannot be one (wanted {wanted})")
    return tuple(sha256(line).digest() for line in lines)


def _certificates(key: str, path: str) -> tuple[Certificate, ...]:
    """Return the certificates of a file, in its order. Raises AccessFileError."""
    try:
        return decode_certificates(_content(key, path))
    except Malformed as error:
        raise AccessFileError(key, f"{path}: {error.what}") from None


def _content(key: str, path: str) -> bytes:
    try:
        return read_small(Path(path), _MOST_BYTES)
    except OSError as error:
        raise AccessFileError(key, f"{path} cannot be read: {error.strerror}") from None
