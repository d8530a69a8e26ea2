"""Who may ask over TCP, and by what they know the agent. Files are read again when they were renewed.

What is half written, or does not fit, changes nothing: what was read before stays in force, and the report tells.
"""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address

from calico_agent.errors import ServeError
from calico_agent.faults.agent import AGENT_TLS
from calico_agent.model.host.certificate import Certificate
from calico_agent.model.observation import AgentTrouble
from calico_agent.model.settings import AccessFiles
from calico_agent.sources.host.access_files import AccessMaterial, read_access

_BEARER = "bearer "
# Of TLS 1.2, without tickets; a new context begins without any. OpenSSL itself keeps 20480, some 1 to 3 KiB each.
_MOST_SESSIONS = 1000
_Marks = tuple[tuple[int, int, int, int] | None, ...]


class Access:
    """The files of [http] and what they hold. `renew` is called by one thread; any thread may ask."""

    def __init__(self, files: AccessFiles | None = None) -> None:
        """`files` None: everybody is let in, without TLS."""
        self.files = files or AccessFiles()
        self._seen: _Marks = ()
        self._material = AccessMaterial()
        self._trouble: ServeError | None = None

    def open(self) -> None:
        """Read the files for the first time. Raises ServeError."""
        self._seen = self._marks()
        self._material = read_access(self.files)

    def renew(self) -> None:
        """Read them again, if they changed, or OpenSSL keeps what many clients may come back to."""
        marks, context = self._marks(), self.context
        if marks == self._seen and (context is None or context.session_stats()["number"] < _MOST_SESSIONS):
            return
        try:
            self._material = read_access(self.files)
        except ServeError as error:
            self._trouble = error
        else:
            self._trouble = None
        self._seen = marks

    @property
    def context(self) -> ssl.SSLContext | None:
        """What the next connection is made with; None for one without TLS."""
        return self._material.context

    @property
    def ends(self) -> Mapping[str, datetime]:
        """When the certificates that are in use expire, by role."""
        return {role: one.not_after for role, one in self._material.certificates.items()}

    def admits(self, authorization: str) -> bool:
        """True if an Authorization header has one of the tokens, or none is wanted. The time it takes tells nothing."""
        if not self.files.token:
            return True
        scheme, token = authorization[: len(_BEARER)], authorization[len(_BEARER) :].strip()
        digest = sha256(token.encode("latin-1", errors="replace")).digest()
        found = [compare_digest(digest, known) for known in self._material.tokens]
        return scheme.lower() == _BEARER and any(found)

    def troubles(self, now: datetime) -> tuple[AgentTrouble, ...]:
        """Return what is wrong with the files, and what will be soon."""
        found = []
        if self._trouble is not None:
            what = f"what was renewed is of no use: {self._trouble.message}"
            effect = "what was read before stays in force, and whoever goes by the new files gets no answer"
            cure = f"{self._trouble.hint}; it is read again as soon as it changes"
            found.append(AgentTrouble(AGENT_TLS, "renewal", what, effect=effect, cure=cure))
        certificates = self._material.certificates
        for role, path, key in (
            ("server", self.files.cert, "cert_file"),
            ("client_authority", self.files.client_ca, "client_ca_file"),
        ):
            what = _not_valid(certificates[role], now) if role in certificates else ""
            if what:
                effect = "whoever asks over TCP gets no answer while it is not valid"
                cure = f"a new one in its place, which is read without a restart; see [http] {key}"
                found.append(AgentTrouble(AGENT_TLS, path, f"{path} {what}", effect=effect, cure=cure))
        return tuple(found)

    def _marks(self) -> _Marks:
        """What changes with the files."""
        found: list[tuple[int, int, int, int] | None] = []
        for path in self.files.paths:
            try:
                seen = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns))
        return tuple(found)


def is_own_name(header: str) -> bool:
    """True if a Host header has a name or an address of loopback, or nothing: who names no host is no browser.

    A page in a browser on this host may ask the agent under the name of its own site, once that name leads to 127.0.0.1
    (DNS rebinding); the browser then lets it read the answer. The Host header tells: it holds the name of the site.
    With TLS the browser itself has seen by the certificate whom it asks.
    """
    name = header.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name in {"", "localhost"}:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _not_valid(certificate: Certificate, now: datetime) -> str:
    """What is wrong with its time, or will be soon; empty for nothing."""
    if certificate.not_before > now:
        return f"is not valid before {_day(certificate.not_before)}; this host's clock says {_day(now)}"
    if certificate.not_after < now:
        return f"expired on {_day(certificate.not_after)}"
    soon = certificate.not_after - now < certificate.notice
    return f"expires on {_day(certificate.not_after)}" if soon else ""


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
