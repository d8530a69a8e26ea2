"""The files that TLS to etcd needs. They are read whenever a connection is made, so that renewed ones are used."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from calico_agent.model.settings import DatastoreSettings
from calico_agent.small_file import read_small
from calico_agent.sources.datastore.server.error import DatastoreError

_MAX_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the certificate authority's, our own certificate's and our key's files; empty for none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """The contents of the TLS files."""

    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None


class UsedFiles:
    """The TLS files of one connection: what it was made with, and whether the disk holds something else by now."""

    def __init__(self, settings: DatastoreSettings, *, tls: bool) -> None:
        self.files = TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
        self.material = read_tls(self.files) if tls else TlsMaterial()
        self._tls = tls

    def renewed(self) -> bool:
        """Whether another connection would use other ones. Raises DatastoreError where it could not be made with them.

        That may be the middle of a renewal; what this connection was made with still works.
        """
        if not self._tls or read_tls(self.files) == self.material:
            return False
        tls_context(self.files)
        return True


def read_tls(files: TlsFiles) -> TlsMaterial:
    """The TLS files as they are now. Raises DatastoreError."""
    if bool(files.certificate) != bool(files.key):
        raise DatastoreError("a client certificate needs its key, and a key its certificate; one is missing", "config")
    return TlsMaterial(
        ca=_read_file(files.ca, "certificate authority"),
        certificate=_read_file(files.certificate, "client certificate"),
        key=_read_file(files.key, "client key"),
    )


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """What OpenSSL makes of the files. Raises DatastoreError with what is wrong with them."""
    material = read_tls(files)
    try:
        context = ssl.create_default_context(cafile=files.ca or None)
    except (OSError, ssl.SSLError):
        raise DatastoreError(f"{files.ca} holds no usable certificate of an authority", "file") from None
    # As calico/node does, which is written in Go: what is in that file is trusted, whoever signed it, and a certificate
    # may lack what only newer ones have (from 3.13 on Python asks for that).
    context.verify_flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    if not files.certificate:
        return context
    if b"-----BEGIN CERTIFICATE-----" not in (material.certificate or b""):
        raise DatastoreError(f"{files.certificate} holds no certificate", "file")
    if b"PRIVATE KEY-----" not in (material.key or b""):
        raise DatastoreError(f"{files.key} holds no private key", "file")
    try:
        context.load_cert_chain(files.certificate, files.key, password=refuse_password)
    except EncryptedError:
        raise DatastoreError(f"{files.key} is encrypted, and nobody is there to give its password", "file") from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or ""
        if reason.endswith(("TOO_SMALL", "TOO_WEAK")):
            said = reason.lower().replace("_", " ")
            raise DatastoreError(f"{files.certificate} is refused by this system's OpenSSL: {said}", "file") from None
        raise DatastoreError(f"{files.certificate} and {files.key} are not a certificate and its key", "file") from None
    return context


class EncryptedError(ValueError):
    """A key that has a password."""


def refuse_password() -> str:
    """Instead of a password. Without this OpenSSL would ask on the terminal, and wait. Raises EncryptedError."""
    raise EncryptedError


def _read_file(path: str, what: str) -> bytes | None:
    if not path:
        return None
    try:
        return read_small(Path(path), _MAX_FILE)
    except FileNotFoundError:
        raise DatastoreError(f"the file of the {what}, {path}, does not exist", "file") from None
    except PermissionError:
        raise DatastoreError(f"the file of the {what}, {path}, may not be read by this user", "file") from None
    except OSError as error:
        raise DatastoreError(f"the file of the {what}, {path}, cannot be read: {error.strerror}", "file") from None
