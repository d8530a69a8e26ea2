"""The files that TLS to etcd needs. They are read whenever a connection is made, so that renewed ones are used."""

from dataclasses import dataclass
from pathlib import Path

from calico_agent.etcd_client.error import EtcdError

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


def read_tls(files: TlsFiles) -> TlsMaterial:
    """The TLS files as they are now. Raises EtcdError."""
    if bool(files.certificate) != bool(files.key):
        raise EtcdError("a client certificate needs its key, and a key its certificate; one is missing", "config")
    return TlsMaterial(
        ca=_read_file(files.ca, "certificate authority"),
        certificate=_read_file(files.certificate, "client certificate"),
        key=_read_file(files.key, "client key"),
    )


def _read_file(path: str, what: str) -> bytes | None:
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_FILE)
    except FileNotFoundError:
        raise EtcdError(f"the file of the {what}, {path}, does not exist", "absent") from None
    except PermissionError:
        raise EtcdError(f"the file of the {what}, {path}, may not be read by this user", "denied") from None
    except OSError as error:
        raise EtcdError(f"the file of the {what}, {path}, cannot be read: {error.strerror}", "absent") from None
