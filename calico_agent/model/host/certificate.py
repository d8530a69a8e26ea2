"""Certificates, and what they are used for here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_CLIENT_AUTH, _ANY_USAGE = "1.3.6.1.5.5.7.3.2", "2.5.29.37.0"  # RFC 5280, 4.2.1.12

# One that is made for days or hours is renewed that often, too: a fixed notice would never end.
_NOTICE, _LAST_CALL = timedelta(days=30), timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One X.509 certificate. Valid from and until, both included (aware, UTC).

    `subject` is its common name, else its first other name; empty for neither. `usages` are the object identifiers of
    what it may be used for, none where it may be used for everything.
    """

    not_before: datetime
    not_after: datetime
    subject: str = ""
    usages: frozenset[str] = frozenset()

    @property
    def for_clients(self) -> bool:
        """Whether a server takes it for a client's."""
        return not self.usages or not self.usages.isdisjoint({_CLIENT_AUTH, _ANY_USAGE})

    @property
    def notice(self) -> timedelta:
        """How long before its end people should hear of it: 30 days, but no more than a third of its life."""
        return min(_NOTICE, (self.not_after - self.not_before) / 3)

    @property
    def last_call(self) -> timedelta:
        """How long before its end nothing may be put off any more: 3 days, but no more than a tenth of its life."""
        return min(_LAST_CALL, (self.not_after - self.not_before) / 10)


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """The certificates in one file, in its order; the first is the file's own. `trouble`: why it is of no use."""

    path: str
    certificates: tuple[Certificate, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """Files by which programs of this host prove to etcd who they are, and by which they know etcd.

    `users` are the programs. `trouble` is what keeps key and certificate from being used together. `issued` says
    whether the certificate was issued by the authority in `ca`: etcd's clients may well have another one than etcd.
    None where that could not be asked.
    """

    users: tuple[str, ...]
    ca: CertificateFile | None = None
    own: CertificateFile | None = None
    key: str = ""
    trouble: str = ""
    issued: bool | None = None


@dataclass(frozen=True, slots=True)
class EtcdServer:
    """One endpoint of etcd, as a TLS handshake with the agent's own files shows it.

    `trouble` says why it failed, `code` is the kind of that: `tls`, or what kept it from being tried (`refused`,
    `timeout`, ...). `certificate` is the server's.
    """

    endpoint: str
    trouble: str = ""
    code: str = ""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Those of all programs, once each."""

    found: tuple[Credential, ...] = ()


@dataclass(frozen=True, slots=True)
class EtcdServers:
    """The endpoints that are reached by TLS."""

    found: tuple[EtcdServer, ...] = ()
